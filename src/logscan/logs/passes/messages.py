"""The message's envelope: rows learn it from earlier lines of their queue id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import typed
from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import MEMORY, Group, Int64, Memory, among, codes, fill, keys, whole

#: What entries hold besides what their message's rows may learn.
_NOT_LEARNT = ("queue_id", "line", "host", "service", "pid")


class MessageJoin:
    """Rows learn sender, size, Message-ID, login and (inbound) client from earlier lines of their queue id."""

    def __init__(self, parser: LogParser) -> None:
        self._memory = {rule.name: Memory() for rule in parser.rules if rule.role == "message"}

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        for name, memory in self._memory.items():
            table = group.contexts.get(name)
            known = memory.table if table is None else table
            if known is not None:
                lost = _learners(group.rows, known)
                if table is not None and len(lost):
                    found = _entries(group.rows, lost, table)
                    group.rows = _learn(group.rows, lost, table, found)
                    lost = lost[found < 0]
                if len(lost):
                    group.rows = self._recall(group.rows, lost, memory, table)
            memory.extend(None if table is None else _kept(table, group.rows))
            memory.forget()

    def _recall(self, rows: pa.Table, lost: Int64, memory: Memory, newer: pa.Table | None) -> pa.Table:
        """Let rows whose message began in an earlier group learn from what is remembered."""
        remembered = memory.table
        if remembered is None or not remembered.num_rows:
            return rows
        queue_id = rows.column("queue_id").take(pa.array(lost))
        hit = pc.is_in(remembered.column("queue_id"), value_set=whole(queue_id.unique()))
        places = np.flatnonzero(np.asarray(whole(hit)))
        if not len(places):
            return rows
        known = remembered.take(pa.array(places))
        found = _entries(rows, lost, known)
        # An entry with so many after it is forgotten, for every row alike, however the log was cut into groups.
        since = remembered.num_rows - places[np.maximum(found, 0)]
        if newer is not None:
            line = np.asarray(rows.column("line"))[lost]
            since = since + np.searchsorted(np.asarray(newer.column("line")), line, side="right")
        return _learn(rows, lost, known, np.where(since > MEMORY, -1, found))


def _learnt(known: pa.Table, rows: pa.Table) -> list[str]:
    """The columns that rows may learn from entries."""
    return [n for n in known.schema.names if n in rows.schema.names and n not in _NOT_LEARNT]


def _kept(table: pa.Table, rows: pa.Table) -> pa.Table:
    """What is remembered of messages: their key, and what their rows may learn."""
    keys = [name for name in ("queue_id", "host", "line") if name in table.schema.names]
    return table.select([*keys, *_learnt(table, rows)])


def _of_client(name: str) -> bool:
    """The client is the peer of what this server answered, never of what a remote server answered."""
    return name.startswith("peer_") or name == "helo"


def _learners(rows: pa.Table, known: pa.Table) -> Int64:
    """The rows of messages that lack something which entries of ``known`` may tell."""
    inbound = among(rows.column("direction"), ["inbound"])
    lacks = np.zeros(rows.num_rows, bool)
    for name in _learnt(known, rows):
        null = np.asarray(whole(rows.column(name).is_null()))
        lacks |= null & inbound if _of_client(name) else null
    return np.flatnonzero(lacks & np.asarray(whole(rows.column("queue_id").is_valid())))


def _entries(rows: pa.Table, places: Int64, known: pa.Table) -> Int64:
    """For each row at ``places`` the last entry of its message before it, else -1."""
    some = rows.select(["queue_id", "host", "line"]).take(pa.array(places))
    key, known_key = _message_codes([some, known])
    return latest_before(key, np.asarray(some.column("line")), known_key, np.asarray(known.column("line")))


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
    inbound = pa.array(among(rows.column("direction"), ["inbound"]))
    for name in _learnt(known, rows):
        if not rows.column(name).null_count:
            continue
        values = typed(name, whole(known.column(name)).take(index), rows.schema.field(name).type)
        if pa.types.is_dictionary(values.type):
            values = values.cast(pa.string())
        if _of_client(name):
            values = pc.if_else(inbound, values, None)
        rows = fill(rows, name, values)
    return rows
