"""What rules captured, made complete and put together as the rows of a block.

Rules share most of what follows their own regexes: peers, replies and envelopes are taken further apart for all of
them at once. A few long columns cost much less than many short ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import NUMBERS, Columns, as_text, completed, rename_values, typed
from logscan.logs.definitions import Rule
from logscan.logs.eights import Positions
from logscan.logs.logged_replies import split_replies, unquote_replies
from logscan.logs.records import Records
from logscan.logs.steps import Steps, unfold
from logscan.schema import REPORT_ONLY, SCHEMA

#: Columns that the scan fills once the order of lines is known.
LATER = {"time", "parser", "source", "cause"}
#: What a rule's row holds: the table's columns, and what the passes need.
ROW_SCHEMA = pa.schema(
    [f for f in SCHEMA if f.name not in LATER]
    + [*REPORT_ONLY, pa.field("stamp", pa.int64()), pa.field("zone", pa.int8()), pa.field("pid", pa.string())]
)


@dataclass(frozen=True, slots=True)
class Found:
    """The lines that one rule matched: their places among the records, and what its regexes captured."""

    rule: Rule
    places: Positions
    columns: Columns


@dataclass(frozen=True, slots=True)
class Completion:
    """How what was captured is made complete: a parser's steps and words; ``wanted`` names are needed, None for all."""

    steps: Steps
    values: Mapping[str, Mapping[str, str]]
    wanted: frozenset[str] | None

    def of(self, found: Sequence[Found]) -> Columns:
        """The columns of all that was found, one after the other, with what each rule says of its lines."""
        sizes = [len(part.places) for part in found]
        columns: Columns = {}
        for name in dict.fromkeys(name for part in found for name in part.columns):
            columns[name] = pa.concat_arrays(
                [
                    as_text(part.columns[name]) if name in part.columns else pa.nulls(size, pa.string())
                    for part, size in zip(found, sizes, strict=True)
                ]
            )
        unfold(columns, self.steps, self.wanted)
        if "quoted_reply" in columns:
            unquote_replies(columns)
        if "reply" in columns:
            split_replies(columns)
        of_rule = np.repeat(np.arange(len(found)), sizes)
        for name in dict.fromkeys(name for part in found for name in part.rule.constants):
            constants = _by_rule([part.rule.constants.get(name) for part in found], of_rule)
            column = columns.get(name)
            if column is None:
                columns[name] = constants
            elif column.null_count:
                type_ = NUMBERS.get(name, pa.string())
                columns[name] = completed(typed(name, column, type_), constants.cast(type_))
        rename_values(columns, self.values)
        return columns


def _by_rule(values: Sequence[str | int | None], of_rule: Positions) -> pa.Array:
    """For each row the value of its rule; texts as a dictionary."""
    array = pa.array(values)
    if array.type == pa.string():
        encoded = array.dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.take(pa.array(of_rule)), encoded.dictionary)
    return array.take(pa.array(of_rule))


def add_header(columns: Columns, records: Records, places: Positions) -> None:
    """Add the header's columns, where no capture gave them, and the lines' numbers."""
    index = pa.array(places)
    for name, values in records.columns.items():
        if columns.get(name) is None:
            columns[name] = values.take(index)
    columns["line"] = pa.array(records.index[places])


def assemble(
    found: Sequence[Found], columns: Columns, records: Records, counts: Mapping[int, int]
) -> pa.Table:
    """The rows of all that was found, in the order of lines and the columns of ROW_SCHEMA.

    ``counts``: how many lines a record stands for, by its place.
    """
    places = np.concatenate([part.places for part in found])
    count = np.ones(len(places), np.int32)
    if "total" in columns:
        # Counters such as vrfy=1/4: three of four commands failed.
        failed = pc.subtract(columns["total"].cast(pa.int32()), columns["ok"].cast(pa.int32()))
        count = np.asarray(failed.fill_null(1)).copy()
    for place, times in counts.items():
        count[places == place] *= times
    order = np.argsort(places, kind="stable")
    order = order[count[order] > 0]
    places, index = places[order], pa.array(order)
    values, zones = records.times(places)
    names = _by_rule(
        [part.rule.name for part in found], np.repeat(np.arange(len(found)), [len(p.places) for p in found])
    )
    ready = {
        "line": pa.array(records.index[places]),
        "stamp": pa.array(values),
        "zone": pa.array(zones),
        "count": pa.array(count[order]),
        "rule": names.take(index),
    }
    header = pa.array(places)
    arrays = []
    for name, type_ in zip(ROW_SCHEMA.names, ROW_SCHEMA.types, strict=True):
        column, above = columns.get(name), records.columns.get(name)
        if name in ready:
            column = typed(name, ready[name], type_)
        elif column is not None:
            column = typed(name, column, type_).take(index)
            if above is not None and column.null_count:
                column = completed(column, typed(name, above.take(header), type_))
        elif above is not None:
            column = typed(name, above.take(header), type_)
        else:
            column = pa.nulls(len(order), type_)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)


def in_order(first: pa.Table, second: pa.Table) -> pa.Table:
    """Two tables of rows as one, in the order of lines."""
    if not first.num_rows:
        return second
    both = pa.concat_tables([first, second])
    if not second.num_rows or first.column("line")[-1].as_py() <= second.column("line")[0].as_py():
        return both
    order = np.argsort(np.asarray(both.column("line")), kind="stable")
    return both.unify_dictionaries().take(pa.array(order))
