"""What follows from a captured text: it is taken further apart, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logscan.logs.columns import Columns, as_text, completed, null_if_empty, replaced
from logscan.logs.definitions import Alternative
from logscan.logs.extraction import extract

#: Among so many texts, those that come so often on average are taken apart once.
_MANY, _OFTEN = 256, 4

#: Names of columns, each with how its texts are taken further apart.
Steps = tuple[tuple[str, tuple[Alternative, ...]], ...]


def steps_in_order(
    names: Iterable[str],
    own: Mapping[str, tuple[Alternative, ...]],
    shared: Mapping[str, tuple[Alternative, ...]],
) -> Steps:
    """All steps that may follow from some captured names, each before those that it leads to.

    A rule's ``own`` step comes before the ``shared`` one of the same name; what it calls by that name goes on there.
    """
    order: list[tuple[str, tuple[Alternative, ...]]] = []
    seen: set[tuple[bool, str]] = set()

    def visit(name: str, *, first: bool) -> None:
        is_own = first and name in own
        alternatives = own[name] if is_own else shared.get(name)
        if alternatives is None or (is_own, name) in seen:
            return
        seen.add((is_own, name))
        for produced in names_of(alternatives):
            visit(produced, first=produced != name)
        order.insert(0, (name, alternatives))

    for name in names:
        visit(name, first=True)
    return tuple(order)


def names_of(alternatives: Iterable[Alternative]) -> Iterable[str]:
    """The columns that alternatives may give."""
    return dict.fromkeys(name for a in alternatives for name in (*a.groups, *a.constants))


def unfold(columns: Columns, steps: Steps, wanted: frozenset[str] | None) -> None:
    """Take captured texts further apart by the steps, in order; a step's column is dropped once used.

    ``wanted``: names of columns and steps that are needed; None for all.
    """
    for name, alternatives in steps:
        if name not in columns:
            continue
        texts = as_text(columns.pop(name))
        if wanted is not None and wanted.isdisjoint(names_of(alternatives)):
            continue
        there = np.flatnonzero(np.asarray(texts.is_valid())) if texts.null_count else None
        matched, new = _extract_distinct(
            texts if there is None else texts.take(pa.array(there)), alternatives
        )
        if there is not None:
            places = np.zeros(len(texts), bool)
            places[there[matched]] = True
            matched = places
        if new:
            _merge(columns, new, matched)


def _extract_distinct(
    texts: pa.Array, alternatives: Sequence[Alternative]
) -> tuple[npt.NDArray[np.bool_], Columns]:
    """The same as ``extract``; texts that come many times, such as a relay, are taken apart once."""
    if len(texts) < _MANY:
        return extract(texts, alternatives)
    encoded = texts.dictionary_encode()
    if len(encoded.dictionary) > len(texts) // _OFTEN:
        return extract(texts, alternatives)
    known, columns = extract(encoded.dictionary, alternatives)
    index = np.asarray(encoded.indices)
    matched = known[index]
    places = pa.array((np.cumsum(known) - 1)[index[matched]])
    return matched, {name: values.take(places) for name, values in columns.items()}


def _merge(columns: Columns, new: Columns, places: npt.NDArray[np.bool_]) -> None:
    """Put ``new`` (for the rows where ``places`` is true) into ``columns``; what is null in ``new`` changes nothing."""
    where = np.flatnonzero(places)
    whole = len(where) == len(places)
    for name, values in new.items():
        old = columns.get(name)
        if whole and old is None:
            columns[name] = values
            continue
        values = as_text(null_if_empty(name, values))
        old = pa.nulls(len(places), pa.string()) if old is None else as_text(old)
        if whole:
            columns[name] = completed(values, old)
        elif values.null_count:
            known = np.asarray(values.is_valid())
            columns[name] = replaced(old, where[known], values.drop_null())
        else:
            columns[name] = replaced(old, where, values)
