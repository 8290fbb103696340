"""The message's envelope: rows learn it from earlier lines of their queue id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import typed
from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import MEMORY, Group, Int64, Memory, codes, fill, keys, whole
from logscan.schema import SCHEMA


class MessageJoin:
    """Rows learn sender, size, Message-ID, login and (inbound) client from earlier lines of their queue id."""

    def __init__(self, parser: LogParser) -> None:
        self._memory = {rule.name: Memory() for rule in parser.rules if rule.role == "message"}

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rows = group.rows
        contexts = {name: group.contexts.get(name) for name in self._memory}
        tables = [rows, *(table for table in contexts.values() if table is not None)]
        codes = iter(_message_codes(tables))
        row_key = next(codes)
        line = np.asarray(rows.column("line"))
        for name, table in contexts.items():
            memory = self._memory[name]
            if table is None:
                lost = np.arange(rows.num_rows)
            else:
                found = latest_before(row_key, line, next(codes), np.asarray(table.column("line")))
                rows = _learn(rows, np.arange(rows.num_rows), table, found)
                lost = np.flatnonzero(found < 0)
            lost = lost[row_key[lost] >= 0]
            if len(lost):
                rows = self._recall(rows, lost, memory, table)
            memory.extend(None if table is None else _kept(table))
            memory.forget()
        group.rows = rows

    def _recall(self, rows: pa.Table, lost: Int64, memory: Memory, newer: pa.Table | None) -> pa.Table:
        """Let rows whose message began in an earlier group learn from what is remembered."""
        remembered = memory.table
        if remembered is None or not remembered.num_rows:
            return rows
        some = rows.select(["queue_id", "host", "line"]).take(pa.array(lost))
        hit = pc.is_in(remembered.column("queue_id"), value_set=whole(some.column("queue_id").unique()))
        places = np.flatnonzero(np.asarray(whole(hit)))
        if not len(places):
            return rows
        known = remembered.take(pa.array(places))
        row_key, known_key = _message_codes([some, known])
        line = np.asarray(some.column("line"))
        found = latest_before(row_key, line, known_key, np.asarray(known.column("line")))
        # An entry with so many after it is forgotten, for every row alike, however the log was cut into groups.
        since = remembered.num_rows - places[np.maximum(found, 0)]
        if newer is not None:
            since = since + np.searchsorted(np.asarray(newer.column("line")), line, side="right")
        return _learn(rows, lost, known, np.where(since > MEMORY, -1, found))


def _kept(table: pa.Table) -> pa.Table:
    """What is remembered of messages: their key, and what their rows may learn."""
    names = [n for n in table.schema.names if n in SCHEMA.names and n != "service"]
    return table.select(names)


def _message_codes(tables: list[pa.Table]) -> list[Int64]:
    """Numbers for (queue id, host), equal where both are; -1 without a queue id."""
    ids = codes(*(table.column("queue_id") for table in tables))
    if any("host" not in table.schema.names for table in tables):
        return ids
    hosts = codes(*(table.column("host") for table in tables))
    if max(int(h.max(initial=0)) for h in hosts) == 0:
        return ids
    both = keys(*zip(ids, hosts, strict=True))
    return [np.where(i < 0, -1, key) for i, key in zip(ids, both, strict=True)]


def _learn(rows: pa.Table, places: Int64, known: pa.Table, found: Int64) -> pa.Table:
    """Fill what is null in the rows at ``places`` from the entries of ``known`` that were found for them."""
    take = np.full(rows.num_rows, -1)
    take[places] = found
    if not (take >= 0).any():
        return rows
    index = pa.array(take, mask=take < 0)
    inbound = None
    for name in known.schema.names:
        if (
            name not in SCHEMA.names
            or name in ("queue_id", "line", "host", "service")
            or not rows.column(name).null_count
        ):
            continue
        values = typed(name, whole(known.column(name)), rows.schema.field(name).type)
        values = (values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values).take(index)
        if name.startswith("peer_") or name == "helo":
            # The client is the peer of what this server answered, never of what a remote server answered.
            if inbound is None:
                inbound = whole(pc.equal(rows.column("direction").cast(pa.string()), "inbound"))
            values = pc.if_else(inbound, values, None)
        rows = fill(rows, name, values)
    return rows
