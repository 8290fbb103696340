"""Time cut into bins as people cut it: minutes, quarters of an hour, days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from logscan.flagging.baseline import DAY, SECOND, Ints

#: How long a bin may be, in seconds, and what it is called after "per".
_WIDTHS = {
    1: "second", 5: "5 s", 15: "15 s", 30: "30 s",
    60: "minute", 120: "2 min", 300: "5 min", 600: "10 min", 900: "15 min", 1800: "30 min",
    3600: "hour", 7200: "2 hours", 10_800: "3 hours", 21_600: "6 hours", 43_200: "12 hours",
    86_400: "day", 2 * 86_400: "2 days", 7 * 86_400: "week", 28 * 86_400: "4 weeks",
    84 * 86_400: "12 weeks", 364 * 86_400: "52 weeks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bins:
    """Neighbouring bins between ``edges``, in microseconds since 1970; ``unit`` says how long each is."""

    edges: Ints
    unit: str

    @classmethod
    def over(cls, times: Ints, zone: ZoneInfo, most: int) -> Bins:
        """At most about ``most`` bins, if 52 weeks are long enough, for all ``times``, of which there must be some.

        Bins of a day and more begin at midnight in ``zone``, also when its clocks are changed; shorter ones
        all have the same length.
        """
        first, last = int(times.min()), int(times.max())
        width = next((w for w in _WIDTHS if last - first < (most - 1) * w * SECOND), max(_WIDTHS))
        begin = datetime.fromtimestamp(first // SECOND, zone)
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        if width * SECOND < DAY:
            step = width * SECOND
            left = first - (first - _microseconds(midnight)) % step
            return cls(np.arange(left, last + step + 1, step, dtype=np.int64), _WIDTHS[width])
        days = timedelta(seconds=width)
        edges = [midnight - timedelta(days=midnight.weekday() if days.days % 7 == 0 else 0)]
        while _microseconds(edges[-1]) <= last:
            edges.append(edges[-1] + days)  # arithmetic on wall time: the next midnight, whatever the offset
        return cls(np.array([_microseconds(edge) for edge in edges], np.int64), _WIDTHS[width])

    def __len__(self) -> int:
        return len(self.edges) - 1

    def of(self, times: Ints) -> Ints:
        """The number of the bin that each time is in."""
        return np.searchsorted(self.edges, times, side="right") - 1

    def counts(self, times: Ints, weights: Ints) -> Ints:
        """The sum of ``weights`` in each bin."""
        return np.bincount(self.of(times), weights, len(self)).astype(np.int64)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND
