"""Seeded mail logs as replies tables, with labelled episodes: what the finding of spikes is measured with.

The background is what servers see every day: deliveries that follow the working hours, peers that guess recipients
all day, clients that are greylisted, remote servers that are unwell now and then, small blips. Its noise is that of
independent events or, where it is ``clumped``, that of a rate which itself varies at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from logscan.schema import SCHEMA

MONDAY = datetime(2026, 11, 16, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60, 3600, 86400
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """Replies that differ in time, peer and message only."""

    direction: str
    code: int
    cause: str | None
    command: str
    peers: int
    by_day: bool = True
    status: str = ""

    def __post_init__(self) -> None:
        """Fill in what the reply means for its message."""
        usual = "sent" if self.code < 400 else "rejected" if self.direction == "inbound" else "deferred"
        object.__setattr__(self, "status", self.status or usual)


SENT = Kind("outbound", 250, None, "EOD", 200)
GREYLISTED = Kind("inbound", 451, "greylisting", "RCPT", 250)
GUESSES = Kind("inbound", 550, "recipient_unknown", "RCPT", 3, by_day=False)
BLIP = Kind("outbound", 421, "unknown", "CONNECT", 1)

#: Kind → replies a day.
BACKGROUND = {
    SENT: 1800,
    GUESSES: 500,
    GREYLISTED: 150,
    Kind("outbound", 421, "timeout", "CONNECT", 40): 25,
    Kind("outbound", 450, "dns", "RCPT", 40): 25,
    Kind("outbound", 452, "mailbox_full", "RCPT", 40): 20,
    Kind("outbound", 451, "local_error", "MAIL", 40): 20,
    Kind("inbound", 421, "timeout", "DATA", 250): 12,
}
SPIKES = (
    Kind("inbound", 421, "server_load", "CONNECT", 120),
    Kind("inbound", 421, "connection_limit", "CONNECT", 1),
    Kind("inbound", 421, "timeout", "DATA", 250),
    GREYLISTED,
    Kind("outbound", 450, "greylisting", "RCPT", 1),
    Kind("outbound", 421, "rate_limit", "MAIL", 1),
    Kind("outbound", 421, "server_load", "CONNECT", 2),
)


@dataclass(frozen=True, slots=True)
class Label:
    """A spike that is in the log, in seconds since 1970."""

    kind: Kind
    start: float
    end: float


@dataclass(slots=True)
class Log:
    """A log under construction."""

    rng: np.random.Generator
    days: int = 1
    labels: list[Label] = field(default_factory=list)
    _parts: list[pa.Table] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    @property
    def table(self) -> pa.Table:
        """The replies in order of time."""
        return pa.concat_tables(self._parts).sort_by("time")

    def add(
        self,
        kind: Kind,
        times: Times,
        messages: list[int] | None = None,
        recipients: Sequence[int] | None = None,
    ) -> list[int]:
        """Add replies; they concern new messages unless some are given. Returns the messages' numbers."""
        messages = messages or [next(self._numbers) for _ in times]
        hosts = self.rng.integers(kind.peers, size=len(times)) + 1
        outbound = kind.direction == "outbound"
        enveloped = outbound or kind.command == "RCPT"
        columns = {
            "time": (times * 1e6).astype(np.int64),
            "peer_name": [f"mx{host}.{kind.cause}.example" for host in hosts],
            "peer_ip": [f"{'203.0.113' if outbound else '198.51.100'}.{host}" for host in hosts],
            "queue_id": [f"{message:08X}" if outbound else None for message in messages],
            "sender": [f"s{message}@example.org" if enveloped else None for message in messages],
            "recipient": [
                f"r{number}@example.net" if enveloped else None for number in recipients or messages
            ],
        }
        for name in ("direction", "code", "cause", "command", "status"):
            columns[name] = [getattr(kind, name)] * len(times)
        columns |= {"basis": ["logged"] * len(times), "count": [1] * len(times)}
        nothing = [None] * len(times)
        arrays = [pa.array(columns.get(field.name, nothing), field.type) for field in SCHEMA]
        self._parts.append(pa.Table.from_arrays(arrays, schema=SCHEMA))
        return messages

    def background(self, *, clumped: bool, peak: float | None = None) -> None:
        """Add what happens every day; at ``peak`` (seconds since the start) there is an hour of fivefold traffic."""
        for kind, per_day in BACKGROUND.items():
            bins = np.arange(self.days * DAY // (10 * MINUTE))
            mean = (
                per_day
                / 144
                * (_working_hours(bins * 10 * MINUTE / HOUR) if kind.by_day else np.ones(len(bins)))
            )
            if peak is not None and kind.by_day:
                mean[(bins * 10 * MINUTE >= peak) & (bins * 10 * MINUTE < peak + HOUR)] *= 5
            if clumped:
                mean = mean * self.rng.gamma(2, 0.5, len(bins))
            starts = np.repeat(bins, self.rng.poisson(mean)) * 10 * MINUTE
            self.add(kind, MONDAY + starts + self.rng.random(len(starts)) * 10 * MINUTE)
        for start in self.rng.random(int(self.rng.integers(4)) * self.days) * (self.days * DAY - HOUR):
            size = int(self.rng.integers(2, 5))
            self.add(BLIP, MONDAY + start + self.rng.random(size) * 8 * MINUTE)

    def spike(
        self, kind: Kind, start: float, minutes: float, size: int, *, echoes: bool = False
    ) -> list[int]:
        """Add a spike at ``start`` (seconds since the start of the log); retries may echo it. Returns messages."""
        times = MONDAY + start + np.sort(self.rng.random(size)) * minutes * MINUTE
        messages = self.add(kind, times)
        self.labels.append(Label(kind, float(times[0]), float(times[-1])))
        if echoes:
            for delay, share in ((30 * MINUTE, 0.5), (90 * MINUTE, 0.3)):
                again = np.flatnonzero(self.rng.random(size) < share)
                later = times[again] + (delay + 5 * MINUTE * self.rng.random(len(again)))
                self.add(kind, later, [messages[number] for number in again])
        return messages


def _working_hours(hour: Times) -> Times:
    """Relative traffic by hour of the log: a peak before and one after noon, less at the weekend; mean 1."""
    day, clock = np.divmod(hour, 24)
    level = 0.25 + 1.5 * np.exp(-(((clock - 11) / 3.2) ** 2)) + 1.1 * np.exp(-(((clock - 16) / 2.8) ** 2))
    level = level * np.where(day % 7 >= 5, 0.4, 1.0)
    return level / level.mean()


def random_log(seed: int, *, days: int = 1, spikes: int = 2, clumped: bool = False) -> Log:
    """A log with some spikes of ten minutes to an hour and a half, well apart."""
    log = Log(np.random.default_rng(seed), days)
    log.background(clumped=clumped)
    rng = log.rng
    slots = rng.permutation(days * 8)[:spikes]
    for slot, number in zip(slots, rng.permutation(len(SPIKES))[:spikes], strict=True):
        start = slot * 3 * HOUR + rng.random() * HOUR
        minutes = rng.choice([10, 20, 40, 60, 90])
        size = max(12, int(rng.choice([0.8, 1.5, 4.0]) * minutes))
        kind = SPIKES[number]
        log.spike(kind, start, minutes, size, echoes=kind.direction == "outbound" and rng.random() < 0.5)
    return log
