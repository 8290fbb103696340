"""JSON log lines converted as columns: what layers_json does line by line, without a Python object a line."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from logscan.reading.wrapped import (
    BREAKS,
    MICROSECONDS,
    NO_HOST,
    NOT_IN_HOST,
    NOT_IN_TAG,
    PID,
    STAMP,
    TAG,
    WHOLE_LINE,
)

_JOURNAL_FIELDS = (
    "__REALTIME_TIMESTAMP",
    *("_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID"),
    "MESSAGE",
)


def docker_columns(block: bytes) -> bytes | None:
    """Return a block of json-file lines converted, or None unless each is regular and holds a whole line."""
    return _converted(block, ("log", "time"), _docker)


def journal_columns(block: bytes) -> bytes | None:
    """Return a block of journal entries converted, or None unless each is a regular object."""
    return _converted(block, _JOURNAL_FIELDS, _journal)


def _docker(log: pa.Array, time: pa.Array) -> pa.Array | None:
    if not (_all(pc.ends_with(log, "\n")) and _all(pc.match_substring_regex(time, STAMP))):
        return None
    text = _one_line(log)
    bare = pc.match_substring_regex(text, f"^{TAG}")
    if pc.any(bare).as_py():
        text = pc.if_else(bare, _glued(time, b" ", NO_HOST, b" ", text), text)
    return text


def _journal(
    microseconds: pa.Array,
    host: pa.Array,
    identifier: pa.Array,
    command: pa.Array,
    syslog_pid: pa.Array,
    pid: pa.Array,
    message: pa.Array,
) -> pa.Array | None:
    if not _all(pc.match_substring_regex(microseconds, MICROSECONDS)):
        return None
    text = _one_line(pc.fill_null(message, ""))
    stamp = (
        microseconds.cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.string())
    )  # 2025-11-05 10:11:12.003456
    stamp = _glued(pc.binary_replace_slice(stamp, 10, 11, "T"), b"+00:00")
    host = _word(host, NOT_IN_HOST)
    tag = _word(pc.coalesce(_filled(identifier), command), NOT_IN_TAG)
    pid = pc.coalesce(_filled(syslog_pid), pid)
    has_pid = pc.fill_null(pc.match_substring_regex(pid, PID), False)
    pid = pc.if_else(has_pid, _glued(b"[", pc.fill_null(pid, ""), b"]"), pa.scalar(b""))
    whole = pc.match_substring_regex(text, WHOLE_LINE)
    return pc.if_else(whole, text, _glued(stamp, b" ", host, b" ", tag, pid, b": ", text))


def _converted(
    block: bytes, fields: tuple[str, ...], convert: Callable[..., pa.Array | None]
) -> bytes | None:
    body = block.removesuffix(b"\n")
    lines = body.count(b"\n") + 1
    # Where each line begins and ends like an object, none spans two; as many rows as lines is one in each.
    if not body.startswith(b"{") or body.count(b"}\n{") != lines - 1:
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(body),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=pa.schema([(name, pa.string()) for name in fields]),
                unexpected_field_behavior="ignore",
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines:
        return None
    column = convert(*(table[name].combine_chunks() for name in fields))
    if column is None:
        return None
    text: bytes = _glued(column, b"\n").buffers()[2].to_pybytes()
    return text if block.endswith(b"\n") else text[:-1]


def _all(mask: pa.Array) -> bool:
    return not mask.null_count and bool(pc.all(mask).as_py())


def _one_line(text: pa.Array) -> pa.Array:
    text = pc.ascii_rtrim(text, "\r\n").cast(pa.binary())  # regexes on binary take any bytes
    if pc.any(pc.match_substring_regex(text, BREAKS)).as_py():
        text = pc.replace_substring_regex(text, BREAKS, " ")
    return text


def _filled(text: pa.Array) -> pa.Array:
    """Return the column with null for empty."""
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _word(text: pa.Array, forbidden: str) -> pa.Array:
    text = pc.fill_null(_filled(text), "-").cast(pa.binary())
    return pc.replace_substring_regex(text, forbidden, "_")


def _glued(*parts: pa.Array | bytes) -> pa.Array:
    texts = [part if isinstance(part, bytes) else part.cast(pa.binary()) for part in parts]
    return pc.binary_join_element_wise(*texts, b"")
