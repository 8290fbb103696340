"""Log lines inside JSON, one object a line: Docker's json-file and what journalctl -o json prints.

Blocks of nothing but regular objects are converted as columns. Others (with plain lines among them, with
parts of lines, cut off) are read line by line. Both ways give the same lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from logscan.reading.wrapped import (
    MICROSECONDS,
    NOT_IN_HOST,
    NOT_IN_TAG,
    PID,
    STAMP,
    WHOLE_LINE,
    Entry,
    line_by_line,
)

_MESSAGE_OF_BYTES = re.compile(rb'"MESSAGE" ?: ?\[([0-9, ]*)\]')
_EPOCH = datetime(1970, 1, 1)
_WHOLE_LINE = re.compile(WHOLE_LINE.encode())


def strip_docker(block: bytes) -> bytes:
    """Return what a container wrote, of lines {"log":"…\\n","stream":"stdout","time":"…"} (json-file)."""
    from logscan.reading.layers_arrow import docker_columns  # imports pyarrow, which other logs need later

    return docker_columns(block) or line_by_line(block, _docker_entry)


def strip_journal(block: bytes) -> bytes:
    """Return syslog lines with RFC 3339 stamps, of journal entries (systemd.journal-fields(7))."""
    from logscan.reading.layers_arrow import journal_columns

    block = _MESSAGE_OF_BYTES.sub(_message_as_string, block)
    return journal_columns(block) or line_by_line(block, _journal_entry)


def _docker_entry(line: bytes) -> Entry | None:
    fields = _fields(line)
    log = fields.get("log")
    if not isinstance(log, str):
        return None
    stamp = _matching(STAMP, fields.get("time"))
    return Entry(_encoded(stamp), _encoded(log), _encoded(str(fields.get("stream"))), log.endswith("\n"))


def _journal_entry(line: bytes) -> Entry | None:
    fields = _fields(line)
    microseconds = _matching(MICROSECONDS, fields.get("__REALTIME_TIMESTAMP"))
    message = fields.get("MESSAGE")
    if not microseconds or not (message is None or isinstance(message, str)):
        return None
    text = _encoded(message or "")
    if _WHOLE_LINE.match(text):
        return Entry(b"", text)
    stamp = (_EPOCH + timedelta(microseconds=int(microseconds))).isoformat(timespec="microseconds") + "+00:00"
    host = re.sub(NOT_IN_HOST, "_", _string(fields, "_HOSTNAME")) or "-"
    tag = re.sub(NOT_IN_TAG, "_", _string(fields, "SYSLOG_IDENTIFIER") or _string(fields, "_COMM")) or "-"
    pid = _matching(PID, _string(fields, "SYSLOG_PID") or _string(fields, "_PID"))
    return Entry(b"", _encoded(f"{stamp} {host} {tag}{f'[{pid}]' if pid else ''}: ") + text)


def _message_as_string(match: re.Match[bytes]) -> bytes:
    """Return a message that is not UTF-8, which journald gives as an array of bytes, as a string."""
    try:
        message = bytes(map(int, match[1].split(b","))) if match[1].strip() else b""
    except ValueError:
        return match[0]
    return b'"MESSAGE":' + json.dumps(message.decode(errors="replace")).encode()


def _fields(line: bytes) -> Mapping[str, Any]:
    """Return the object on the line; an empty one if there is none. Bytes that are not UTF-8 survive."""
    if not line.startswith(b"{"):
        return {}
    try:
        fields = json.loads(line.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _matching(pattern: str, value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(pattern, value) else ""


def _encoded(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, written as an escape
        return text.encode(errors="replace")
