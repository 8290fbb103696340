"""A log over time as arrays of at most some hundred numbers, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.charts.bins import Bins
from logscan.delays import percentiles
from logscan.flagging.baseline import DAY, SECOND, Flags, Floats, Ints
from logscan.flagging.negatives import Log, Negatives

_MOST_BINS = 145  # a day in bins of ten minutes
_MOST_DELAY_BINS = 48
#: Percentiles need some deliveries: so many in all, and on average in each bin.
_FEWEST_DELIVERIES, _DELIVERIES_PER_BIN = 20, 10
_FEWEST_DAYS = 4
_QUARTER = 900  # seconds; every time zone's offset is a multiple of it


@dataclass(frozen=True, slots=True)
class Causes:
    """Negative replies by cause over time; the key None is for all others."""

    bins: Bins
    counts: dict[str | None, Ints]


@dataclass(frozen=True, slots=True)
class Week:
    """Negative replies per hour, by weekday from Monday on and hour of the day; NaN where there is no log."""

    rates: Floats


@dataclass(frozen=True, slots=True)
class Delays:
    """Delivery delays in seconds over time, NaN where nothing was delivered, and of all ``deliveries``."""

    bins: Bins
    deliveries: int
    percentiles: dict[int, Floats]
    overall: dict[int, float]


class Course:
    """The replies of a log over time, seen in ``zone``; from the first to the last that the log tells."""

    def __init__(self, replies: pa.Table, zone: ZoneInfo) -> None:
        self.zone = zone
        self._log = Log(replies)

    @cached_property
    def refused(self) -> Negatives:
        """The negative replies, those that were on the wire."""
        return Negatives.of(self._log)

    @cached_property
    def bins(self) -> Bins | None:
        """The bins of all counts; None if the log knows no times, or only one."""
        times = self._log.told_times
        bins = Bins.over(times, self.zone, _MOST_BINS) if len(times) else None
        return bins if bins and len(bins) > 1 else None

    def accepted(self, bins: Bins) -> Ints:
        """How many replies of class 2 there were in each bin."""
        log = self._log
        rows = np.flatnonzero(log.wire & (log.codes // 100 == 2) & (log.times >= 0))
        return bins.counts(log.times[rows], log.counts[rows])

    def of(self, bins: Bins, chosen: Flags) -> Ints:
        """How many of the chosen negative replies there were in each bin."""
        return bins.counts(self.refused.time[chosen], self.refused.count[chosen])

    def by_class(self, bins: Bins) -> dict[str, Ints]:
        """The negative replies by class in each bin: 421 apart, as it is what spikes are made of; only what occurs."""
        refused = self.refused
        is_421 = refused.code == 421
        kinds = {
            "421": is_421,
            "other 4xx" if is_421.any() else "4xx": (refused.family == 4) & ~is_421,
            "5xx": refused.family == 5,
        }
        return {name: self.of(bins, chosen) for name, chosen in kinds.items() if chosen.any()}

    def causes(self, top: int) -> Causes | None:
        """The most frequent cause and those with the highest peaks, ``top`` in all, and what is left.

        By their peaks, lest what is refused all day hides an incident. The most frequent comes first. None if
        nothing was refused.
        """
        refused, bins = self.refused, self.bins
        if bins is None or not len(refused):
            return None
        number = len(refused.cause.values)
        place = bins.of(refused.time) * number + refused.cause.codes
        cells = np.bincount(place, refused.count, len(bins) * number).astype(np.int64).reshape(-1, number)
        totals, peaks = cells.sum(axis=0), cells.max(axis=0)
        peaks[totals.argmax()] = totals.max()
        order = np.argsort(-peaks, kind="stable")[: np.count_nonzero(peaks)]
        if len(order) == top + 1:  # one cause needs no more room than "others"
            top += 1
        shown = order[:top][np.argsort(-totals[order[:top]], kind="stable")]
        found: dict[str | None, Ints] = {
            refused.cause.values[cause].as_py(): cells[:, cause] for cause in shown
        }
        if len(order) > top:
            found[None] = cells[:, order[top:]].sum(axis=1)
        return Causes(bins, found)

    def week(self) -> Week | None:
        """None for logs of less than four days."""
        times, refused = self._log.told_times, self.refused
        if not len(refused) or np.ptp(times) < _FEWEST_DAYS * DAY:
            return None
        first, last = (int(time) // (_QUARTER * SECOND) for time in (times.min(), times.max()))
        hours = self._hours_of_week(np.arange(first, last + 1))
        quarters = refused.time // (_QUARTER * SECOND) - first
        counts = np.bincount(hours[quarters], refused.count, 7 * 24)
        covered = np.bincount(hours, minlength=7 * 24) * _QUARTER / 3600
        rates = np.where(covered > 0, counts / np.maximum(covered, 1), np.nan)
        return Week(rates.reshape(7, 24))

    def _hours_of_week(self, quarters: Ints) -> Ints:
        """The local hour, counted from Monday's first, of each quarter of an hour since 1970."""
        local = (datetime.fromtimestamp(quarter * _QUARTER, self.zone) for quarter in quarters.tolist())
        return np.fromiter((moment.weekday() * 24 + moment.hour for moment in local), np.int64)

    def delays(self, *percents: int) -> Delays | None:
        """Percentiles of the delays of sent mail; None where they are unknown, or too few."""
        log = self._log
        if self.bins is None or "delay" not in log.replies.column_names:
            return None
        delay = pc.fill_null(log.replies["delay"], np.nan).to_numpy()
        rows = np.flatnonzero(log.holds("status", "sent") & (delay >= 0) & (log.times >= 0))
        if len(rows) < _FEWEST_DELIVERIES:
            return None
        most = min(_MOST_DELAY_BINS, len(rows) // _DELIVERIES_PER_BIN)
        bins = Bins.over(log.told_times, self.zone, max(most, 2))
        return Delays(
            bins=bins,
            deliveries=len(rows),
            percentiles=_percentiles(bins.of(log.times[rows]), delay[rows], len(bins), percents),
            overall=dict(zip(percents, percentiles(delay[rows], percents), strict=True)),
        )


def _percentiles(group: Ints, delay: Floats, groups: int, percents: tuple[int, ...]) -> dict[int, Floats]:
    """For each percent and group the smallest delay that so many of the group's deliveries do not exceed.

    Delays are taken to the millisecond, which the one sort of whole numbers is fast for.
    """
    shift = 40  # bits for a delay in milliseconds: 34 years
    milliseconds = np.minimum(delay * 1000, 2**shift - 1).astype(np.int64)
    ordered = np.sort((group << shift) | milliseconds)
    sizes = np.bincount(group, minlength=groups)
    ends = np.cumsum(sizes)
    found = {}
    for percent in percents:
        place = ends - sizes + np.maximum(-(-sizes * percent // 100) - 1, 0)
        values = ordered[np.minimum(place, len(ordered) - 1)] & (2**shift - 1)
        found[percent] = np.where(sizes > 0, values / 1000, np.nan)
    return found
