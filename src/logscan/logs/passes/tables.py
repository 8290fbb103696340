"""Columns of passes: groups of rows, texts as numbers, keys, nulls filled, what is remembered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import completed, typed

Int64 = npt.NDArray[np.int64]
#: Texts of which there are few, as the replies table holds them.
TEXTS = pa.dictionary(pa.int32(), pa.string())
#: How many lines of one kind of context are remembered; what is older is forgotten.
MEMORY = 1 << 16
#: In more pieces nothing is remembered: each costs time whenever something is looked up.
_PIECES = 32


@dataclass(slots=True)
class Group:
    """Rows and contexts of consecutive lines of one source.

    ``rows``: SCHEMA's columns, those that are wanted or that passes read, with ``pid``; ``contexts``: by rule name,
    tables with ``line`` and captured columns.
    """

    rows: pa.Table
    contexts: dict[str, pa.Table]


def codes(*columns: pa.Array | pa.ChunkedArray) -> list[Int64]:
    """The columns' texts as numbers, equal where the texts are; null is -1."""
    chunks = [chunk for column in columns for chunk in _chunks(column)]
    if any(pa.types.is_dictionary(column.type) for column in columns):
        # Dictionaries have few words; what is encoded already is not looked at again.
        encoded = pa.chunked_array([_encoded(chunk) for chunk in chunks], TEXTS).unify_dictionaries()
    else:
        encoded = pa.chunked_array([as_plain(chunk) for chunk in chunks], pa.string()).dictionary_encode()
    indices = np.concatenate(
        [np.asarray(c.indices.fill_null(-1)) for c in encoded.chunks] or [np.array([], np.int32)]
    )
    lengths = np.cumsum([len(c) for c in columns])[:-1]
    return [part.astype(np.int64) for part in np.split(indices, lengths)]


def _encoded(chunk: pa.Array) -> pa.DictionaryArray:
    return chunk if chunk.type == TEXTS else as_plain(chunk).dictionary_encode()


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def as_plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The column as plain text, chunked or not."""
    return column if column.type == pa.string() else column.cast(pa.string())


def among(column: pa.ChunkedArray, words: Collection[str]) -> npt.NDArray[np.bool_]:
    """Where a column of few different texts holds one of some words."""
    encoded = whole(column.unify_dictionaries())
    hit = np.asarray(pc.is_in(encoded.dictionary, value_set=pa.array(words, pa.string())))
    found: npt.NDArray[np.bool_] = np.append(hit, False)[np.asarray(encoded.indices.fill_null(-1))]
    return found


def keys(*parts: tuple[Int64, ...]) -> tuple[Int64, ...]:
    """One number for each combination of the numbers given side by side (consistent over all positions)."""
    lengths = np.cumsum([len(p[0]) for p in parts])[:-1]
    stacked = [np.concatenate([p[i] for p in parts]) for i in range(len(parts[0]))]
    key = stacked[0]
    for more in stacked[1:]:
        width = int(more.max(initial=0)) + 2
        if int(key.max(initial=0)) > (1 << 62) // width:
            key = np.unique(key, return_inverse=True)[1]
        key = key * width + more + 1
    # Small numbers, so that they can be combined with a line number later on.
    key = np.unique(key, return_inverse=True)[1]
    return tuple(np.split(key, lengths))


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def set_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The rows with a column replaced, brought to the column\'s type."""
    index = rows.schema.get_field_index(name)
    field_ = rows.schema.field(index)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    return rows.set_column(index, field_, typed(name, values, field_.type))


def put(rows: pa.Table, name: str, places: Int64, value: str | int | None) -> pa.Table:
    """The rows with one value in a column at some places."""
    column = whole(rows.column(name).unify_dictionaries())
    if column.type != TEXTS:
        mask = np.zeros(rows.num_rows, bool)
        mask[places] = True
        return set_column(rows, name, pc.if_else(pa.array(mask), pa.scalar(value, column.type), column))
    words = column.dictionary
    number = -1 if value is None else words.index(value).as_py()
    if value is not None and number < 0:
        number, words = len(words), pa.concat_arrays([words, pa.array([value], pa.string())])
    indices = np.asarray(column.indices.fill_null(-1)).copy()
    indices[places] = number
    return set_column(rows, name, pa.DictionaryArray.from_arrays(pa.array(indices, mask=indices < 0), words))


def fill(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Put ``values`` where the column is null."""
    column = rows.column(name)
    if not column.null_count:
        return rows
    plain = whole(column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column)
    return set_column(rows, name, completed(plain, values.cast(plain.type)))


def narrow(table: pa.Table, columns: list[str]) -> pa.Table:
    """Some columns, as plain texts (numbers stay)."""
    null = pa.nulls(table.num_rows, pa.string())
    arrays = [table.column(n) if n in table.schema.names else null for n in columns]
    return pa.table(
        {n: a if n in ("line", "count") else as_plain(a) for n, a in zip(columns, arrays, strict=True)}
    )


def texts(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column as plain text; nulls if there is none."""
    if name in table.schema.names:
        return table.column(name).cast(pa.string())
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])


class Memory:
    """The last entries of one kind of context, in the order of lines; older ones are forgotten."""

    def __init__(self, limit: int = MEMORY) -> None:
        self.table: pa.Table | None = None
        self._limit = limit

    def extend(self, new: pa.Table | None) -> pa.Table | None:
        """All that is remembered, with the new entries."""
        if new is not None:
            self.table = (
                new if self.table is None else pa.concat_tables([self.table, new], promote_options="default")
            )
        return self.table

    def forget(self) -> None:
        """Keep the last entries only."""
        if self.table is not None:
            self.table = _from(self.table, max(0, self.table.num_rows - self._limit))


class LastLines(Memory):
    """The entries of the last so many lines."""

    def forget(self) -> None:
        """Keep the entries of the last lines only."""
        if self.table is not None and self.table.num_rows:
            line = np.asarray(self.table.column("line"))
            self.table = _from(self.table, int(np.searchsorted(line, line[-1] - self._limit)))


def _from(table: pa.Table, place: int) -> pa.Table:
    """The table from a row on."""
    # Each group's entries are a piece of their own: those of old groups are freed without a copy of the rest.
    table = table.slice(place)
    return table.combine_chunks() if any(c.num_chunks > _PIECES for c in table.columns) else table
