"""Expiries: what the last server said before a recipient's time in the queue was over."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import MEMORY, Group, Memory, among, codes, keys, set_column, whole

_REPLY = ("command", "code", "enhanced", "text", "peer_name", "peer_ip", "peer_port")


class Expiries:
    """Rows that say a recipient was given up without a new attempt repeat the last refusal that it got."""

    def __init__(self, parser: LogParser) -> None:
        self._refusals = Memory()

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rows = group.rows
        refused = pc.and_kleene(
            pc.greater_equal(rows.column("code"), 400), rows.column("recipient").is_valid()
        )
        refusals = rows.select(["queue_id", "recipient", "line", *_REPLY]).filter(refused.fill_null(False))
        known = self._refusals.extend(refusals)
        unanswered = np.asarray(whole(rows.column("code").is_null()))
        where = np.flatnonzero(unanswered & among(rows.column("status"), ["expired"]))
        if len(where) and known is not None and known.num_rows:
            group.rows = _learn(rows, where, known)
        self._refusals.forget()


def _learn(rows: pa.Table, where: np.ndarray, known: pa.Table) -> pa.Table:
    some = rows.take(pa.array(where))
    parts = [codes(some.column(name), known.column(name)) for name in ("queue_id", "recipient")]
    key, known_key = keys(*zip(*parts, strict=True))
    line, known_line = np.asarray(some.column("line")), np.asarray(known.column("line"))
    found = latest_before(key, line, known_key, known_line)
    # An entry with so many after it is forgotten, however the log was cut into groups.
    found = np.where(np.searchsorted(known_line, line) - found > MEMORY, -1, found)
    take = np.full(rows.num_rows, -1)
    take[where] = found
    learnt = pa.array(take >= 0)
    index = pa.array(take, mask=take < 0)
    for name in _REPLY:
        values, old = (_plain(column) for column in (known.column(name), rows.column(name)))
        rows = set_column(rows, name, pc.if_else(learnt, values.take(index), old))
    return set_column(rows, "basis", pc.if_else(learnt, "repeated", _plain(rows.column("basis"))))


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return whole(column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column)
