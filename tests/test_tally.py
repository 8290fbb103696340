"""Coded columns group and rank like their values."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from logscan.tally import coded, group, rank

WORDS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20)


@given(WORDS, st.integers(1, 5))
def test_coded_columns_keep_their_values(words: list[str | None], chunk: int) -> None:
    chunks = [pa.array(words[i : i + chunk], pa.string()) for i in range(0, len(words), chunk)]
    rows = np.arange(len(words))
    for type_ in (pa.string(), pa.dictionary(pa.int32(), pa.string())):
        column = pa.chunked_array([part.cast(type_) for part in chunks], type_)
        assert coded(column).at(rows) == words


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", None]), st.integers(0, 9)), max_size=20)
)
def test_groups_add_up(rows: list[tuple[str, str | None, int]]) -> None:
    columns = [coded(pa.array([row[i] for row in rows], pa.string())) for i in range(2)]
    found = group(columns, np.array([row[2] for row in rows], np.int64))
    expected: Counter[tuple[str, str | None]] = Counter()
    for first, second, weight in rows:
        expected[first, second] += weight
    keys = zip(*(column.at(found.example) for column in columns), strict=True)
    assert dict(zip(keys, found.totals.tolist(), strict=True)) == expected
    assert [rows[row][:2] for row in found.example[found.numbers]] == [row[:2] for row in rows]


def test_groups_of_many_columns_do_not_overflow() -> None:
    column = coded(pa.array([str(i % 2**15) for i in range(2**16)]))
    found = group([column] * 6, np.ones(2**16, np.int64))
    assert len(found.totals) == 2**15
    assert set(found.totals.tolist()) == {2}


def test_ranking_is_by_weight_then_appearance_and_tells_parts() -> None:
    names = coded(pa.array(["b", "a", "c", None, "a"]))
    parts = coded(pa.array(["x", "x", "y", "x", "y"]))
    ranking = rank(names, parts, np.array([1, 2, 1, 9, 3]), 2)
    assert [(entry.name, entry.total, entry.parts) for entry in ranking.entries] == [
        ("a", 5, {"x": 2, "y": 3}),
        ("b", 1, {"x": 1}),
    ]
    assert ranking.distinct == 3


def test_weightless_names_do_not_rank() -> None:
    names = coded(pa.array(["a", "b"]))
    assert [entry.name for entry in rank(names, names, np.array([0, 1]), 5).entries] == ["b"]


def test_missing_values_are_filled_from_another_column() -> None:
    name, address = coded(pa.array(["mx", None, None])), coded(pa.array(["1", "2", None]))
    assert name.otherwise(address).at(np.arange(3)) == ["mx", "2", None]
