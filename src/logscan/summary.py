"""Counts from the replies table: totals, reasons, rankings, times of day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.delays import Delay, delays_of
from logscan.reasons import fold
from logscan.schema import WIRE
from logscan.tally import Coded, Numbers, Ranking, coded, group, rank

#: What a report needs of the replies table; all other columns may be dropped before it is made.
REPORT_COLUMNS = (
    "time", "host", "parser", "direction", "session", "queue_id", "command", "code", "enhanced", "text",
    "basis", "rule", "count", "status", "cause", "peer_name", "peer_ip", "sender", "recipient",
)  # fmt: skip

#: Seconds per step of ``Summary.timeline``: every time zone's offset is a multiple of it.
TIMELINE_STEP = 900

#: ``status`` → the outcome it counts as. A leg to a content filter (``filtered``) is no outcome.
OUTCOMES = {
    "sent": "sent",
    "deferred": "deferred",
    "bounced": "bounced",
    "expired": "expired",
    "rejected": "refused",
}

#: The outcomes that have reasons, in the order of a report.
UNHAPPY = ("deferred", "bounced", "expired", "refused")


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that agree in all of these columns; they stand for ``count`` replies."""

    direction: str | None
    command: str | None
    code: int | None
    enhanced: str | None
    basis: str
    cause: str | None
    status: str | None
    count: int

    @property
    def replied(self) -> bool:
        """Whether there was a reply, not just an attempt that ended without one."""
        return self.code is not None or self.enhanced is not None

    @property
    def on_the_wire(self) -> bool:
        """Whether the reply was sent, and is told for the first time: only such replies enter totals."""
        return self.replied and self.basis in WIRE

    @property
    def negative(self) -> bool:
        """Whether it is a 4xx or 5xx; the enhanced code's class decides where the log gives only that."""
        return (self.code // 100 if self.code is not None else int((self.enhanced or "0")[0])) in (4, 5)

    @property
    def outcome(self) -> str | None:
        """What it counts as, by OUTCOMES; None where it tells no outcome, or tells one a second time.

        A delivery that ends with a repeated reply is an attempt of its own; a repeated refusal is the same
        refusal in another log. What was withheld did not happen.
        """
        if self.basis == "withheld" or (self.status == "rejected" and self.basis not in WIRE):
            return None
        return OUTCOMES.get(self.status or "")


@dataclass(frozen=True, slots=True)
class Reason:
    """One folded reply text behind an outcome, and the host that gave or got it most often."""

    outcome: str
    code: int | None
    enhanced: str | None
    cause: str | None
    text: str | None
    count: int
    inferred: int
    peer: str | None
    peer_count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report counts.

    ``outcomes`` counts messages received, delivery attempts by how they ended, and refusals. ``timeline``
    maps ``421`` and ``deferred`` to counts by step of TIMELINE_STEP seconds since 1970. ``reasons`` holds the
    most frequent of each outcome. ``clients`` and ``servers`` rank the other ends by negative replies and
    tell their codes; the other rankings count outcomes. ``delays`` are known if the table has DELAY_COLUMNS.
    """

    first: datetime | None
    last: datetime | None
    hosts: tuple[str, ...]
    parsers: tuple[str, ...]
    outcomes: Mapping[str, int]
    kinds: tuple[Kind, ...]
    timeline: Mapping[str, Mapping[int, int]]
    reasons: tuple[Reason, ...]
    clients: Ranking
    servers: Ranking
    senders: Ranking
    recipients: Ranking
    domains: Ranking
    delays: tuple[Delay, ...] = ()

    @property
    def replies(self) -> int:
        """How many replies were on the wire."""
        return sum(kind.count for kind in self.kinds if kind.on_the_wire)


def summarise(replies: pa.Table, *, top: int = 5) -> Summary:
    """Count ``replies``, which needs no more than REPORT_COLUMNS, causes assigned.

    Rankings, and the reasons of each outcome, keep their ``top`` entries.
    """
    with ThreadPoolExecutor(1) as other_core:
        # Half the work is finding the distinct addresses; Arrow does it without holding Python's lock.
        addresses = other_core.map(coded, (replies["sender"], replies["recipient"]))
        rows = _Rows(replies)
        span = pc.min_max(replies["time"])
        outcome = rows.labelled(attrgetter("outcome"))
        weights = np.where(outcome.codes >= 0, rows.counts, 0)
        reasons, clients, servers = _troubles(rows, top)
        sender, recipient = addresses
    return Summary(
        first=span["min"].as_py(),
        last=span["max"].as_py(),
        hosts=_names(replies["host"]),
        parsers=_names(replies["parser"]),
        outcomes=_outcomes(rows.kinds),
        kinds=tuple(sorted(rows.kinds, key=lambda kind: -kind.count)),
        timeline={
            "421": rows.timeline(lambda kind: kind.on_the_wire and kind.code == 421),
            "deferred": rows.timeline(lambda kind: kind.outcome == "deferred"),
        },
        reasons=reasons,
        clients=clients,
        servers=servers,
        senders=rank(sender, outcome, weights, top),
        recipients=rank(recipient, outcome, weights, top),
        domains=rank(_domain(recipient), outcome, weights, top),
        delays=delays_of(replies),
    )


def kinds_of(replies: pa.Table) -> list[Kind]:
    """The kinds of the rows of ``replies``, of which only the columns of Kind are needed."""
    return _Rows(replies).kinds if replies.num_rows else []


def totals(kinds: Iterable[Kind], *fields: str) -> list[tuple[Any, ...]]:
    """The sum of ``count`` for each combination of the ``fields`` of ``kinds``, largest first."""
    key = attrgetter(*fields)
    sums: Counter[Any] = Counter()
    for kind in kinds:
        sums[key(kind) if len(fields) > 1 else (key(kind),)] += kind.count
    return [(*values, count) for values, count in sums.most_common()]


class _Rows:
    """The replies table's rows, numbered by kind: what the kind decides is decided once, not row by row."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.counts: Numbers = pc.fill_null(table["count"], 1).to_numpy().astype(np.int64)
        columns = [coded(table[name]) for name in Kind.__slots__[:-1]]
        found = group(columns, self.counts)
        self._numbers = found.numbers
        values = (column.at(found.example) for column in columns)
        self.kinds: list[Kind] = list(starmap(Kind, zip(*values, found.totals.tolist(), strict=True)))

    def where(self, chosen: Callable[[Kind], bool]) -> Numbers:
        """The rows whose kind is ``chosen``."""
        return np.flatnonzero(np.array([chosen(kind) for kind in self.kinds], np.bool_)[self._numbers])

    def kind_of(self, row: int) -> Kind:
        """The kind that ``row`` is of."""
        return self.kinds[int(self._numbers[row])]

    def labelled(self, label: Callable[[Kind], str | int | None]) -> Coded:
        """A column that holds for each row its kind's ``label``."""
        by_kind = coded(pa.array([_text(label(kind)) for kind in self.kinds], pa.string()))
        return Coded(by_kind.codes[self._numbers], by_kind.values)

    def timeline(self, chosen: Callable[[Kind], bool]) -> dict[int, int]:
        """Weight of the ``chosen`` rows by step of TIMELINE_STEP seconds, but for rows without a time."""
        rows = self.where(chosen)
        times = self.table["time"].take(pa.array(rows)).cast(pa.int64()).combine_chunks()
        known = times.is_valid().to_numpy(zero_copy_only=False)
        steps = times.drop_null().to_numpy() // (TIMELINE_STEP * 1_000_000)
        found, places = np.unique(steps, return_inverse=True)
        weights = np.bincount(places, self.counts[rows][known], len(found)).astype(np.int64)
        return dict(zip(found.tolist(), weights.tolist(), strict=True))


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _names(column: pa.ChunkedArray) -> tuple[str, ...]:
    """The values of ``column``, most frequent first."""
    names = coded(column)
    frequency = np.bincount(names.codes + 1, minlength=1)[1:]
    places = np.argsort(-frequency, kind="stable")[: np.count_nonzero(frequency)]
    return tuple(names.values.take(pa.array(places)).to_pylist())


def _outcomes(kinds: Iterable[Kind]) -> dict[str, int]:
    """How many messages were received, sent, deferred and so on; only what occurred, in this order."""
    sums: Counter[str | None] = Counter()
    for kind in kinds:
        sums[kind.outcome] += kind.count
        # A 2xx to the end of data makes the server responsible for the message (RFC 5321 section 4.2.5).
        if kind.on_the_wire and kind.direction == "inbound" and kind.command == "EOD" and not kind.negative:
            sums["received"] += kind.count
    return {name: sums[name] for name in ("received", *OUTCOMES.values()) if sums[name]}


def _domain(addresses: Coded) -> Coded:
    """The addresses' domains, in lower case."""
    found = pc.extract_regex(addresses.values, "@(?P<domain>[^@]+)$")
    return addresses.mapped(pc.utf8_lower(pc.struct_field(found, "domain")))


def _troubles(rows: _Rows, top: int) -> tuple[tuple[Reason, ...], Ranking, Ranking]:
    """Why mail was deferred, bounced, expired, refused; the clients and servers with negative replies."""
    chosen = rows.where(lambda kind: kind.outcome in UNHAPPY or (kind.on_the_wire and kind.negative))
    table = rows.table.select(["text", "peer_name", "peer_ip"]).take(pa.array(chosen))
    peer = _peer(coded(table["peer_name"]), coded(table["peer_ip"]))
    counts = rows.counts[chosen]

    def ranked(direction: str) -> Ranking:
        code = rows.labelled(
            lambda kind: (
                (kind.code or kind.enhanced)
                if kind.direction == direction and kind.on_the_wire and kind.negative
                else None
            )
        ).where(chosen)
        return rank(peer, code, np.where(code.codes >= 0, counts, 0), top)

    return _reasons(rows, chosen, coded(table["text"]), peer, top), ranked("inbound"), ranked("outbound")


def _peer(name: Coded, address: Coded) -> Coded:
    """The other end's name, or its address where the log knows no name."""
    known = pc.if_else(pc.equal(name.values, "unknown"), pa.scalar(None, pa.string()), name.values)
    return name.mapped(known).otherwise(address)


def _reasons(rows: _Rows, chosen: Numbers, text: Coded, peer: Coded, top: int) -> tuple[Reason, ...]:
    """The ``top`` reasons of each unhappy outcome among the ``chosen`` rows, most frequent first."""
    counts = rows.counts[chosen]
    inferred = np.isin(chosen, rows.where(lambda kind: kind.basis == "inferred"), assume_unique=True)
    text = text.mapped(fold(text.values))
    outcome_of = rows.labelled(lambda kind: kind.outcome if kind.outcome in UNHAPPY else None)
    columns = (rows.labelled(attrgetter(name)) for name in ("code", "enhanced", "cause"))
    outcomes = outcome_of.where(chosen)
    found = group([outcomes, *(column.where(chosen) for column in columns), text], counts)
    reasons = []
    for code, outcome in enumerate(outcomes.values.to_pylist()):
        numbers = np.flatnonzero(outcomes.codes[found.example] == code)
        for number in numbers[np.argsort(-found.totals[numbers], kind="stable")][:top]:
            members = np.flatnonzero(found.numbers == number)
            kind = rows.kind_of(chosen[members[0]])
            host = rank(peer.where(members), peer.where(members), counts[members], 1).entries
            reasons.append(
                Reason(
                    outcome=outcome,
                    code=kind.code,
                    enhanced=kind.enhanced,
                    cause=kind.cause,
                    text=text.at(members[:1])[0],
                    count=int(found.totals[number]),
                    inferred=int(counts[members][inferred[members]].sum()),
                    peer=host[0].name if host else None,
                    peer_count=host[0].total if host else 0,
                )
            )
    return tuple(sorted(reasons, key=lambda reason: UNHAPPY.index(reason.outcome)))
