"""The log as columns of numbers, and of these the negative replies on the wire, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from socket import AF_INET6, inet_ntop, inet_pton

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.cause_rules import UNKNOWN
from logscan.flagging.baseline import DAY, Flags, Ints
from logscan.schema import WIRE
from logscan.tally import Coded, coded

#: Only in logs that seem longer than this are times looked at with suspicion.
_LONG = 60 * DAY


class Log:
    """A replies table with its columns of numbers, each made when it is first asked for."""

    def __init__(self, replies: pa.Table) -> None:
        self.replies = replies

    @cached_property
    def times(self) -> Ints:
        """The times in microseconds since 1970, -1 for none.

        A machine may log some lines before its clock is set; such times, far from all others, count as none.
        """
        times: Ints = pc.fill_null(self.replies["time"].cast(pa.int64()), -1).to_numpy()
        known = times[times >= 0]
        if len(known) and np.ptp(known) > _LONG:
            early, late = np.quantile(known, (0.01, 0.99))
            margin = late - early + DAY
            times = np.where((times < early - margin) | (times > late + margin), -1, times)
        return times

    @cached_property
    def codes(self) -> Ints:
        """The reply codes, 0 for none."""
        codes: Ints = pc.fill_null(self.replies["code"], 0).to_numpy().astype(np.int64)
        return codes

    @cached_property
    def counts(self) -> Ints:
        """How many replies each row stands for."""
        counts: Ints = pc.fill_null(self.replies["count"], 1).to_numpy().astype(np.int64)
        return counts

    @cached_property
    def wire(self) -> Flags:
        """Which rows are replies that were sent, told for the first time."""
        replied = pc.or_(self.replies["code"].is_valid(), self.replies["enhanced"].is_valid())
        flags: Flags = self._told & replied.to_numpy()
        return flags

    @cached_property
    def told_times(self) -> Ints:
        """The times of all that the log tells for the first time, replies or not."""
        return self.times[self._told & (self.times >= 0)]

    @cached_property
    def _told(self) -> Flags:
        return self.holds("basis", *WIRE)

    def holds(self, name: str, *values: str) -> Flags:
        """Which rows hold one of ``values`` in a dictionary column."""
        return is_value(coded(self.replies[name]), *values)

    def text(self, name: str, rows: Ints) -> pa.Array:
        """A column of texts at some rows; to filter and to put in order costs a fraction of taking."""
        mask = np.zeros(self.replies.num_rows, np.bool_)
        mask[rows] = True
        found = self.replies[name].filter(pa.array(mask)).cast(pa.string()).combine_chunks()
        if len(rows) < 2 or (np.diff(rows) > 0).all():
            return found
        return found.take(pa.array(np.searchsorted(np.flatnonzero(mask), rows)))


class Texts:
    """Columns of texts at some rows of a log, each looked up when it is first asked for."""

    def __init__(self, log: Log, rows: Ints) -> None:
        self.rows = rows
        self._log = log
        self._columns: dict[str, pa.Array] = {}

    def column(self, name: str) -> pa.Array:
        """A column at all of the rows."""
        if name not in self._columns:
            self._columns[name] = self._log.text(name, self.rows)
        return self._columns[name]

    def at(self, name: str, places: Ints) -> pa.Array:
        """A column at some of the rows."""
        return self.column(name).take(pa.array(places))


@dataclass(frozen=True, slots=True)
class Negatives:
    """Replies of class 4 and 5, in order of time.

    ``time`` is in microseconds since 1970, ``family`` 4 or 5; ``code`` is 0 where only the enhanced code is known.
    ``place`` tells where a reply is in ``texts``.
    """

    log: Log
    texts: Texts
    place: Ints
    time: Ints
    count: Ints
    code: Ints
    family: Ints
    direction: Coded
    cause: Coded

    @classmethod
    def of(cls, log: Log) -> Negatives:
        """The negative replies that were on the wire and have a time."""
        family = log.codes // 100
        bare = np.flatnonzero(log.wire & (log.codes == 0))
        enhanced = log.text("enhanced", bare)
        family[bare] = np.select([_starts(enhanced, "4."), _starts(enhanced, "5.")], [4, 5])
        rows = np.flatnonzero((family >= 4) & log.wire & (log.times >= 0))
        rows = rows[np.argsort(log.times[rows], kind="stable")]
        cause = coded(log.replies["cause"]).where(rows)
        if (cause.codes < 0).any():
            cause = coded(pc.fill_null(log.text("cause", rows), UNKNOWN))
        return cls(
            log=log,
            texts=Texts(log, rows),
            place=np.arange(len(rows)),
            time=log.times[rows],
            count=log.counts[rows],
            code=log.codes[rows],
            family=family[rows],
            direction=coded(log.replies["direction"]).where(rows),
            cause=cause,
        )

    def __len__(self) -> int:
        return len(self.place)

    def where(self, rows: Ints | Flags | slice) -> Negatives:
        """These replies alone; ``rows`` are numbers, a slice, or a flag for each."""
        return replace(
            self,
            place=self.place[rows],
            time=self.time[rows],
            count=self.count[rows],
            code=self.code[rows],
            family=self.family[rows],
            direction=Coded(self.direction.codes[rows], self.direction.values),
            cause=Coded(self.cause.codes[rows], self.cause.values),
        )

    def text(self, name: str) -> pa.Array:
        """Another column at these replies, as texts."""
        return self.texts.at(name, self.place)

    def column(self, name: str) -> Coded:
        """Another column at these replies, as numbers."""
        return coded(self.text(name))

    @property
    def row(self) -> Ints:
        """The numbers of these replies in the log."""
        return self.texts.rows[self.place]

    @property
    def way(self) -> str | None:
        """The direction of replies that share one."""
        code = int(self.direction.codes[0])
        return None if code < 0 else self.direction.values[code].as_py()


def is_value(column: Coded, *values: str) -> Flags:
    """Which rows of the column hold one of ``values``."""
    wanted = np.isin(column.values.to_numpy(zero_copy_only=False), values)
    flags: Flags = np.append(wanted, False)[column.codes]
    return flags


def parties(refused: Negatives) -> Coded:
    """Whom each reply came from or went to: a remote provider, or a client's address."""
    outbound = pa.array(is_value(refused.direction, "outbound"))
    name = pc.if_else(outbound, providers(refused.text("peer_name")), pa.scalar(None, pa.string()))
    return coded(pc.coalesce(name, refused.text("peer_ip")))


def providers(hosts: pa.Array) -> pa.Array:
    """Host names without the first label, which numbers the servers of a provider; short names as they are."""
    return pc.replace_substring_regex(hosts, r"^[^.]+\.([^.]+\..+)$", r"\1")


def networks(addresses: pa.Array) -> pa.Array:
    """The /24 or /64 of each address, as greylisting sees clients; what is no address stays as it is."""
    column = coded(addresses)
    found = pc.replace_substring_regex(column.values, r"^([^:]+)\.[^.:]*$", r"\1")
    long = np.flatnonzero(pc.match_substring(found, ":").to_numpy(zero_copy_only=False))
    if len(long):
        shortened = pa.array(
            [_network(value) for value in found.take(pa.array(long)).to_pylist()], pa.string()
        )
        found = pc.replace_with_mask(found, _mask(long, len(found)), shortened)
    return found.take(pa.array(column.codes, mask=column.codes < 0))


def _mask(places: Ints, size: int) -> pa.Array:
    mask = np.zeros(size, np.bool_)
    mask[places] = True
    return pa.array(mask)


def _network(address: str) -> str:
    try:
        packed = inet_pton(AF_INET6, address)
    except OSError:
        return address
    return f"{inet_ntop(AF_INET6, packed[:8] + bytes(8))}/64"


def _starts(texts: pa.Array, start: str) -> Flags:
    flags: Flags = pc.fill_null(pc.starts_with(texts, start), False).to_numpy(zero_copy_only=False)
    return flags
