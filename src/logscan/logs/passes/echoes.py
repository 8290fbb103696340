"""Echoes: one reply that the log shows on several lines counts once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import LogParser
from logscan.logs.passes.order import latest_before
from logscan.logs.passes.tables import Group, Int64, among, codes, keys, put, whole
from logscan.logs.timestamps import NO_TIME

#: An echo follows the reply it repeats within this time …
ECHO_SECONDS = 5
#: … and within this many rows.
ECHO_ROWS = 1 << 16
#: What tells whether a reply, to a queue id, is another's echo.
_COMPARED = ["time", "line", "peer_ip", "pid", "command", "code", "text", "recipient", "service", "status"]
#: What is remembered of rows: that, and what tells which may be echoes.
_REMEMBERED = [*_COMPARED, "queue_id", "basis", "direction", "rule", "host", "peer_port"]


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
        own = rows.select(_REMEMBERED)
        both = own if self._tail is None else pa.concat_tables([self._tail, own])
        before = both.num_rows - own.num_rows
        repeated = (_echoes(both) | _said_again(both, self._repeats))[before:]
        if repeated.any():
            group.rows = put(rows, "basis", np.flatnonzero(repeated), "repeated")
        # What was decided stays decided: the memory holds the new basis.
        both = pa.concat_tables([both.slice(0, before), group.rows.select(_REMEMBERED)])
        tail = both.slice(max(0, both.num_rows - ECHO_ROWS))
        time = np.asarray(tail.column("time").cast(pa.int64()).fill_null(NO_TIME))
        recent = time >= time.max(initial=0) - (ECHO_SECONDS + 1) * 1_000_000
        self._tail = tail.filter(pa.array(recent)).combine_chunks()


def _echoes(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows repeat an earlier one; rows that are ``repeated`` already stay so."""
    result = among(rows.column("basis"), ["repeated"])
    known = among(rows.column("basis"), ["logged", "repeated"]) & among(
        rows.column("direction"), ["outbound"]
    )
    told = pc.or_(rows.column("code").is_valid(), rows.column("text").is_valid())
    known &= np.asarray(whole(pc.and_(told, rows.column("queue_id").is_valid())))
    where = np.flatnonzero(known)
    queue_id = codes(rows.column("queue_id").take(pa.array(where)))[0]
    # Few queue ids have more than one row; only those can hold an echo.
    busy = np.bincount(queue_id, minlength=1)[queue_id] > 1
    where, queue_id = where[busy], queue_id[busy]
    if not len(where):
        return result
    some = rows.select(_COMPARED).take(pa.array(where))
    command = some.column("command")
    services = some.column("service").unify_dictionaries()
    lmtp = [word for word in whole(services).dictionary.to_pylist() if word.endswith("lmtp")]
    personal = among(command, ["RCPT"]) | (among(command, ["EOD"]) & among(services, lmtp))
    recipient = codes(some.column("recipient"))[0]
    # Whose answer it was is not always told; then it is nobody else's.
    line = np.asarray(some.column("line"))
    owner = np.where(recipient >= 0, recipient, len(line) + line - line.min())
    owner = np.where(personal, owner, -1)
    code = np.asarray(some.column("code").cast(pa.int64()).fill_null(-1))
    texts = (codes(some.column(name))[0] for name in ("peer_ip", "pid", "command", "text"))
    key = keys((queue_id, code, owner, *texts))[0]
    # A line without outcome tells of a host, and its recipients' lines follow.
    recipient = np.where(np.asarray(some.column("status").is_valid()), recipient, -1)
    time = np.asarray(some.column("time").cast(pa.int64()).fill_null(NO_TIME))
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(key[order]) != 0)))
    ends = np.append(starts[1:], len(order))
    several = ends - starts > 1
    for first, last in zip(starts[several], ends[several], strict=True):
        members = order[first:last]
        result[where[members]] = _clusters(time[members], recipient[members], result[where[members]])
    return result


def _said_again(rows: pa.Table, repeats: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """Which rows, by rules that repeat another's, have a row of that other just before them."""
    result = np.zeros(rows.num_rows, bool)
    rule = rows.column("rule")
    again = np.flatnonzero(among(rule, list(repeats)))
    if not len(again):
        return result
    first = np.flatnonzero(among(rule, list(repeats.values())))
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
