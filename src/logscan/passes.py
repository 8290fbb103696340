"""What a row can only learn from other lines: the message's envelope, the session's client, the version, echoes.

Passes run over groups of blocks in the order of the log and keep a bounded memory of what came before. What they
decide depends on the lines alone, not on how the log was cut into blocks or groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.definitions import LogParser, Rule, version_key
from logscan.extraction import as_text, typed
from logscan.schema import SCHEMA
from logscan.timestamps import NO_TIME

Int64 = npt.NDArray[np.int64]
#: How many lines of one kind of context are remembered; what is older is forgotten.
MEMORY = 1 << 18
#: How many lines that tell of sessions are remembered: sessions are short.
SESSION_MEMORY = 1 << 15
#: An echo follows the reply it repeats within this time.
ECHO_SECONDS = 5
#: … and within this many rows.
ECHO_ROWS = 1 << 16


@dataclass(slots=True)
class Group:
    """Rows and contexts of consecutive lines of one source.

    ``rows``: SCHEMA's columns with ``pid``; ``contexts``: by rule name, tables with ``line`` and captured columns.
    """

    rows: pa.Table
    contexts: dict[str, pa.Table]


Pass = Callable[[Group], None]


def _codes(*columns: pa.Array | pa.ChunkedArray) -> list[Int64]:
    """The columns' texts as numbers, equal where the texts are; null is -1."""
    combined = pa.chunked_array([chunk for c in columns for chunk in _chunks(as_plain(c))], pa.string())
    encoded = combined.dictionary_encode().unify_dictionaries()
    indices = np.concatenate([np.asarray(c.indices.fill_null(-1)) for c in encoded.chunks] or [np.array([], np.int32)])
    lengths = np.cumsum([len(c) for c in columns])[:-1]
    return [part.astype(np.int64) for part in np.split(indices, lengths)]


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def as_plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The column as plain text, chunked or not."""
    return column if column.type == pa.string() else column.cast(pa.string())


def _keys(*parts: tuple[Int64, ...]) -> tuple[Int64, ...]:
    """One number for each combination of the numbers given side by side (consistent over all positions)."""
    lengths = np.cumsum([len(p[0]) for p in parts])[:-1]
    stacked = [np.concatenate([p[i] for p in parts]) for i in range(len(parts[0]))]
    key = stacked[0]
    for more in stacked[1:]:
        width = int(more.max(initial=0)) + 2
        if int(key.max(initial=0)) > (1 << 62) // width:
            key = np.unique(key, return_inverse=True)[1]
        key = key * width + more + 1
    # Small numbers, so that they can be combined with a line number later on.
    key = np.unique(key, return_inverse=True)[1]
    return tuple(np.split(key, lengths))


def latest_before(rows_key: Int64, rows_line: Int64, known_key: Int64, known_line: Int64) -> Int64:
    """For each row the last known entry of the same key on an earlier line (or the same), else -1.

    Both sides are in the order of lines.
    """
    if not len(known_key) or not len(rows_key):
        return np.full(len(rows_key), -1, np.int64)
    order = np.argsort(known_key, kind="stable")
    # Within a key the entries stay in the order of lines, so (key, line) is sorted and can be searched at once.
    first = min(int(known_line[0]), int(rows_line[0]))
    span = max(int(known_line[-1]), int(rows_line[-1])) - first + 2
    sorted_entries = known_key[order] * span + (known_line[order] - first)
    found = np.searchsorted(sorted_entries, rows_key * span + (rows_line - first), side="right") - 1
    candidate = order[np.maximum(found, 0)]
    good = (found >= 0) & (known_key[candidate] == rows_key) & (rows_key >= 0)
    return np.where(good, candidate, -1)


class _Memory:
    """The last entries of one kind of context, oldest first; older ones are forgotten."""

    def __init__(self, limit: int = MEMORY) -> None:
        self.table: pa.Table | None = None
        self._limit = limit

    def extend(self, new: pa.Table | None) -> pa.Table | None:
        """All that is remembered, with the new entries."""
        if new is not None:
            self.table = new if self.table is None else pa.concat_tables([self.table, new], promote_options="default")
        return self.table

    def forget(self) -> None:
        """Keep the last entries only."""
        if self.table is not None and self.table.num_rows > self._limit:
            # A copy, so that the memory of what is forgotten is freed.
            self.table = self.table.slice(self.table.num_rows - self._limit).combine_chunks()


def _set(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    index = rows.schema.get_field_index(name)
    field_ = rows.schema.field(index)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    return rows.set_column(index, field_, typed(name, values, field_.type))


def _fill(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Put ``values`` where the column is null."""
    column = rows.column(name)
    if not column.null_count:
        return rows
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return _set(rows, name, pc.coalesce(plain, values.cast(plain.type)))


class MessageJoin:
    """Rows learn sender, size, Message-ID, login and (inbound) client from earlier lines of their queue id."""

    def __init__(self, parser: LogParser) -> None:
        self._memory = {rule.name: _Memory() for rule in parser.rules if rule.role == "message"}

    def __call__(self, group: Group) -> None:
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
            memory.extend(table)
            memory.forget()
        group.rows = rows

    def _recall(self, rows: pa.Table, lost: Int64, memory: _Memory, newer: pa.Table | None) -> pa.Table:
        """Let rows whose message began in an earlier group learn from what is remembered."""
        remembered = memory.table
        if remembered is None or not remembered.num_rows:
            return rows
        some = rows.select(["queue_id", "host", "line"]).take(pa.array(lost))
        hit = pc.is_in(remembered.column("queue_id"), value_set=_whole(some.column("queue_id").unique()))
        places = np.flatnonzero(np.asarray(_whole(hit)))
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


def _message_codes(tables: list[pa.Table]) -> list[Int64]:
    """Numbers for (queue id, host), equal where both are; -1 without a queue id."""
    ids = _codes(*(table.column("queue_id") for table in tables))
    if any("host" not in table.schema.names for table in tables):
        return ids
    hosts = _codes(*(table.column("host") for table in tables))
    if max(int(h.max(initial=0)) for h in hosts) == 0:
        return ids
    keys = _keys(*zip(ids, hosts, strict=True))
    return [np.where(i < 0, -1, key) for i, key in zip(ids, keys, strict=True)]


def _learn(rows: pa.Table, places: Int64, known: pa.Table, found: Int64) -> pa.Table:
    """Fill what is null in the rows at ``places`` from the entries of ``known`` that were found for them."""
    take = np.full(rows.num_rows, -1)
    take[places] = found
    if not (take >= 0).any():
        return rows
    index = pa.array(take, mask=take < 0)
    inbound = None
    for name in known.schema.names:
        if name not in SCHEMA.names or name in ("queue_id", "line", "host", "service") or not rows.column(name).null_count:
            continue
        values = typed(name, _whole(known.column(name)), rows.schema.field(name).type)
        values = (values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values).take(index)
        if name.startswith("peer_") or name == "helo":
            # The client is the peer of what this server answered, never of what a remote server answered.
            if inbound is None:
                inbound = _whole(pc.equal(rows.column("direction").cast(pa.string()), "inbound"))
            values = pc.if_else(inbound, values, None)
        rows = _fill(rows, name, values)
    return rows


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def _process(table: pa.Table) -> list[pa.ChunkedArray]:
    """Columns that name the process that wrote a line; it serves one session at a time."""
    null = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    return [table.column(n) if n in table.schema.names else null for n in ("host", "service", "pid")]


class Sessions:
    """Rows without a client learn it from their process; failure counters lose what other lines explain."""

    def __init__(self, parser: LogParser) -> None:
        opens = [r for r in parser.rules if r.role in ("message", "session") and "peer" in str(r.alternatives)]
        self._opens = [rule.name for rule in opens]
        self._explains = [rule.name for rule in parser.rules if rule.role == "explains"]
        self._rules = {rule.name: rule for rule in parser.rules if rule.explained_by or rule.only_after}
        self._answers = sorted({_answers_to(rule, parser) for rule in self._rules.values()})
        self._memory = _Memory(SESSION_MEMORY)
        self._explained = _Memory(SESSION_MEMORY)

    def __call__(self, group: Group) -> None:
        self._name_clients(group)
        if self._rules:
            self._take_off_explained(group)

    def _name_clients(self, group: Group) -> None:
        new = [group.contexts[name] for name in self._opens if name in group.contexts]
        opened = pa.concat_tables(new, promote_options="default").sort_by("line") if len(new) > 1 else next(iter(new), None)
        known = self._memory.extend(opened)
        rows = group.rows
        if known is not None and rows.num_rows:
            inbound = pc.equal(rows.column("direction").cast(pa.string()), "inbound")
            lost = _whole(pc.and_(inbound, rows.column("peer_ip").is_null()))
            where = np.flatnonzero(np.asarray(lost))
            if len(where):
                some = rows.take(pa.array(where))
                parts = [_codes(a, b) for a, b in zip(_process(some), _process(known), strict=True)]
                row_key, known_key = _keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
                found = latest_before(
                    row_key, np.asarray(some.column("line")), known_key, np.asarray(known.column("line"))
                )
                take = np.full(rows.num_rows, -1)
                take[where] = found
                index = pa.array(take, mask=take < 0)
                for name in ("peer_name", "peer_ip", "peer_port"):
                    if name in known.schema.names:
                        values = typed(name, _whole(known.column(name)), SCHEMA.field(name).type)
                        rows = _fill(rows, name, values.take(index))
                group.rows = rows
        self._memory.forget()

    def _take_off_explained(self, group: Group) -> None:
        rows = group.rows
        columns = ["host", "service", "pid", "peer_ip", "command", "line"]
        tables = [_narrow(group.contexts[name], columns) for name in self._explains if name in group.contexts]
        rule, command = rows.column("rule").cast(pa.string()), rows.column("command").cast(pa.string())
        made = pc.is_in(rule, pa.array(list(self._rules)))
        # Commands that were answered in lines of their own; 421 comes on top of the answer.
        final = pc.not_equal(rows.column("code"), 421).fill_null(True)
        answered = pa.scalar(False)
        for asked, names in self._answers:
            answered = pc.or_(answered, pc.and_(pc.equal(command, asked), pc.is_in(rule, pa.array(names))))
        answered = pc.and_(answered.fill_null(False), final)
        tables.append(_narrow(rows.filter(answered), columns))
        known = self._explained.extend(pa.concat_tables(tables).sort_by("line"))
        where = np.flatnonzero(np.asarray(_whole(made)))
        if known is not None and len(where):
            self._settle(group, where, known)
        self._explained.forget()

    def _settle(self, group: Group, where: Int64, known: pa.Table) -> None:
        """Take what is known to explain failures off the counters of the same session."""
        some = group.rows.take(pa.array(where))
        rules = [self._rules[name] for name in some.column("rule").to_pylist()]
        wanted = pa.array([rule.explained_by or rule.only_after for rule in rules], pa.string())
        some = _narrow(some.append_column("wanted", wanted), [*_SESSION, "wanted", "line", "count"])
        known_names = [*_SESSION, "command"]
        parts = [
            _codes(some.column(a), known.column(b)) for a, b in zip([*_SESSION, "wanted"], known_names, strict=True)
        ]
        row_key, known_key = _keys(tuple(p[0] for p in parts), tuple(p[1] for p in parts))
        # What explains a failure belongs to the next summary of its process, client and command.
        owner = _next_after(known_key, np.asarray(known.column("line")), row_key, np.asarray(some.column("line")))
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
        rows = _set(rows, "count", pa.array(whole))
        gone = np.zeros(rows.num_rows, bool)
        gone[where[left <= 0]] = True
        group.rows = rows.filter(pa.array(~gone)) if gone.any() else rows


def _answers_to(counter: Rule, parser: LogParser) -> tuple[str, tuple[str, ...]]:
    """The command whose answers a rule asks for, and the rules that may tell of one."""
    counting = {name for name, rule in ((r.name, r) for r in parser.rules) if rule.explained_by == counter.explained_by}
    names = tuple(
        rule.name
        for rule in parser.rules
        if rule.role == "reply"
        and (not rule.services or not counter.services or set(rule.services) & set(counter.services))
        and not (counter.explained_by and rule.name in counting and rule.explained_by)
    )
    return str(counter.explained_by or counter.only_after), names


_SESSION = ["host", "service", "pid", "peer_ip"]


def _narrow(table: pa.Table, columns: list[str]) -> pa.Table:
    """Some columns, as plain texts (numbers stay)."""
    null = pa.nulls(table.num_rows, pa.string())
    arrays = [table.column(n) if n in table.schema.names else null for n in columns]
    return pa.table({n: a if n in ("line", "count") else as_plain(a) for n, a in zip(columns, arrays, strict=True)})


def _next_after(key: Int64, line: Int64, rows_key: Int64, rows_line: Int64) -> Int64:
    """For each entry the first row of the same key on a later line, else -1."""
    order = np.argsort(rows_key, kind="stable")
    first = min(int(line.min(initial=0)), int(rows_line.min(initial=0)))
    span = max(int(line.max(initial=0)), int(rows_line.max(initial=0))) - first + 2
    searched = rows_key[order] * span + (rows_line[order] - first)
    found = np.searchsorted(searched, key * span + (line - first), side="right")
    candidate = order[np.minimum(found, len(order) - 1)]
    good = (found < len(order)) & (rows_key[candidate] == key)
    return np.where(good, candidate, -1)


@dataclass(slots=True)
class Versions:
    """Rows whose code depends on the software's version get that of the version which wrote the log.

    The version is the last that the log named for the host before the row, else ``given``, else a current one.
    """

    parser: LogParser
    given: str | None = None
    known: dict[str | None, tuple[int, ...]] = field(default_factory=dict)

    def __call__(self, group: Group) -> None:
        rules = {rule.name: rule for rule in self.parser.rules if rule.versions}
        said = [group.contexts[r.name] for r in self.parser.rules if r.role == "version" and r.name in group.contexts]
        events = [event for table in said for event in table.to_pylist()]
        rows = group.rows
        hit = _whole(pc.is_in(rows.column("rule").cast(pa.string()), pa.array(list(rules), pa.string())))
        where = np.flatnonzero(np.asarray(hit))
        changes: list[tuple[int, Mapping[str, Any]]] = []
        if len(where):
            some = rows.select(["rule", "host", "line"]).take(pa.array(where)).to_pylist()
            position = 0
            for place, row in zip(where, some, strict=True):
                while position < len(events) and events[position]["line"] < row["line"]:
                    self._hear(events[position])
                    position += 1
                version = self.known.get(row["host"]) or (version_key(self.given) if self.given else None)
                change = _older(rules[row["rule"]], version)
                if change:
                    changes.append((int(place), change))
            events = events[position:]
        for event in events:
            self._hear(event)
        if changes:
            group.rows = _apply(rows, changes)

    def _hear(self, event: Mapping[str, Any]) -> None:
        self.known[event.get("host")] = version_key(event["version"])


def _older(rule: Rule, version: tuple[int, ...] | None) -> dict[str, Any]:
    """The constants that hold for an older version, those of the oldest change last."""
    constants: dict[str, Any] = {}
    if version is not None:
        for change in sorted(rule.versions, key=lambda c: c.below, reverse=True):
            if version < change.below:
                constants |= change.constants
    return constants


def _apply(rows: pa.Table, changes: list[tuple[int, Mapping[str, Any]]]) -> pa.Table:
    for name in dict.fromkeys(name for _, change in changes for name in change if name != "drop"):
        values = rows.column(name).to_pylist()
        for place, change in changes:
            if name in change:
                values[place] = change[name] if change[name] != "" else None
        plain = rows.schema.field(name).type
        plain = plain.value_type if pa.types.is_dictionary(plain) else plain
        rows = _set(rows, name, pa.array(values, plain))
    dropped = [place for place, change in changes if change.get("drop")]
    if dropped:
        keep = np.ones(rows.num_rows, bool)
        keep[dropped] = False
        rows = rows.filter(pa.array(keep))
    return rows


class Filters:
    """A message handed to a content filter and taken back is delivered once: the first leg's status is ``filtered``.

    A leg is known by its reply, ``queued as ID``, where ID came from this machine (Postfix: a client on the
    loopback network, or one that names the first queue id as ``orig_queue_id``).
    """

    def __init__(self, parser: LogParser) -> None:
        self._rules = [rule.name for rule in parser.rules if rule.role == "message" and "peer" in str(rule.alternatives)]
        self._memory = _Memory()

    def __call__(self, group: Group) -> None:
        rows = group.rows
        for name in self._rules:
            table = group.contexts.get(name)
            if table is None or "queue_id" not in table.schema.names:
                continue
            local = pc.match_substring_regex(_text(table, "peer_ip"), r"^(?:127\.|::1$)").fill_null(False)
            linked = _text(table, "orig_queue_id").is_valid()
            new = pa.table(
                {
                    "queue_id": _text(table, "queue_id"),
                    "orig_queue_id": _text(table, "orig_queue_id"),
                    "line": table.column("line"),
                }
            ).filter(pc.or_(local, linked))
            self._memory.extend(new)
        known = self._memory.table
        if known is not None and known.num_rows and rows.num_rows:
            status = rows.column("status").cast(pa.string())
            sent = pc.and_kleene(pc.equal(status, "sent"), pc.match_substring(rows.column("text"), "queued as "))
            where = np.flatnonzero(np.asarray(_whole(sent.fill_null(False))))
            if len(where):
                self._mark(group, where, known)
        self._memory.forget()

    def _mark(self, group: Group, where: Int64, known: pa.Table) -> None:
        rows = group.rows
        text = rows.column("text").take(pa.array(where))
        next_id = pc.struct_field(pc.extract_regex(text, r"queued as (?P<id>[0-9A-Za-z]+)"), "id")
        row_key, known_key = _codes(next_id, known.column("queue_id"))
        line = np.asarray(rows.column("line").take(pa.array(where)))
        found = latest_before(row_key, line, known_key, np.asarray(known.column("line")))
        origin = known.column("orig_queue_id").take(pa.array(found, mask=found < 0))
        own = rows.column("queue_id").take(pa.array(where))
        good = (found >= 0) & np.asarray(_whole(pc.or_kleene(origin.is_null(), pc.equal(origin, own))).fill_null(False))
        if good.any():
            mask = np.zeros(rows.num_rows, bool)
            mask[where[good]] = True
            status = rows.column("status").cast(pa.string())
            group.rows = _set(rows, "status", pc.if_else(pa.array(mask), "filtered", _whole(status)))


def _text(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name in table.schema.names:
        return table.column(name).cast(pa.string())
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])


class Echoes:
    """One reply that the log shows on several lines counts once: the later rows become ``repeated``.

    An answer to RCPT is each recipient's own; one to the greeting, EHLO, MAIL, DATA or the final dot is the message's,
    logged for every recipient. LMTP (RFC 2033) answers the final dot once for each recipient.
    """

    def __init__(self, parser: LogParser) -> None:
        self._tail: pa.Table | None = None

    def __call__(self, group: Group) -> None:
        rows = group.rows
        names = ["time", "queue_id", "peer_ip", "pid", "command", "code", "text", "recipient", "line", "basis", "direction", "service"]
        own = rows.select(names)
        both = own if self._tail is None else pa.concat_tables([self._tail, own])
        before = both.num_rows - own.num_rows
        repeated = _echoes(both)[before:]
        if repeated.any():
            basis = rows.column("basis").cast(pa.string())
            group.rows = _set(rows, "basis", pc.if_else(pa.array(repeated), "repeated", _whole(basis)))
        # What was decided stays decided: the memory holds the new basis.
        both = pa.concat_tables([both.slice(0, before), group.rows.select(names)])
        tail = both.slice(max(0, both.num_rows - ECHO_ROWS))
        time = np.asarray(tail.column("time").cast(pa.int64()).fill_null(NO_TIME))
        recent = time >= time.max(initial=NO_TIME) - (ECHO_SECONDS + 1) * 1_000_000
        self._tail = tail.filter(pa.array(recent)).combine_chunks()


def _echoes(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows repeat an earlier one; rows that are ``repeated`` already stay so."""
    count = rows.num_rows
    basis = rows.column("basis").cast(pa.string())
    result = np.asarray(_whole(pc.equal(basis, "repeated").fill_null(False))).copy()
    known = pc.and_(rows.column("queue_id").is_valid(), pc.is_in(basis, pa.array(["logged", "repeated"])))
    known = pc.and_(known, pc.equal(rows.column("direction").cast(pa.string()), "outbound"))
    known = pc.and_(known, pc.or_(rows.column("code").is_valid(), rows.column("text").is_valid()))
    where = np.flatnonzero(np.asarray(_whole(known.fill_null(False))))
    queue_id = _codes(rows.column("queue_id"))[0][where]
    # Few queue ids have more than one row; only those can hold an echo.
    busy = np.bincount(queue_id, minlength=1)[queue_id] > 1 if len(queue_id) else np.array([], bool)
    where, queue_id = where[busy], queue_id[busy]
    if not len(where):
        return result
    some = rows.take(pa.array(where)) if len(where) < count else rows
    command = some.column("command").cast(pa.string())
    service = some.column("service").cast(pa.string()).fill_null("")
    lmtp = pc.and_(pc.ends_with(service, "lmtp"), pc.equal(command, "EOD")).fill_null(False)
    personal = pc.or_(pc.equal(command, "RCPT").fill_null(False), lmtp)
    # Whose answer it was is not always told; then it is nobody else's.
    owner = pc.coalesce(some.column("recipient"), some.column("line").cast(pa.string()))
    owner = pc.if_else(_whole(personal), _whole(owner), None)
    parts = (some.column("peer_ip"), some.column("pid"), command, some.column("code").cast(pa.string()), some.column("text"))
    key = _keys((queue_id, *(_codes(part)[0] for part in parts), _codes(owner)[0]))[0]
    recipient = _codes(some.column("recipient"))[0]
    time = np.asarray(some.column("time").cast(pa.int64()).fill_null(NO_TIME))
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(key[order]) != 0)))
    for first, last in zip(starts, np.append(starts[1:], len(order)), strict=True):
        if last - first > 1:
            members = order[first:last]
            result[where[members]] = _clusters(time[members], recipient[members], result[where[members]])
    return result


def _clusters(time: Int64, recipient: Int64, repeated: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Among lines of one reply text: all but the first of each attempt; a recipient comes once in an attempt."""
    result = repeated.copy()
    started, seen = None, set[int]()
    for place in range(len(time)):
        new = started is None or abs(int(time[place]) - started) > ECHO_SECONDS * 1_000_000
        if not result[place] and (new or int(recipient[place]) in seen):
            started, seen = int(time[place]), set()
        elif not new:
            result[place] = True
        if recipient[place] >= 0:
            seen.add(int(recipient[place]))
    return result


PASSES: dict[str, Callable[[LogParser], Pass]] = {
    "messages": MessageJoin,
    "sessions": Sessions,
    "filters": Filters,
    "echoes": Echoes,
}
