"""The tables of a report, before any layout; nothing in them is escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logscan.codes.catalogue import name_of
from logscan.comparison import MEASURES, changes, refusals_of, totals_of
from logscan.delays import Delay
from logscan.known_peers import KnownPeers
from logscan.rendering.phrases import (
    DIRECTIONS,
    cause_label,
    code_text,
    counted,
    fine_duration,
    labelled,
    listed,
    plural,
)
from logscan.summary import UNHAPPY, Kind, Reason, totals
from logscan.tally import Ranking

if TYPE_CHECKING:
    from logscan.coverage import InputReport
    from logscan.reporting import Report


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    A ``number`` stands to the right; a ``wide`` column takes the room that others leave; ``quoted`` cells are
    what somebody else wrote.
    """

    heading: str
    number: bool = False
    wide: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and a line about them."""

    cells: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title; ``note`` tells what was left out."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


def tables_of(report: Report, verbose: int) -> tuple[Table, ...]:
    """The tables that have rows, in the order in which they are shown; for ``verbose`` see ``compose``."""
    summary = report.summary
    every = (
        _comparison(report),
        *(_why(outcome, report) for outcome in UNHAPPY),
        _replies(summary.kinds, 2 * report.top),
        *([_by_cause(summary.kinds)] if verbose else []),
        _ranking("Servers that refused us", summary.servers, report.known),
        _ranking("Clients that we refused", summary.clients, report.known),
        _ranking("Senders", summary.senders),
        _ranking("Recipients", summary.recipients),
        _ranking("Domains of recipients", summary.domains),
        _delays(summary.delays),
        _untold(summary.kinds),
        _inputs(report.inputs, verbose),
    )
    return tuple(table for table in every if table.rows)


def _comparison(report: Report) -> Table:
    """Totals, and the refusals that changed most, beside those of earlier periods."""
    periods, totals = report.earlier, totals_of(report.summary.kinds)
    seen = {*totals, *(name for period in periods for name in period.totals)}
    rows = [
        (name, totals.get(name, 0), [period.totals.get(name, 0) for period in periods])
        for name in MEASURES
        if name in seen
    ]
    rows += [
        (
            listed((DIRECTIONS[kind[0]], code_text(kind[1], kind[2]), cause_label(kind[3]))),
            count,
            [period.refusals.get(kind, 0) for period in periods],
        )
        for kind, count in changes(refusals_of(report.summary.kinds), periods, report.top)
    ]
    return Table(
        # Narrow tables have no headings in text.
        title=f"Now, and the {periods[0].label}" if len(periods) == 1 else "Compared with earlier",
        columns=(
            Column("now", number=True),
            *(Column(period.label, number=True) for period in periods),
            Column("what", wide=True),
        ),
        rows=tuple(
            Row((f"{now:,}", *(f"{count:,}" for count in before), what))
            for what, now, before in rows
            if periods
        ),
    )


def _why(outcome: str, report: Report) -> Table:
    reasons = [reason for reason in report.summary.reasons if reason.outcome == outcome]
    total = report.summary.outcomes.get(outcome, 0)
    others = total - sum(reason.count for reason in reasons)
    verb = outcome if outcome in ("bounced", "expired") else f"was {outcome}"
    return Table(
        title=f"Why mail {verb} ({total:,})",
        columns=(Column("n", number=True), Column("code"), Column("reason", wide=True, quoted=True)),
        rows=tuple(_reason(reason, report.known) for reason in reasons),
        note=f"{others:,} for other reasons" if others else "",
    )


def _reason(reason: Reason, known: KnownPeers) -> Row:
    code = reason.code or reason.enhanced
    name = name_of(code) if code else "no reply"
    peer = reason.peer and labelled(reason.peer, known.label(reason.peer))
    if peer and reason.peer_count < reason.count:
        peer = f"{peer} {reason.peer_count:,}"
    return Row(
        (
            counted(reason.count, reason.inferred),
            code_text(reason.code, reason.enhanced),
            reason.text or cause_label(reason.cause),
        ),
        listed((cause_label(reason.cause) if reason.text else "", peer or "", name or "")),
    )


def _replies(kinds: Iterable[Kind], shown: int) -> Table:
    """Replies on the wire by what they were; refusals first."""
    fields = ("negative", "direction", "code", "enhanced", "command", "cause")
    found = _totals((kind for kind in kinds if kind.on_the_wire), *fields)
    found.sort(key=lambda row: not row[0][0])
    rows = []
    for (_, direction, code, enhanced, command, cause), count, inferred in found:
        rows.append(
            Row(
                (
                    counted(count, inferred),
                    DIRECTIONS[direction],
                    code_text(code, enhanced),
                    command or "",
                    cause_label(cause),
                    name_of(code or enhanced) or "",
                )
            )
        )
    return Table(
        title=f"Replies ({sum(count for _, count, _ in found):,})",
        columns=(
            Column("n", number=True),
            Column("who"),
            Column("code"),
            Column("command"),
            Column("cause"),
            Column("meaning", wide=True),
        ),
        rows=tuple(rows[:shown]),
        note=plural(len(rows) - shown, "more kind") if len(rows) > shown else "",
    )


def _totals(kinds: Iterable[Kind], *fields: str) -> list[tuple[tuple[Any, ...], int, int]]:
    """For each combination of the fields how many replies there are, and how many of these are inferred."""
    kinds = list(kinds)
    inferred = {
        tuple(key): count for *key, count in totals((k for k in kinds if k.basis == "inferred"), *fields)
    }
    return [(tuple(key), count, inferred.get(tuple(key), 0)) for *key, count in totals(kinds, *fields)]


def _by_cause(kinds: Iterable[Kind]) -> Table:
    """What 421 was answered for: the most general of the codes says little by itself."""
    found = _totals((kind for kind in kinds if kind.on_the_wire and kind.code == 421), "direction", "cause")
    return Table(
        title=f"421 by cause ({sum(count for _, count, _ in found):,})",
        columns=(Column("n", number=True), Column("who"), Column("cause", wide=True)),
        rows=tuple(
            Row((counted(count, inferred), DIRECTIONS[direction], cause_label(cause)))
            for (direction, cause), count, inferred in found
        ),
    )


def _delays(delays: Iterable[Delay]) -> Table:
    """How long delivery took, and which stage of it how long."""
    rows = [
        Row((fine_duration(delay.half), fine_duration(delay.most), delay.stage or "in all"))
        for delay in delays
    ]
    deliveries = next((delay.deliveries for delay in delays), 0)
    return Table(
        title=f"Delivery times ({deliveries:,}): half within, 95 % within",
        columns=(
            Column("half within", number=True),
            Column("95 % within", number=True),
            Column("stage", wide=True),
        ),
        rows=tuple(rows),
    )


def _untold(kinds: Iterable[Kind]) -> Table:
    """Replies that are no news, or were never sent."""
    apart = [kind for kind in kinds if kind.replied and not kind.on_the_wire]
    meaning = {"repeated": "told again", "withheld": "not sent (warn_if_reject)"}
    return Table(
        title="In the log, but not counted as replies",
        columns=(Column("n", number=True), Column("who"), Column("code"), Column("why", wide=True)),
        rows=tuple(
            Row((f"{count:,}", DIRECTIONS[direction], code_text(code, enhanced), meaning.get(basis, basis)))
            for basis, direction, code, enhanced, count in totals(
                apart, "basis", "direction", "code", "enhanced"
            )
        ),
    )


def _ranking(title: str, ranking: Ranking, known: KnownPeers = KnownPeers()) -> Table:  # noqa: B008  frozen
    others = ranking.distinct - len(ranking.entries)
    return Table(
        title=f"{title} ({ranking.distinct:,})",
        columns=(Column("n", number=True), Column("name", quoted=True), Column("of these", wide=True)),
        rows=tuple(
            Row((f"{entry.total:,}", entry.name or "<>", _parts(entry.parts)), known.label(entry.name))
            for entry in ranking.entries
        ),
        note=f"{others:,} more" if others else "",
    )


def _parts(parts: Mapping[str, int]) -> str:
    if len(parts) == 1:
        return next(iter(parts))
    return ", ".join(f"{name} {count:,}" for name, count in sorted(parts.items(), key=lambda part: -part[1]))


def _inputs(inputs: Iterable[InputReport], verbose: int) -> Table:
    """Inputs that were not understood completely; if ``verbose``, all, and how they were recognised."""
    shown = [source for source in inputs if verbose or source.unparsed or source.error]
    return Table(
        title="What was read" if verbose else "Not understood completely",
        columns=(
            Column("lines" if all(source.unit == "line" for source in shown) else "lines, rows", number=True),
            Column("understood", number=True),
            Column("not", number=True),
            Column("others'", number=True),
            Column("parser"),
            Column("file", wide=True, quoted=True),
        ),
        rows=tuple(
            Row(
                (
                    *(f"{n:,}" for n in (source.lines, source.understood, source.unparsed, source.other)),
                    source.parser or "none",
                    source.source,
                ),
                source.reason if verbose else "",
            )
            for source in shown
        ),
    )
