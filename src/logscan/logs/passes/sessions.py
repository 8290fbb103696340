"""The session: who the client was, and why its counters of failed commands rose."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import typed
from logscan.logs.definitions import LogParser, Rule
from logscan.logs.passes.order import latest_before, next_after
from logscan.logs.passes.tables import (
    Group,
    Int64,
    LastLines,
    among,
    as_plain,
    codes,
    fill,
    keys,
    narrow,
    set_column,
    whole,
)
from logscan.schema import SCHEMA

#: What a line tells of a session is forgotten so many lines later: sessions are short.
SESSION_LINES = 1 << 18


class Sessions:
    """Rows without a client learn it from their process; failure counters lose what other lines explain."""

    def __init__(self, parser: LogParser) -> None:
        opens = [
            r for r in parser.rules if r.role in ("message", "session") and "peer" in str(r.alternatives)
        ]
        self._opens = [rule.name for rule in opens]
        self._explains = [rule.name for rule in parser.rules if rule.role == "explains"]
        self._rules = {rule.name: rule for rule in parser.rules if rule.explained_by or rule.only_after}
        answers = (_answers_to(rule, parser) for rule in self._rules.values())
        self._answers = {(asked, name) for asked, names in answers for name in names}
        self._memory = LastLines(SESSION_LINES)
        self._explained = LastLines(SESSION_LINES)

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
        if known is not None and known.num_rows and rows.num_rows:
            unnamed = np.asarray(whole(rows.column("peer_ip").is_null()))
            where = np.flatnonzero(unnamed & among(rows.column("direction"), ["inbound"]))
            if len(where):
                some = rows.take(pa.array(where))
                parts = [codes(a, b) for a, b in zip(_process(some), _process(known), strict=True)]
                row_key, known_key = keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
                line, known_line = np.asarray(some.column("line")), np.asarray(known.column("line"))
                found = latest_before(row_key, line, known_key, known_line)
                found = np.where(line - known_line[found] > SESSION_LINES, -1, found)
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
        tables = [group.contexts[name] for name in self._explains if name in group.contexts]
        # Commands that were answered in lines of their own; 421 comes on top of the answer.
        command, rule = (whole(rows.column(name).unify_dictionaries()) for name in ("command", "rule"))
        words = [*command.dictionary.to_pylist(), None]
        names = rule.dictionary.to_pylist()
        pairs = np.array([[(word, name) in self._answers for name in names] for word in words], bool)
        answered = pairs[np.asarray(command.indices.fill_null(-1)), np.asarray(rule.indices)]
        answered &= np.asarray(rows.column("code").fill_null(0)) != 421
        tables.append(rows.select([*_SESSION, "command", "line"]).filter(pa.array(answered)))
        new = pa.concat_tables([narrow(table, [*_SESSION, "command", "line"]) for table in tables])
        known = self._explained.extend(new.sort_by("line") if len(tables) > 1 else new)
        where = np.flatnonzero(among(rows.column("rule"), list(self._rules)))
        if known is not None and len(where):
            self._settle(group, where, known)
        self._explained.forget()

    def _settle(self, group: Group, where: Int64, known: pa.Table) -> None:
        """Take what is known to explain failures off the counters of the same session."""
        rows = group.rows
        some = rows.select([*_SESSION, "line", "count"]).take(pa.array(where))
        encoded = whole(rows.column("rule").unify_dictionaries())
        index = np.asarray(encoded.indices)[where]
        rules = [self._rules.get(name) for name in encoded.dictionary.to_pylist()]
        asked = [rule and (rule.explained_by or rule.only_after) for rule in rules]
        wanted = pa.array(asked, pa.string()).take(pa.array(index))
        # Few entries are of a client whose failures are counted here.
        near = pc.is_in(known.column("peer_ip"), value_set=whole(as_plain(some.column("peer_ip"))))
        places = np.flatnonzero(np.asarray(near))
        entries = known.take(pa.array(places))
        parts = [codes(some.column(name), entries.column(name)) for name in _SESSION]
        parts.append(codes(wanted, entries.column("command")))
        row_key, known_key = keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
        # What explains a failure belongs to the next summary of its process, client and command.
        line, known_line = np.asarray(some.column("line")), np.asarray(entries.column("line"))
        owner = next_after(known_key, known_line, row_key, line)
        owner = np.where(line[owner] - known_line > SESSION_LINES, -1, owner)
        explained = np.bincount(owner[owner >= 0], minlength=len(where))
        count = np.asarray(some.column("count"))
        after = np.array([bool(rule and rule.only_after is not None) for rule in rules])[index]
        strict = np.array([bool(rule and rule.unless_explained) for rule in rules])[index]
        left = np.where(after, np.where(explained > 0, count, 0), count - explained)
        left = np.where(strict & (explained > 0), 0, left)
        if (owner >= 0).any():
            rest = np.ones(known.num_rows, bool)
            rest[places[owner >= 0]] = False
            self._explained.table = known.filter(pa.array(rest))
        counts = np.asarray(rows.column("count")).copy()
        counts[where] = left
        rows = set_column(rows, "count", pa.array(counts))
        gone = where[left <= 0]
        if len(gone):
            keep = np.ones(rows.num_rows, bool)
            keep[gone] = False
            rows = rows.filter(pa.array(keep))
        group.rows = rows


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
