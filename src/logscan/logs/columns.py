"""Columns of captured texts, in the type that they have in the replies table, and in its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.durations import seconds
from logscan.schema import REPORT_ONLY

Columns = dict[str, pa.Array]

#: So many words are renamed one by one; more, in the column's dictionary.
_FEW = 4
#: Columns that hold numbers, with their types in the replies table.
NUMBERS = {
    "size": pa.int64(),
    "delay": pa.float64(),
    "peer_port": pa.int32(),
    "code": pa.int16(),
    **{field.name: field.type for field in REPORT_ONLY},
}
#: Where an empty text means that nothing is known (the empty sender is the null sender).
_NEVER_EMPTY = frozenset({"peer_name", "peer_ip", "peer_port", "helo", "sasl_username", "message_id"})


def constant(value: Any, count: int) -> pa.Array:
    """``count`` times the same value; texts as a dictionary of one."""
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(count, np.int32)), pa.array([value], pa.string())
        )
    return pa.repeat(pa.scalar(value), count)


def as_text(column: pa.Array) -> pa.Array:
    """The column as plain text."""
    return column if column.type == pa.string() else column.cast(pa.string())


def completed(column: pa.Array, others: pa.Array) -> pa.Array:
    """The column with what stands in ``others`` where it is null; both are of one type and length."""
    if not column.null_count:
        return column
    if column.null_count == len(column):
        return others
    rows = np.arange(len(column))
    return _picked(column, others, np.where(np.asarray(column.is_null()), len(column) + rows, rows))


def replaced(column: pa.Array, places: npt.NDArray[np.int64], values: pa.Array) -> pa.Array:
    """The column with other values, of its type, at some places."""
    index = np.arange(len(column))
    index[places] = len(column) + np.arange(len(places))
    return _picked(column, values, index)


def _picked(first: pa.Array, second: pa.Array, index: npt.NDArray[np.int64]) -> pa.Array:
    # Half of what coalesce and replace_with_mask cost for texts.
    return pa.concat_arrays([first, second]).take(pa.array(index))


def null_if_empty(name: str, column: pa.Array) -> pa.Array:
    """The column with null for an empty text, where that means that nothing is known."""
    if name in _NEVER_EMPTY and column.type == pa.string() and pc.any(pc.equal(column, "")).as_py():
        return pc.if_else(pc.equal(column, ""), None, column)
    return column


def rename_values(columns: Columns, values: Mapping[str, Mapping[str, str]]) -> None:
    """Bring words to the table's vocabulary (``END-OF-MESSAGE`` → ``EOD``); the empty new word means null."""
    for name, table in values.items():
        column = columns.get(name)
        if column is None:
            continue
        if len(table) <= _FEW and not pa.types.is_dictionary(column.type):
            # A column of many different texts, of which few are renamed.
            for old, new in table.items():
                hit = pc.equal(column, old)
                if pc.any(hit).as_py():
                    column = pc.if_else(hit, new or None, column)
            columns[name] = column
            continue
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        words = [table.get(word, word) or None for word in encoded.dictionary.to_pylist()]
        if None in words or len(set(words)) < len(words):
            columns[name] = pa.array(words, pa.string()).take(encoded.indices).dictionary_encode()
        else:
            columns[name] = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string()))


def _in_seconds(spans: pa.Array) -> pa.Array:
    """Spans of time with units (``1m3s``) as numbers of seconds; other texts as they are."""
    if not pc.any(pc.ends_with(spans, "s")).as_py():
        return spans
    encoded = spans.dictionary_encode()
    words = [
        word if (span := seconds(word)) is None else str(span) for word in encoded.dictionary.to_pylist()
    ]
    return pa.array(words, pa.string()).take(encoded.indices)


def typed(name: str, column: pa.Array, type_: pa.DataType) -> pa.Array:
    """The column in the type it has in the replies table; a text that is no number becomes null."""
    column = null_if_empty(name, column)
    if column.type == type_:
        return column
    if name in NUMBERS and not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        text = _in_seconds(as_text(column)) if name == "delay" else as_text(column)
        good = pc.match_substring_regex(text, r"^\d{1,15}(?:\.\d{1,9})?$")
        return pc.if_else(good, text, None).cast(pa.float64()).cast(type_, safe=False)
    if pa.types.is_dictionary(type_):
        if not pa.types.is_dictionary(column.type):
            column = as_text(column).dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            column.indices.cast(pa.int32()), column.dictionary.cast(pa.string())
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(type_)
