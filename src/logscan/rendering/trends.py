"""Counts over time, in as many cells as fit a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from zoneinfo import ZoneInfo

from logscan.summary import TIMELINE_STEP

_MOST_CELLS = 26  # a day from the middle of an hour to the middle of an hour has 25
_WIDTHS = (timedelta(seconds=TIMELINE_STEP), *(timedelta(hours=n) for n in (1, 2, 3, 6, 12, 24, 48)))
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_WORDS = {timedelta(hours=1): "hour", _DAY: "day", _WEEK: "week"}
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Trend:
    """One series: its counts in neighbouring cells of equal length, beginning at ``start`` (local time)."""

    label: str
    start: datetime
    width: timedelta
    counts: tuple[int, ...]

    @property
    def axis(self) -> str:
        """What a cell stands for, and where the cells begin."""
        return f"per {_WORDS.get(self.width) or _in_words(self.width)} from {self.name(0)}"

    @property
    def peak(self) -> str:
        """The highest count, and its cell."""
        place = max(range(len(self.counts)), key=self.counts.__getitem__)
        return f"most {self.counts[place]:,} at {self.name(place)}"

    def name(self, cell: int) -> str:
        """When the cell begins: a time in a trend of about a day, else a date, with the time where needed."""
        begin = self.start + cell * self.width
        if self.width % _DAY == timedelta(0):
            return f"{begin:%Y-%m-%d}"
        return f"{begin:%H:%M}" if self.width * len(self.counts) < 2 * _DAY else f"{begin:%Y-%m-%d %H:%M}"

    @property
    def bars(self) -> str:
        """The counts as a line of bars; the lowest bar is nothing at all."""
        most = max(self.counts)
        return "".join(_BARS[0 if not number else 1 + number * 6 // most] for number in self.counts)


def _in_words(width: timedelta) -> str:
    for unit, length in (("days", _DAY), ("hours", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if width % length == timedelta(0):
            return f"{width // length} {unit}"
    return str(width)


def trend(label: str, counts: Mapping[int, int], start: datetime, end: datetime, zone: ZoneInfo) -> Trend:
    """``counts`` by step of TIMELINE_STEP seconds since 1970, as cells of ``zone``'s wall time.

    A longer log gets wider cells, so that there are never more than fit a line.
    """
    begin, last = (
        moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end - timedelta(microseconds=1))
    )
    midnight = datetime(begin.year, begin.month, begin.day)
    for width in chain(_WIDTHS, (weeks * _WEEK for weeks in count(1))):
        left = midnight + (begin - midnight) // width * width
        cells = (last - left) // width + 1
        if cells <= _MOST_CELLS:
            break
    found = [0] * cells
    for step, number in counts.items():
        wall = datetime.fromtimestamp(step * TIMELINE_STEP, zone).replace(tzinfo=None)
        found[min(max((wall - left) // width, 0), cells - 1)] += number
    return Trend(label, left, width, tuple(found))
