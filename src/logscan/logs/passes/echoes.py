"""Echoes: one reply that the log shows on several lines counts once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import Group, Int64, codes, keys, set_column, whole
from logscan.logs.timestamps import NO_TIME

#: An echo follows the reply it repeats within this time …
ECHO_SECONDS = 5
#: … and within this many rows.
ECHO_ROWS = 1 << 16


class Echoes:
    """One reply that the log shows on several lines counts once: the later rows become ``repeated``.

    An answer to RCPT is each recipient's own; one to the greeting, EHLO, MAIL, DATA or the final dot is the message's,
    logged for every recipient. LMTP (RFC 2033) answers the final dot once for each recipient. A rule may say of itself
    which rule's reply it repeats (``repeats``), if that one's line to the same peer came just before.
    """

    def __init__(self, parser: LogParser) -> None:
        self._repeats = {rule.name: rule.repeats for rule in parser.rules if rule.repeats is not None}
        self._tail: pa.Table | None = None

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rows = group.rows
        names = [
            "time",
            "queue_id",
            "peer_ip",
            "pid",
            "command",
            "code",
            "text",
            "recipient",
            "line",
            "basis",
            "direction",
            "service",
            "status",
            "rule",
            "host",
            "peer_port",
        ]
        own = rows.select(names)
        both = own if self._tail is None else pa.concat_tables([self._tail, own])
        before = both.num_rows - own.num_rows
        repeated = (_echoes(both) | _said_again(both, self._repeats))[before:]
        if repeated.any():
            basis = rows.column("basis").cast(pa.string())
            group.rows = set_column(rows, "basis", pc.if_else(pa.array(repeated), "repeated", whole(basis)))
        # What was decided stays decided: the memory holds the new basis.
        both = pa.concat_tables([both.slice(0, before), group.rows.select(names)])
        tail = both.slice(max(0, both.num_rows - ECHO_ROWS))
        time = np.asarray(tail.column("time").cast(pa.int64()).fill_null(NO_TIME))
        recent = time >= time.max(initial=0) - (ECHO_SECONDS + 1) * 1_000_000
        self._tail = tail.filter(pa.array(recent)).combine_chunks()


def _echoes(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows repeat an earlier one; rows that are ``repeated`` already stay so."""
    count = rows.num_rows
    basis = rows.column("basis").cast(pa.string())
    result = np.asarray(whole(pc.equal(basis, "repeated").fill_null(False))).copy()
    known = pc.and_(rows.column("queue_id").is_valid(), pc.is_in(basis, pa.array(["logged", "repeated"])))
    known = pc.and_(known, pc.equal(rows.column("direction").cast(pa.string()), "outbound"))
    known = pc.and_(known, pc.or_(rows.column("code").is_valid(), rows.column("text").is_valid()))
    where = np.flatnonzero(np.asarray(whole(known.fill_null(False))))
    queue_id = codes(rows.column("queue_id"))[0][where]
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
    owner = pc.if_else(whole(personal), whole(owner), None)
    parts = (
        some.column("peer_ip"),
        some.column("pid"),
        command,
        some.column("code").cast(pa.string()),
        some.column("text"),
    )
    key = keys((queue_id, *(codes(part)[0] for part in parts), codes(owner)[0]))[0]
    # A line without outcome tells of a host, and its recipients' lines follow.
    recipient = np.where(np.asarray(some.column("status").is_valid()), codes(some.column("recipient"))[0], -1)
    time = np.asarray(some.column("time").cast(pa.int64()).fill_null(NO_TIME))
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(key[order]) != 0)))
    for first, last in zip(starts, np.append(starts[1:], len(order)), strict=True):
        if last - first > 1:
            members = order[first:last]
            result[where[members]] = _clusters(time[members], recipient[members], result[where[members]])
    return result


def _said_again(rows: pa.Table, repeats: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """Which rows, by rules that repeat another's, have a row of that other just before them."""
    result = np.zeros(rows.num_rows, bool)
    rule = whole(rows.column("rule").cast(pa.string()))
    again = np.flatnonzero(np.asarray(pc.is_in(rule, pa.array(list(repeats), pa.string()))))
    if not len(again):
        return result
    first = np.flatnonzero(np.asarray(pc.is_in(rule, pa.array(list(repeats.values()), pa.string()))))
    names = ("host", "peer_ip", "peer_port")
    parts = [
        codes(column.take(pa.array(again)), column.take(pa.array(first)))
        for column in map(rows.column, names)
    ]
    wanted = pa.array([repeats[name] for name in rule.take(pa.array(again)).to_pylist()], pa.string())
    parts.append(codes(wanted, rule.take(pa.array(first))))
    key, known_key = keys(*zip(*parts, strict=True))
    line = np.asarray(rows.column("line"))
    found = latest_before(key, line[again], known_key, line[first])
    time = np.asarray(rows.column("time").cast(pa.int64()).fill_null(NO_TIME))
    close = (
        np.abs(time[again] - time[first[np.maximum(found, 0)]]) <= ECHO_SECONDS * 1_000_000
        if len(first)
        else found >= 0
    )
    result[again] = (found >= 0) & close
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
