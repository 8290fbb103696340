"""The session: who the client was, and why its counters of failed commands rose."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import typed
from logscan.logs.definitions import LogParser, Rule
from logscan.logs.passes.order import latest_before, next_after
from logscan.logs.passes.tables import Group, Int64, Memory, codes, fill, keys, narrow, set_column, whole
from logscan.schema import SCHEMA

#: How many lines that tell of sessions are remembered: sessions are short.
SESSION_MEMORY = 1 << 13


class Sessions:
    """Rows without a client learn it from their process; failure counters lose what other lines explain."""

    def __init__(self, parser: LogParser) -> None:
        opens = [
            r for r in parser.rules if r.role in ("message", "session") and "peer" in str(r.alternatives)
        ]
        self._opens = [rule.name for rule in opens]
        self._explains = [rule.name for rule in parser.rules if rule.role == "explains"]
        self._rules = {rule.name: rule for rule in parser.rules if rule.explained_by or rule.only_after}
        self._answers = sorted({_answers_to(rule, parser) for rule in self._rules.values()})
        self._memory = Memory(SESSION_MEMORY)
        self._explained = Memory(SESSION_MEMORY)

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        self._name_clients(group)
        if self._rules:
            self._take_off_explained(group)

    def _name_clients(self, group: Group) -> None:
        new = [group.contexts[name] for name in self._opens if name in group.contexts]
        opened = (
            pa.concat_tables(new, promote_options="default").sort_by("line")
            if len(new) > 1
            else next(iter(new), None)
        )
        known = self._memory.extend(opened)
        rows = group.rows
        if known is not None and rows.num_rows:
            inbound = pc.equal(rows.column("direction").cast(pa.string()), "inbound")
            lost = whole(pc.and_(inbound, rows.column("peer_ip").is_null()))
            where = np.flatnonzero(np.asarray(lost))
            if len(where):
                some = rows.take(pa.array(where))
                parts = [codes(a, b) for a, b in zip(_process(some), _process(known), strict=True)]
                row_key, known_key = keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
                found = latest_before(
                    row_key, np.asarray(some.column("line")), known_key, np.asarray(known.column("line"))
                )
                take = np.full(rows.num_rows, -1)
                take[where] = found
                index = pa.array(take, mask=take < 0)
                for name in ("peer_name", "peer_ip", "peer_port"):
                    if name in known.schema.names:
                        values = typed(name, whole(known.column(name)), SCHEMA.field(name).type)
                        rows = fill(rows, name, values.take(index))
                group.rows = rows
        self._memory.forget()

    def _take_off_explained(self, group: Group) -> None:
        rows = group.rows
        columns = ["host", "service", "pid", "peer_ip", "command", "line"]
        tables = [narrow(group.contexts[name], columns) for name in self._explains if name in group.contexts]
        rule, command = rows.column("rule").cast(pa.string()), rows.column("command").cast(pa.string())
        made = pc.is_in(rule, pa.array(list(self._rules)))
        # Commands that were answered in lines of their own; 421 comes on top of the answer.
        final = pc.not_equal(rows.column("code"), 421).fill_null(True)
        answered = pa.scalar(False)
        for asked, names in self._answers:
            answered = pc.or_(answered, pc.and_(pc.equal(command, asked), pc.is_in(rule, pa.array(names))))
        answered = pc.and_(answered.fill_null(False), final)
        tables.append(narrow(rows.filter(answered), columns))
        known = self._explained.extend(pa.concat_tables(tables).sort_by("line"))
        where = np.flatnonzero(np.asarray(whole(made)))
        if known is not None and len(where):
            self._settle(group, where, known)
        self._explained.forget()

    def _settle(self, group: Group, where: Int64, known: pa.Table) -> None:
        """Take what is known to explain failures off the counters of the same session."""
        some = group.rows.take(pa.array(where))
        rules = [self._rules[name] for name in some.column("rule").to_pylist()]
        wanted = pa.array([rule.explained_by or rule.only_after for rule in rules], pa.string())
        some = narrow(some.append_column("wanted", wanted), [*_SESSION, "wanted", "line", "count"])
        known_names = [*_SESSION, "command"]
        parts = [
            codes(some.column(a), known.column(b))
            for a, b in zip([*_SESSION, "wanted"], known_names, strict=True)
        ]
        row_key, known_key = keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
        # What explains a failure belongs to the next summary of its process, client and command.
        owner = next_after(
            known_key, np.asarray(known.column("line")), row_key, np.asarray(some.column("line"))
        )
        explained = np.bincount(owner[owner >= 0], minlength=len(where))
        count = np.asarray(some.column("count"))
        after = np.array([rule.only_after is not None for rule in rules])
        strict = np.array([rule.unless_explained for rule in rules])
        left = np.where(after, np.where(explained > 0, count, 0), count - explained)
        left = np.where(strict & (explained > 0), 0, left)
        self._explained.table = known.filter(pa.array(owner < 0))
        rows = group.rows
        whole = np.asarray(rows.column("count")).copy()
        whole[where] = left
        rows = set_column(rows, "count", pa.array(whole))
        gone = np.zeros(rows.num_rows, bool)
        gone[where[left <= 0]] = True
        group.rows = rows.filter(pa.array(~gone)) if gone.any() else rows


def _answers_to(counter: Rule, parser: LogParser) -> tuple[str, tuple[str, ...]]:
    """The command whose answers a rule asks for, and the rules that may tell of one."""
    counting = {
        name
        for name, rule in ((r.name, r) for r in parser.rules)
        if rule.explained_by == counter.explained_by
    }
    names = tuple(
        rule.name
        for rule in parser.rules
        if rule.role == "reply"
        and (not rule.services or not counter.services or set(rule.services) & set(counter.services))
        and not (counter.explained_by and rule.name in counting and rule.explained_by)
    )
    return str(counter.explained_by or counter.only_after), names


_SESSION = ["host", "service", "pid", "peer_ip"]


def _process(table: pa.Table) -> list[pa.ChunkedArray]:
    """Columns that name the process that wrote a line; it serves one session at a time."""
    null = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    return [table.column(n) if n in table.schema.names else null for n in ("host", "service", "pid")]
