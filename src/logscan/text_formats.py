"""Batches of replies as CSV, TSV and JSON Lines, a column at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

# What spreadsheets take for a formula, or what hides one: a text that begins with one of these.
_FORMULA = r"^[=+\-@\t\r]"

# Everything but printable ASCII, and of that what JSON escapes.
_NEEDS_ESCAPE = r"[^ !#-\[\]-~]"

# Controls and formatting characters; terminal.sanitise makes the same ones visible.
_CONTROL = (
    r"[\x00-\x1f\x7f-\x{9f}\x{ad}\x{61c}\x{180e}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}"
    r"\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]"
)


def delimited(batch: pa.RecordBatch, delimiter: str, *, header: bool, for_terminal: bool) -> bytes:
    """``batch`` as lines of text cells in quotes; null is an empty cell without quotes.

    A text that a spreadsheet would take for a formula gets a leading apostrophe: text in a log is written by
    strangers. Times are ISO 8601 with Z. On a terminal, control characters become ``?``.
    """

    def cell(texts: pa.Array) -> Any:
        texts = pc.replace_substring_regex(texts, _CONTROL, "?") if for_terminal else texts
        return pc.replace_substring_regex(texts, _FORMULA, r"'\0")

    columns = [_plain(column, cell) for column in batch.columns]
    sink = io.BytesIO()
    pyarrow.csv.write_csv(
        pa.record_batch(columns, names=batch.schema.names),
        sink,
        pyarrow.csv.WriteOptions(include_header=header, delimiter=delimiter),
    )
    return sink.getvalue()


def json_lines(batch: pa.RecordBatch) -> memoryview:
    """``batch`` as one JSON object a line, in ASCII; times are ISO 8601 with Z, null is ``null``."""
    if not batch.num_rows:
        return memoryview(b"")
    parts: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        parts += [f"{',' if parts else '{'}{json.dumps(name)}:", _json_values(column)]
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    offsets = memoryview(lines.buffers()[1]).cast("i")
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last]


def _json_values(column: pa.Array) -> Any:
    column = _plain(column, _json_strings, quote_times=True)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return pc.fill_null(column.cast(pa.string()), "null")


def _json_strings(texts: pa.Array) -> Any:
    """Each text as a JSON string; only the few that need escapes are handled one by one."""
    special = pc.match_substring_regex(texts, _NEEDS_ESCAPE)
    quoted = pc.binary_join_element_wise('"', texts, '"', "")
    if not pc.any(special).as_py():
        return quoted
    escaped = [json.dumps(text) for text in texts.filter(special).to_pylist()]
    return pc.replace_with_mask(quoted, pc.fill_null(special, False), pa.array(escaped, pa.string()))


def _plain(column: pa.Array, change: Callable[[pa.Array], Any], *, quote_times: bool = False) -> Any:
    """``column`` without dictionary or time type, its texts changed, each distinct one once if encoded."""
    if pa.types.is_timestamp(column.type):
        column = column.dictionary_encode()
        texts = iso_times(column.dictionary)
        return (pc.binary_join_element_wise('"', texts, '"', "") if quote_times else texts).take(
            column.indices
        )
    if pa.types.is_dictionary(column.type):
        return change(column.dictionary).take(column.indices)
    if pa.types.is_primitive(column.type) and not pa.types.is_temporal(column.type):
        return column  # numbers and truth values
    return change(column.cast(pa.string()))


def iso_times(times: pa.Array) -> Any:
    """Times in UTC as ``2026-11-22T14:05:00Z``, with microseconds only where there are any."""
    return pc.replace_substring_regex(
        times.cast(pa.string()), r"^(\S+) ([0-9:]+)(?:\.0+|(\.[0-9]+))?Z?$", r"\1T\2\3Z"
    )
