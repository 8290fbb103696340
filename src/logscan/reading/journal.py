"""Entries of the systemd journal, as journalctl prints them: a JSON object on each line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime

from logscan.reading.inputs import command_source

_PIECE = 1 << 16
# journalctl before version 236 put spaces around the colon. Quotes inside of values are escaped.
_CURSOR = re.compile(rb'"__CURSOR" ?: ?"([^"\\]+)"')
_TIME = re.compile(rb'"__REALTIME_TIMESTAMP" ?: ?"([0-9]{1,16})"')
#: Where an entry stands, which changes if journald copies it from one journal file to another.
_PLACE = ("__CURSOR", "__SEQNUM", "__SEQNUM_ID")


def entries(command: tuple[str, ...], cursor: str | None = None) -> Generator[bytes, None, None]:
    """Yield the lines that journalctl prints: from the entry with this cursor on, else all.

    If there is no such entry any more, the first one is that which came after it; --after-cursor of
    systemd 252 would leave that one out. Raises OSError, after all whole lines, if journalctl failed.
    """
    if cursor is not None:
        command = (*command, f"--cursor={cursor}")
    with command_source(command, "journal").opener(False) as raw:
        rest = b""
        while data := raw.read(_PIECE):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line + b"\n"


def reader(lines: Iterator[bytes]) -> Callable[[int], bytes]:
    """Return a function that reads up to so many bytes of lines; the lines before a failure are read first."""
    rest = b""
    failure: OSError | None = None

    def read(size: int) -> bytes:
        nonlocal rest, failure
        pieces, length = [rest], len(rest)
        try:
            while length < size and (line := next(lines, b"")):
                pieces.append(line)
                length += len(line)
        except OSError as error:
            failure = error
        data = b"".join(pieces)
        if failure and not data:
            raise failure
        rest = data[size:]
        return data[:size]

    return read


def cursor_of(entry: bytes) -> str:
    """The text by which journalctl finds the entry again; empty if it has none."""
    found = _CURSOR.search(entry)
    return found[1].decode(errors="replace") if found else ""


def time_of(entry: bytes) -> datetime | None:
    """When journald received the entry."""
    found = _TIME.search(entry)
    return datetime.fromtimestamp(int(found[1]) / 1e6, UTC) if found else None


def without_place(entry: bytes) -> bytes:
    """What the entry says, and when it was received, but not where it stands."""
    try:
        fields = json.loads(entry)
    except ValueError:
        return entry
    return json.dumps({name: fields[name] for name in sorted(fields) if name not in _PLACE}).encode()
