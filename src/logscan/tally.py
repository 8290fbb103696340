"""Counting over columns held as small integers: weighted groups and rankings, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_LARGEST = 2**62  # product of value counts up to which combined codes fit an int64


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes into its distinct values; -1 stands for null."""

    codes: npt.NDArray[np.int32]
    values: pa.Array

    def where(self, rows: Numbers | Mask) -> Coded:
        """The column at ``rows``, given by number or by a mask."""
        return Coded(self.codes[rows], self.values)

    def mapped(self, values: pa.Array) -> Coded:
        """The column with each distinct value replaced by the one at its place in ``values``."""
        inner = coded(values)
        return Coded(np.append(inner.codes, np.int32(-1))[self.codes], inner.values)

    def otherwise(self, other: Coded) -> Coded:
        """The column with its nulls filled from ``other``, of the same type; they should share no value."""
        shifted = np.where(other.codes >= 0, other.codes + np.int32(len(self.values)), np.int32(-1))
        codes = np.where(self.codes >= 0, self.codes, shifted)
        return Coded(codes, pa.concat_arrays([self.values, other.values]))

    def at(self, rows: Numbers) -> list[Any]:
        """The values at ``rows`` as Python objects."""
        codes = self.codes[rows]
        values: list[Any] = self.values.take(pa.array(codes, mask=codes < 0)).to_pylist()
        return values


def coded(column: pa.Array | pa.ChunkedArray) -> Coded:
    """``column`` as ``Coded``; what is dictionary-encoded already is not hashed again."""
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.combine_chunks()  # in pieces every piece's dictionary would be hashed again
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return Coded(codes, column.dictionary)


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows by equal values: each row's group, one row of each group, and each group's weight."""

    numbers: Numbers
    example: Numbers
    totals: Numbers


def group(columns: Sequence[Coded], weights: Numbers) -> Groups:
    """Group rows by the combination of their values, numbered in order of appearance."""
    key, size = np.zeros(len(weights), np.int64), 1
    for column in columns:
        if size * (len(column.values) + 1) > _LARGEST:
            key, size = _numbered(key), len(weights)
        key = key * (len(column.values) + 1) + (column.codes + 1)
        size *= len(column.values) + 1
    numbers = _numbered(key)
    count = int(numbers.max(initial=-1)) + 1
    example = np.empty(count, np.int64)
    example[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)  # the last to be written is the first row
    return Groups(numbers, example, np.bincount(numbers, weights, count).astype(np.int64))


def _numbered(key: Numbers) -> Numbers:
    """Equal keys as equal numbers from 0 on, in order of appearance."""
    numbers: Numbers = pa.array(key).dictionary_encode().indices.to_numpy().astype(np.int64)
    return numbers


@dataclass(frozen=True, slots=True)
class Ranked:
    """One entry of a ranking: its weight, and what that is made of."""

    name: str
    total: int
    parts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The heaviest entries, and how many entries there are in all."""

    entries: tuple[Ranked, ...] = ()
    distinct: int = 0


def rank(names: Coded, parts: Coded, weights: Numbers, top: int) -> Ranking:
    """The ``top`` heaviest names, equal ones in order of appearance; rows without a name do not count."""
    totals = np.bincount(names.codes + 1, weights, len(names.values) + 1)[1:].astype(np.int64)
    distinct = int(np.count_nonzero(totals))
    heaviest = np.argsort(-totals, kind="stable")[: min(top, distinct)]
    is_kept = np.zeros(len(names.values) + 1, np.bool_)  # the last stands for null, code -1
    is_kept[heaviest] = True
    kept = np.flatnonzero(is_kept[names.codes])
    found = group([names.where(kept), parts.where(kept)], weights[kept])
    example = kept[found.example]
    made_of: dict[str, dict[str, int]] = {
        name: {} for name in names.values.take(pa.array(heaviest)).to_pylist()
    }
    for name, part, weight in zip(names.at(example), parts.at(example), found.totals.tolist(), strict=True):
        if weight:
            made_of[name][part] = weight
    return Ranking(tuple(Ranked(name, sum(made.values()), made) for name, made in made_of.items()), distinct)
