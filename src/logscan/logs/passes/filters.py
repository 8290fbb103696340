"""Content filters: a message that leaves and comes back is delivered once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import Group, Int64, Memory, codes, put, texts, whole


class Filters:
    """A message handed to a content filter and taken back is delivered once: the first leg's status is ``filtered``.

    A leg is known by its reply, ``queued as ID``, where ID came from this machine (Postfix: a client on the
    loopback network, or one that names the first queue id as ``orig_queue_id``).
    """

    def __init__(self, parser: LogParser) -> None:
        self._rules = [
            rule.name for rule in parser.rules if rule.role == "message" and "peer" in str(rule.alternatives)
        ]
        self._memory = Memory()

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rows = group.rows
        for name in self._rules:
            table = group.contexts.get(name)
            if table is None or "queue_id" not in table.schema.names:
                continue
            local = pc.match_substring_regex(texts(table, "peer_ip"), r"^(?:127\.|::1$)").fill_null(False)
            linked = texts(table, "orig_queue_id").is_valid()
            new = pa.table(
                {
                    "queue_id": texts(table, "queue_id"),
                    "orig_queue_id": texts(table, "orig_queue_id"),
                    "line": table.column("line"),
                }
            ).filter(pc.or_(local, linked))
            self._memory.extend(new)
        known = self._memory.table
        if known is not None and known.num_rows and rows.num_rows:
            status = rows.column("status").cast(pa.string())
            sent = pc.and_kleene(
                pc.equal(status, "sent"), pc.match_substring(rows.column("text"), "queued as ")
            )
            where = np.flatnonzero(np.asarray(whole(sent.fill_null(False))))
            if len(where):
                self._mark(group, where, known)
        self._memory.forget()

    def _mark(self, group: Group, where: Int64, known: pa.Table) -> None:
        rows = group.rows
        text = rows.column("text").take(pa.array(where))
        next_id = pc.struct_field(pc.extract_regex(text, r"queued as (?P<id>[0-9A-Za-z]+)"), "id")
        row_key, known_key = codes(next_id, known.column("queue_id"))
        line = np.asarray(rows.column("line").take(pa.array(where)))
        found = latest_before(row_key, line, known_key, np.asarray(known.column("line")))
        origin = known.column("orig_queue_id").take(pa.array(found, mask=found < 0))
        own = rows.column("queue_id").take(pa.array(where))
        good = (found >= 0) & np.asarray(
            whole(pc.or_kleene(origin.is_null(), pc.equal(origin, own))).fill_null(False)
        )
        if good.any():
            group.rows = put(rows, "status", where[good], "filtered")
