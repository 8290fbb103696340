"""Bursts: stretches of time in which events come far more often than before and after.

Events of mail logs are over-dispersed (one queue run makes many of them), so each window is tested against a
negative binomial distribution with variance m + a * m**2, whose a is estimated from the series itself. Windows of
several lengths are tried, the least likely first; the burst is then sharpened to the events that make it up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logscan.flagging.baseline import MINUTE, Baseline, Clock, Flags, Floats, Ints

#: Lengths of the windows, in bins of the clock; that by which the dispersion is estimated.
_SCALES = (4, 8, 16, 32, 64)
_REFERENCE = 8
#: Where earlier days are known, what takes hours to gather stands out too.
_LONG_SCALES = (128, 256, 512)
#: … unless they are longer than this (an hour and a bit): what takes longer to gather is no spike.
_LONGEST = 64 * MINUTE
#: A stretch that lasts longer must reach so many times the usual factor, against the calmer half of the log.
_BLOCK = 2
#: A series needs so many windows for a test.
_FEWEST_WINDOWS = 12
#: No window is thought to expect less: a past without events does not promise a future without.
_FLOOR = 0.5
#: The dispersion is estimated without this upper share of the windows, and corrected for it.
_CUT, _CUT_CORRECTION = 0.2, 4.0
#: Even the calmest series is not perfectly regular.
_DISPERSION = (0.02, 3.0)
#: Windows with fewer times the expected events are not worth a test; the sharpened burst decides.
_WORTH_A_TEST = 2.0
#: The core of a burst ends where the rate falls below this part of the way from the expected rate to its own. It
#: decides. What comes a little slower before and after belongs to the burst all the same.
_EDGE, _FRINGE = 0.6, 0.4

_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """When a stretch is a burst: chance of a false alarm per series, fewest events, times the expected events."""

    significance: float
    min_count: int
    factor: float

    def suffices(self, burst: Burst) -> bool:
        """Whether a burst has enough events, in number and against what was expected."""
        return burst.count >= max(self.min_count, self.factor * burst.expected)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What earlier days let expect of a series.

    ``levels`` are events per bin of the clock, ``highest`` those of the busiest moment around each. ``support`` is
    how much time (microseconds) of so many ``days`` tells of a moment, and variance is m + ``dispersion`` * m**2.
    """

    levels: Floats
    highest: Floats
    days: int
    support: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class Burst:
    """Events from ``first`` to ``last``, both included, in microseconds since 1970."""

    first: int
    last: int
    count: int
    expected: float


def find_bursts(
    times: Ints,
    weights: Ints,
    clock: Clock,
    baseline: Baseline,
    volume: Floats,
    sensitivity: Sensitivity,
    past: Expectation | None = None,
) -> list[Burst]:
    """The bursts of a series in order of time; ``times`` must be in order, ``volume`` is the traffic around it.

    What is found at first is set aside for a second look, with a baseline and a dispersion that hold no bursts.
    ``past``, if earlier days are known, holds none anyway; it takes the place of the baseline.
    """
    if clock.bins < _FEWEST_WINDOWS * _SCALES[0] or weights.sum() < sensitivity.min_count:
        return []
    series = _Series(times, weights, clock, baseline.support, past)
    if series.busiest < sensitivity.min_count:
        return []
    if past:
        return series.search_by(past, sensitivity)
    spans = series.block(sensitivity)
    rough = series.search(baseline.expected(times, weights, volume, spans or None), spans, sensitivity)
    spans += [(burst.first, burst.last) for burst in rough]
    if not spans:
        return []
    return series.search(baseline.expected(times, weights, volume, spans), spans, sensitivity)


class _Series:
    """The events of one kind, and how often they come in windows of the clock."""

    def __init__(
        self, times: Ints, weights: Ints, clock: Clock, support: float, past: Expectation | None = None
    ) -> None:
        self._times = times
        self._support = past.support if past else support
        self._days = past.days if past else 0
        self._total = np.concatenate(([0], np.cumsum(weights)))
        self._clock = clock
        self._counts = clock.counts(times, weights)
        self._scales = [
            scale
            for scale in _SCALES
            if scale * _FEWEST_WINDOWS <= clock.bins and scale * clock.width <= _LONGEST
        ] or [_SCALES[0]]
        if past:
            self._scales += [scale for scale in _LONG_SCALES if 2 * scale <= clock.bins]

    @property
    def busiest(self) -> float:
        """The most events in any window."""
        return float(_sums(self._counts, self._scales[-1]).max())

    def block(self, sensitivity: Sensitivity) -> list[tuple[int, int]]:
        """The stretch, longer than any window, that has most of the events and so would be its own baseline."""
        scale = self._scales[-1]
        length = scale * self._clock.width
        windows = np.sort(_sums(self._counts, scale)[::scale])
        calm = windows[: max(len(windows) // 2, 1)].mean() / length
        level = max(_BLOCK * sensitivity.factor * calm, self._total[-1] / self._clock.span)
        first, last = _best(*self._worth(level))
        start, end = int(self._times[first]), int(self._times[last])
        most = self._total[last + 1] - self._total[first] > self._total[-1] / 2
        return [(start, end)] if most and end - start > length else []

    def search(
        self, expected: Floats, known: Sequence[tuple[int, int]], sensitivity: Sensitivity
    ) -> list[Burst]:
        """The bursts against this many expected events per bin; ``known`` ones tell nothing about the calm."""
        found = self._found(expected, expected, self._dispersion(expected, known), sensitivity)
        return [whole for core, whole in found if sensitivity.suffices(core)]

    def search_by(self, past: Expectation, sensitivity: Sensitivity) -> list[Burst]:
        """The bursts against what earlier days let expect.

        What comes every day may lie in a burst of many hours: if its core does not stand out, all of it may.
        """
        found = self._found(past.levels, past.highest, past.dispersion, sensitivity)
        return [whole for core, whole in found if sensitivity.suffices(core) or sensitivity.suffices(whole)]

    def _found(
        self, expected: Floats, highest: Floats, alpha: float, sensitivity: Sensitivity
    ) -> list[tuple[Burst, Burst]]:
        """Stretches, core and all, around windows with more events than chance adds to the ``highest`` levels."""
        taken = np.zeros(self._clock.bins, dtype=np.bool_)
        found = []
        for start, end in self._unlikely_windows(highest, alpha, sensitivity):
            if taken[start:end].any():
                continue
            core, whole = self._sharpen(expected, start, end, _free(taken, start, end))
            low, high = self._clock.bin_of(np.array([whole.first, whole.last]))
            taken[start:end] = taken[low : high + 1] = True
            found.append((core, whole))
        return sorted(found, key=lambda pair: pair[1].first)

    def _unlikely_windows(
        self, expected: Floats, alpha: float, sensitivity: Sensitivity
    ) -> list[tuple[int, int]]:
        """Windows with too many events to be chance, the least likely first."""
        tests = sum(self._clock.bins / scale for scale in self._scales)
        limit = math.log(sensitivity.significance / tests)
        found = []
        for scale in self._scales:
            seen, normal = _sums(self._counts, scale), _sums(expected, scale)
            starts = np.flatnonzero(seen >= np.maximum(sensitivity.min_count, _WORTH_A_TEST * normal))
            seen, normal = seen[starts], normal[starts]
            # An expectation that rests on few events is uncertain itself: a rate known from n events has a
            # gamma distribution of shape n, which adds 1 / n to the dispersion.
            length = scale * self._clock.width
            events = normal * max(self._support, self._days * length) / length
            chance = log_tail(seen, np.maximum(normal, _FLOOR), alpha + 1 / (events + 1))
            found.append(np.column_stack((chance, starts, starts + scale))[chance <= limit])
        windows = np.concatenate(found)
        windows = windows[np.lexsort((windows[:, 1], windows[:, 0]))]
        return [(int(start), int(end)) for _, start, end in windows]

    def _dispersion(self, expected: Floats, known: Sequence[tuple[int, int]]) -> float:
        """The a of variance = m + a * m**2, estimated outside of known bursts."""
        scale = _REFERENCE if _REFERENCE in self._scales else self._scales[0]
        calm = np.ones(self._clock.bins)
        for low, high in self._clock.bin_of(np.array(known, dtype=np.int64).reshape(-1, 2)):
            calm[low : high + 1] = 0
        windows = np.flatnonzero(_sums(calm, scale)[::scale] == scale) * scale
        seen, normal = _sums(self._counts, scale), np.maximum(_sums(expected, scale), _FLOOR)
        return dispersion(seen[windows], normal[windows], robust=not known)

    def _sharpen(self, expected: Floats, start: int, end: int, free: tuple[int, int]) -> tuple[Burst, Burst]:
        """The burst around a window, which may reach as far as it is ``free``: its core, and all of it."""
        edges = self._clock.start + np.array([start, end, *free]) * self._clock.width
        low, high, *limits = np.searchsorted(self._times, edges).tolist()
        length = (end - start) * self._clock.width
        calm, rate = expected[start:end].sum() / length, (self._total[high] - self._total[low]) / length
        before, after = self._worth(calm + _EDGE * (rate - calm))
        first, last = _best(before[low:high], after[low:high])
        core = self._grown(low + first, low + last, calm + _EDGE * (rate - calm), limits)
        whole = self._grown(*core, calm + _FRINGE * (rate - calm), limits)
        return self._burst(*core, expected), self._burst(*whole, expected)

    def _worth(self, level: float) -> tuple[Floats, Floats]:
        """What all events up to each are worth, without it and with it, if every moment costs ``level``.

        Of the stretches from one event to another the burst is the one worth most.
        """
        cost = level * (self._times - self._clock.start)
        return self._total[:-1] - cost, self._total[1:] - cost

    def _grown(self, first: int, last: int, level: float, limits: Sequence[int]) -> tuple[int, int]:
        """A stretch, from event to event, made as long as is worth it."""
        before, after = self._worth(level)
        start, end = limits
        return start + int(np.argmin(before[start : first + 1])), last + int(np.argmax(after[last:end]))

    def _burst(self, first: int, last: int, expected: Floats) -> Burst:
        """The burst from one event to another."""
        start, end = int(self._times[first]), int(self._times[last])
        count = int(self._total[last + 1] - self._total[first])
        return Burst(start, end, count, self._clock.between(expected, start, end))


def _best(before: Floats, after: Floats) -> tuple[int, int]:
    """The stretch worth most: from which event to which."""
    last = int(np.argmax(after - np.minimum.accumulate(before)))
    return int(np.argmin(before[: last + 1])), last


def _sums(values: Floats, scale: int) -> Floats:
    """Sums of ``scale`` neighbouring values, at every position."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    sums: Floats = total[scale:] - total[:-scale]
    return sums


def dispersion(seen: Floats, expected: Floats, *, robust: bool) -> float:
    """The a of variance = m + a * m**2; ``robust``: told without the most extreme windows, which may be bursts."""
    excess = (seen - expected) ** 2 - expected
    if robust:
        order = np.argsort(excess / (expected + expected**2), kind="stable")
        kept = order[: max(3, int(len(order) * (1 - _CUT)))]
        excess, expected = excess[kept] * _CUT_CORRECTION, expected[kept]
    if not len(excess):
        return _DISPERSION[1]
    return float(np.clip(excess.sum() / (expected**2).sum(), *_DISPERSION))


def log_tail(seen: Floats, mean: Floats, alpha: Floats) -> Floats:
    """Logarithm of the chance of ``seen`` events or more, a bound from above: the tail falls geometrically."""
    if not len(seen):
        return np.empty(0)
    size = 1 / alpha
    step = alpha * mean / (1 + alpha * mean)
    log_mass = (
        _lgamma(seen + size)
        - _lgamma(size)
        - _lgamma(seen + 1)
        + seen * np.log(step)
        - size * np.log1p(alpha * mean)
    )
    ratio = np.maximum(step, step * (seen + size) / (seen + 1))
    bound: Floats = log_mass - np.log1p(-np.minimum(ratio, 1 - 1e-9))
    return bound


def _free(taken: Flags, start: int, end: int) -> tuple[int, int]:
    """How far a window may grow without touching another burst."""
    left, right = np.flatnonzero(taken[:start]), np.flatnonzero(taken[end:])
    return int(left[-1]) + 1 if len(left) else 0, end + int(right[0]) if len(right) else len(taken)
