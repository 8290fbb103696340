"""Replies by class over time as shapes for a page, with the spikes that were flagged behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from logscan.charts.bins import Bins
from logscan.charts.courses import Course
from logscan.flagging.baseline import SECOND, Ints
from logscan.flagging.findings import Spike
from logscan.rendering.phrases import code_and_cause, span

if TYPE_CHECKING:
    from logscan.reporting import Report

#: The picture's own units; it is stretched to the room there is.
WIDTH, HEIGHT = 1000, 100
_MOST_TICKS = 8
_DAYS = 2 * 86_400  # seconds: ticks of a longer time are dates
_NARROWEST = 3  # a shorter spike would not be seen


@dataclass(frozen=True, slots=True)
class Layer:
    """One class of replies: its name, its count, and the outline of its bars as an SVG path."""

    name: str
    total: int
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a place on the time axis, in the picture's units; a tick has no width."""

    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """``layers`` that stand on each other; the highest bar is ``most`` replies."""

    title: str
    layers: tuple[Layer, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Panels with an axis in common; each bar counts the replies of one ``unit`` of time."""

    panels: tuple[Panel, ...]
    spikes: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    unit: str


def timeline_of(report: Report) -> Timeline | None:
    """The timeline of a report: refusals, and what was accepted, which is mostly far more; None without times."""
    zone = ZoneInfo(report.tz)
    course = Course(report.replies, zone)
    bins = course.bins
    if bins is None:
        return None
    accepted = course.accepted(bins)
    panels = (("Refused", course.by_class(bins)), ("Accepted", {"2xx": accepted} if accepted.any() else {}))
    day = report.window.start if report.window.within_a_day(zone) else None
    return Timeline(
        panels=tuple(_panel(title, counts, bins) for title, counts in panels if counts),
        spikes=tuple(
            _mark(
                bins,
                flag.start,
                flag.end,
                f"{code_and_cause(flag.code, flag.cause)} {span(flag.start, flag.end, zone, day=day)}",
            )
            for flag in report.flags
            if isinstance(flag, Spike)
        ),
        ticks=tuple(_ticks(bins, zone)),
        unit=bins.unit,
    )


def _panel(title: str, counts: Mapping[str, Ints], bins: Bins) -> Panel:
    most = int(np.sum(list(counts.values()), axis=0).max())
    return Panel(title, tuple(_layers(counts, bins, most)), most)


def _layers(counts: Mapping[str, Ints], bins: Bins, most: int) -> Iterator[Layer]:
    below = np.zeros(len(bins), np.int64)
    places = [_place(bins, edge) for edge in bins.edges.tolist()]
    for name, found in counts.items():
        bars = []
        for number in np.flatnonzero(found).tolist():
            foot = HEIGHT - HEIGHT * int(below[number]) / most
            height = HEIGHT * int(found[number]) / most
            width = places[number + 1] - places[number]
            bars.append(f"M{places[number]:.1f},{foot:.1f}v-{height:.1f}h{width:.1f}v{height:.1f}z")
        below += found
        yield Layer(name, int(found.sum()), "".join(bars))


def _ticks(bins: Bins, zone: ZoneInfo) -> Iterator[Mark]:
    first, last = (int(edge) for edge in bins.edges[[0, -1]])
    dated = (last - first) // SECOND > _DAYS
    for edge in Bins.over(bins.edges, zone, _MOST_TICKS).edges.tolist():
        if first <= edge < last:
            moment = datetime.fromtimestamp(edge // SECOND, UTC).astimezone(zone)
            yield Mark(_place(bins, edge), 0, f"{moment:%m-%d}" if dated else f"{moment:%H:%M}")


def _mark(bins: Bins, start: datetime, end: datetime, text: str) -> Mark:
    left, right = (_place(bins, int(moment.timestamp() * SECOND)) for moment in (start, end))
    return Mark(left, max(right - left, _NARROWEST), text)


def _place(bins: Bins, time: int) -> float:
    first, last = (int(edge) for edge in bins.edges[[0, -1]])
    return min(max(WIDTH * (time - first) / (last - first), 0.0), float(WIDTH))
