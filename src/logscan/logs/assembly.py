"""What rules captured, put together as the rows of a block: header columns, times, counts, types, order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import Rule
from logscan.logs.eights import Positions
from logscan.logs.extraction import Columns, constant, typed
from logscan.logs.records import Records
from logscan.schema import SCHEMA

#: Columns that the scan fills once the order of lines is known.
LATER = {"time", "parser", "source", "cause"}
#: What a rule's row holds: the table's columns, and what the passes need.
ROW_SCHEMA = pa.schema(
    [f for f in SCHEMA if f.name not in LATER]
    + [pa.field("stamp", pa.int64()), pa.field("zone", pa.int8()), pa.field("pid", pa.string())]
)


def add_header(columns: Columns, records: Records, places: Positions) -> None:
    """Add the header's columns, where no capture gave them, and the lines' numbers."""
    index = pa.array(places)
    for name, values in records.columns.items():
        if columns.get(name) is None:
            columns[name] = values.take(index)
    columns["line"] = pa.array(records.index[places])


def assemble(
    found: list[tuple[Rule, Positions, Columns]], records: Records, counts: dict[int, int]
) -> pa.Table:
    """The rows that rules gave, in the order of lines and the columns of ROW_SCHEMA."""
    sizes = [len(places) for _, places, _ in found]
    places = np.concatenate([places for _, places, _ in found])
    count = np.ones(len(places), np.int32)
    for start, (_, here, columns) in zip(np.cumsum([0, *sizes]), found, strict=False):
        if "total" in columns:
            # Counters such as vrfy=1/4: three of four commands failed.
            failed = pc.subtract(columns.pop("total").cast(pa.int32()), columns.pop("ok").cast(pa.int32()))
            count[start : start + len(here)] = np.asarray(failed)
    if counts:
        count = count * np.array([counts.get(int(place), 1) for place in places], np.int32)
    order = np.argsort(places, kind="stable")
    order = order[count[order] > 0]
    places, index = places[order], pa.array(order)
    values, zones = records.times(places)
    ready: dict[str, pa.Array] = {
        "line": pa.array(records.index[places]),
        "stamp": pa.array(values),
        "zone": pa.array(zones),
        "count": pa.array(count[order]),
        "rule": _word([constant(rule.name, len(here)) for rule, here, _ in found], index),
    }
    header = pa.array(places)
    arrays = []
    for field_ in ROW_SCHEMA:
        name, type_ = field_.name, field_.type
        if name in ready:
            arrays.append(typed(name, ready[name], type_))
            continue
        parts = [columns.get(name) for _, _, columns in found]
        above = records.columns.get(name)
        if all(part is None for part in parts):
            arrays.append(
                pa.nulls(len(order), type_) if above is None else typed(name, above.take(header), type_)
            )
            continue
        filled = [
            pa.nulls(n, type_) if p is None else typed(name, p, type_)
            for p, n in zip(parts, sizes, strict=True)
        ]
        column = _word(filled, index)
        if above is not None and column.null_count:
            column = pc.coalesce(column, typed(name, above.take(header), type_))
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)


def _word(parts: list[pa.Array], index: pa.Array) -> pa.Array:
    """Parts of a column put together and brought into order."""
    whole = pa.chunked_array(parts)
    if pa.types.is_dictionary(whole.type):
        whole = whole.unify_dictionaries()
    return pa.concat_arrays(whole.chunks).take(index)


def in_order(first: pa.Table, second: pa.Table) -> pa.Table:
    """Two tables of rows as one, in the order of lines."""
    if not first.num_rows:
        return second
    both = pa.concat_tables([first, second])
    if not second.num_rows or first.column("line")[-1].as_py() <= second.column("line")[0].as_py():
        return both
    order = np.argsort(np.asarray(both.column("line")), kind="stable")
    return both.unify_dictionaries().take(pa.array(order))
