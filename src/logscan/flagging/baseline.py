"""How many events to expect at each moment of a log, told from the log itself.

A spike must not raise the baseline it is measured against, and most bins of most series are empty: hence the
mean of all but the highest values. It withstands the spike, and unlike a median it is not stuck at zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

SECOND = 1_000_000  # microseconds
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: The share of highest values left out of a mean as long as the bursts are not known.
TRIM = 0.3
#: A log this long or longer has a daily profile: other days tell what to expect at an hour.
_PROFILE_SPAN = 4 * DAY
_PROFILE_CELL = 30 * MINUTE
#: In shorter logs the hours before and after tell it, cut into so many cells each.
_NEIGHBOURHOOD = 3 * HOUR
_NEIGHBOUR_CELLS = 18
#: Busy logs do not fall silent by chance: so many cells without a line are a gap, of which nothing is known.
_GAP_CELLS = 3
_BUSY = 5.0
_MISSING = np.inf

#: A clock has so many bins, unless they would be shorter than a second or longer than ten minutes.
_BINS, _MOST_BINS = 1440, 10_000


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a log, in microseconds since 1970, divided evenly: no bin is cut by the log's edges."""

    start: int
    end: int
    bins: int

    @classmethod
    def of(cls, times: Ints) -> Clock:
        """The clock of the log whose lines have these times."""
        start, end = int(times.min()), int(times.max()) + 1
        bins = max(min(_BINS, (end - start) // SECOND), min(_MOST_BINS, (end - start) // (10 * MINUTE)), 1)
        return cls(start, end, bins)

    @property
    def span(self) -> int:
        """How long the log is, in microseconds."""
        return self.end - self.start

    @property
    def width(self) -> float:
        """How long a bin is, in microseconds."""
        return self.span / self.bins

    def bin_of(self, times: Ints) -> Ints:
        """The bin each time falls into."""
        return np.minimum(((times - self.start) / self.width).astype(np.int64), self.bins - 1)

    def counts(self, times: Ints, weights: Ints) -> Floats:
        """Events per bin."""
        counted: Floats = np.bincount(self.bin_of(times), weights, self.bins).astype(np.float64)
        return counted

    def between(self, levels: Floats, first: int, last: int) -> float:
        """The sum of values per bin from one moment to another."""
        edges = self.start + np.arange(self.bins + 1) * self.width
        low, high = np.interp([first, last], edges, np.concatenate(([0.0], np.cumsum(levels))))
        return float(high - low)


class Baseline:
    """What to expect of any series of one log; knows where the log has gaps."""

    def __init__(self, clock: Clock, activity: Ints) -> None:
        """``activity`` holds the times of all the log tells, by which gaps are known."""
        self._clock = clock
        self._cell = _cell_width(clock.span)
        self._gaps = _gaps(self._counts(activity, np.ones(len(activity), np.int64)))

    @property
    def support(self) -> float:
        """How much time, in microseconds, tells what to expect at a moment."""
        if self._clock.span >= _PROFILE_SPAN:
            return 3 * _PROFILE_CELL * self._clock.span / DAY
        return 2.0 * _NEIGHBOUR_CELLS * self._cell

    def volume(self, times: Ints) -> Floats:
        """The traffic that accepted replies at these times tell of, as ``expected`` takes it."""
        cells = self._counts(times, np.ones(len(times), np.int64))
        cells[~np.isfinite(cells)] = 0
        return np.convolve(np.pad(cells, 1, mode="edge"), np.ones(3) / 3, mode="valid")

    def expected(
        self, times: Ints, weights: Ints, volume: Floats, bursts: Iterable[tuple[int, int]] | None = None
    ) -> Floats:
        """Events to expect in each bin of the clock.

        As long as the series' ``bursts`` (first and last moment) are not known, the highest values are left out.
        Then only the bursts are, and at least the usual share of the traffic is expected.
        """
        cells = self._counts(times, weights)
        cells[self._gaps] = _MISSING
        for first, last in bursts or ():
            cells[self._cell_of(first) : self._cell_of(last) + 1] = _MISSING
        if bursts is None:
            levels = self._levels(cells, TRIM)
        else:
            calm = np.isfinite(cells)
            share = cells[calm].sum() / max(volume[calm].sum(), 1)
            levels = np.maximum(self._levels(cells, 0.0), share * volume)
        centres = (np.arange(self._clock.bins) + 0.5) * self._clock.width / self._cell - 0.5
        return np.interp(centres, np.arange(len(levels)), levels) * (self._clock.width / self._cell)

    def _levels(self, cells: Floats, trim: float) -> Floats:
        return (_by_profile if self._clock.span >= _PROFILE_SPAN else _by_neighbours)(cells, trim)

    def _cell_of(self, time: int) -> int:
        return (time - self._clock.start) // self._cell

    def _counts(self, times: Ints, weights: Ints) -> Floats:
        """Events per cell; the last cell, cut by the log's end, counts as missing."""
        length = self._cell_of(self._clock.end) + 1
        cells: Floats = np.bincount((times - self._clock.start) // self._cell, weights, length).astype(
            np.float64
        )
        cells[-1] = _MISSING
        return cells


def trimmed_mean(values: Floats, trim: float) -> Floats:
    """Mean along the last axis of all but the highest ``trim`` share; infinite values are missing ones."""
    ordered = np.sort(values, axis=-1)
    present = np.isfinite(ordered).sum(axis=-1)
    kept = np.maximum(np.floor(present * (1 - trim)).astype(np.int64), 1)
    sums = np.cumsum(np.where(np.isfinite(ordered), ordered, 0.0), axis=-1)
    means: Floats = np.take_along_axis(sums, (kept - 1)[..., None], axis=-1)[..., 0] / kept
    return means


def _cell_width(span: int) -> int:
    if span >= _PROFILE_SPAN:
        return _PROFILE_CELL
    return max(min(_NEIGHBOURHOOD, span // 2) // _NEIGHBOUR_CELLS, 1)


def _gaps(activity: Floats) -> Flags:
    """Cells in which nothing was logged though the log is busy."""
    silent: Flags = activity == 0
    if trimmed_mean(activity, TRIM) < _BUSY:
        return np.zeros(len(activity), dtype=np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], silent.astype(np.int8), [0]))))
    for start, end in edges.reshape(-1, 2):
        if end - start < _GAP_CELLS:
            silent[start:end] = False
    return silent


def _by_neighbours(cells: Floats, trim: float) -> Floats:
    """The mean of the cells around each, without itself and its next neighbours."""
    reach = _NEIGHBOUR_CELLS
    padded = np.pad(cells, reach, constant_values=_MISSING)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).copy()
    around[:, reach - 1 : reach + 2] = _MISSING
    known = np.isfinite(around).any(axis=1)
    return np.where(known, trimmed_mean(around, trim), trimmed_mean(cells, trim))


def _by_profile(cells: Floats, trim: float) -> Floats:
    """The mean of all days at this time of day, half an hour more or less, times the level of this day."""
    per_day = DAY // _PROFILE_CELL
    days = -(-len(cells) // per_day)
    table = np.pad(cells, (0, days * per_day - len(cells)), constant_values=_MISSING).reshape(days, per_day)
    near = np.concatenate([np.roll(table, shift, axis=1) for shift in (-1, 0, 1)])
    profile = trimmed_mean(near.T, trim)
    usual = np.where(np.isfinite(table), profile, _MISSING)
    seen = np.isfinite(table).sum(axis=1)
    # A few events more on both sides keep the level of nearly empty days near one.
    level = (trimmed_mean(table, trim) * seen + 3) / (trimmed_mean(usual, trim) * seen + 3)
    levels: Floats = (profile * np.clip(level, 0.2, 3)[:, None]).reshape(-1)[: len(cells)]
    return levels
