"""A report in words, tables and trends, before any layout; nothing in it is escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from logscan.codes.catalogue import name_of
from logscan.rendering.flags import Finding, in_words
from logscan.rendering.phrases import (
    DIRECTIONS,
    duration,
    listed,
    percentage,
    plural,
    span,
)
from logscan.rendering.tables import Table, tables_of
from logscan.rendering.trends import Trend, trend
from logscan.summary import Kind

if TYPE_CHECKING:
    from logscan.flagging.greylisting import GreylistingOutcome
    from logscan.reporting import Report, Window


@dataclass(frozen=True, slots=True)
class Contents:
    """What every rendering shows, in this order; what is empty is left out."""

    subject: str
    period: str
    reading: str
    totals: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    trends: tuple[Trend, ...]
    tables: tuple[Table, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    has_inferred: bool
    codes: tuple[tuple[int, str], ...]
    """The negative reply codes that occur, with their names."""


def compose(report: Report, *, verbose: int = 0) -> Contents:
    """The report's contents; ``verbose`` adds how each input was read, and lines that were not understood."""
    summary, zone = report.summary, ZoneInfo(report.tz)
    day = report.window.start if report.window.within_a_day(zone) else None
    return Contents(
        subject=", ".join(summary.hosts[:3]) or "mail log",
        period=_period(report.window, zone),
        reading=_reading(report),
        totals=tuple((outcome, f"{count:,}") for outcome, count in summary.outcomes.items()),
        findings=tuple(in_words(flag, zone, day, report.known) for flag in report.flags),
        notes=tuple(_notes(report)),
        trends=tuple(_trends(report, zone)),
        tables=tables_of(report, verbose),
        problems=tuple(source.error for source in report.inputs if source.error),
        warnings=tuple(warning for source in report.inputs for warning in source.warnings),
        examples=tuple(
            (source.source, line) for source in report.inputs for line in source.examples if verbose
        ),
        has_inferred=any(kind.basis == "inferred" for kind in summary.kinds),
        codes=tuple((code, name_of(code) or "") for code in _negative_codes(summary.kinds)),
    )


def _negative_codes(kinds: Iterable[Kind]) -> list[int]:
    return sorted({kind.code for kind in kinds if kind.on_the_wire and kind.negative and kind.code})


def _period(window: Window, zone: ZoneInfo) -> str:
    if window.start is None or window.end is None:
        return ""
    return f"{span(window.start, window.end, zone)} {window.end.astimezone(zone):%Z}"


def _reading(report: Report) -> str:
    """Which parsers read how much."""
    parsers = ", ".join(report.summary.parsers)
    if not report.inputs:
        return listed((parsers, plural(report.summary.replies, "reply", "replies")))
    understood = sum(source.understood for source in report.inputs)
    not_understood = sum(source.unparsed for source in report.inputs)
    share = percentage(understood, understood + not_understood)
    amounts = [
        plural(count, unit)
        for unit in ("line", "row")
        if (count := sum(source.lines for source in report.inputs if source.unit == unit))
    ]
    return f"{parsers} {' and '.join(amounts) or '0 lines'}, {share} understood".strip()


def _notes(report: Report) -> Iterator[str]:
    if not report.summary.kinds:
        yield "no replies"
    if report.greylisting:
        yield "greylisting " + "; ".join(
            f"{DIRECTIONS[direction]} {_greylisted(outcome)}"
            for direction, outcome in report.greylisting.items()
        )


def _greylisted(outcome: GreylistingOutcome) -> str:
    """How many messages were greylisted, and what became of them."""
    after = "" if outcome.median_minutes is None else f" ({duration(60 * outcome.median_minutes)})"
    passed = f", {outcome.accepted:,} passed later{after}" if outcome.accepted else ""
    gone = f", {outcome.gone:,} did not come back" if outcome.gone else ""
    return f"{outcome.messages:,}{passed}{gone}"


def _trends(report: Report, zone: ZoneInfo) -> Iterator[Trend]:
    start, end = report.window.start, report.window.end
    if start and end:
        for label, counts in report.summary.timeline.items():
            if counts:
                yield trend(label, counts, start, end, zone)
