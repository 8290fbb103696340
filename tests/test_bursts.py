"""The statistics behind spikes: tails, dispersion, baselines, edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.flagging.baseline import DAY, HOUR, MINUTE, Baseline, Clock, trimmed_mean
from logscan.flagging.bursts import Burst, Sensitivity, dispersion, find_bursts, log_tail

SENSITIVITY = Sensitivity(significance=0.003, min_count=12, factor=3)
SENSITIVE = Sensitivity(significance=0.05, min_count=5, factor=3)
NO_TRAFFIC = np.empty(0)


def bursts_in(
    *parts: np.ndarray,
    span: float = DAY,
    traffic: np.ndarray = NO_TRAFFIC,
    sensitivity: Sensitivity = SENSITIVITY,
) -> list[Burst]:
    """The bursts of a series in a log of this length."""
    times = np.sort(np.concatenate(parts)).astype(np.int64)
    clock = Clock(0, int(span), 1440)
    baseline = Baseline(clock, times)
    volume = baseline.volume(traffic.astype(np.int64))
    return find_bursts(times, np.ones(len(times), np.int64), clock, baseline, volume, sensitivity)


def exact_tail(seen: int, mean: float, alpha: float) -> float:
    """The chance of ``seen`` events or more, by summing all smaller counts."""
    size, step = 1 / alpha, alpha * mean / (1 + alpha * mean)
    masses = (
        math.exp(math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1) + k * math.log(step))
        * (1 - step) ** size
        for k in range(seen)
    )
    return 1 - math.fsum(masses)


@given(st.integers(5, 60), st.floats(0.3, 10), st.floats(0.02, 3))
def test_the_tail_is_bounded_from_above_and_closely(seen: int, mean: float, alpha: float) -> None:
    exact = exact_tail(seen, mean, alpha)
    bound = math.exp(log_tail(np.array([float(seen)]), np.array([mean]), np.array([alpha]))[0])
    assert bound >= exact - 1e-9
    if seen >= 3 * mean and exact > 1e-9:
        assert bound <= 3 * exact


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_dispersion_is_recovered(alpha: float) -> None:
    rng = np.random.default_rng(1)
    mean = np.full(4000, 10.0)
    rate = mean * rng.gamma(1 / alpha, alpha, len(mean)) if alpha else mean
    counts = rng.poisson(rate).astype(float)
    assert dispersion(counts, mean, robust=False) == pytest.approx(max(alpha, 0.02), rel=0.1, abs=0.01)


def test_robust_dispersion_ignores_the_spikes() -> None:
    rng = np.random.default_rng(1)
    mean = np.full(200, 5.0)
    counts = rng.poisson(mean).astype(float)
    counts[:10] += 200
    assert dispersion(counts, mean, robust=False) > 2
    assert dispersion(counts, mean, robust=True) < 0.3


def test_the_trimmed_mean_withstands_a_spike_and_is_not_stuck_at_zero() -> None:
    mostly_nothing = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 500.0])
    assert trimmed_mean(mostly_nothing, 0.15) == 1 / 8


def test_infinite_values_are_missing_ones() -> None:
    assert trimmed_mean(np.array([2, np.inf, 4, np.inf]), 0.0) == 3


def test_a_burst_begins_and_ends_with_its_events() -> None:
    calm = np.linspace(0, DAY - 1, 144)
    burst = np.linspace(10 * HOUR + 1, 10 * HOUR + 20 * MINUTE, 60)
    (found,) = bursts_in(calm, burst)
    assert (found.first, found.last) == pytest.approx((burst[0], burst[-1]), abs=10 * MINUTE)
    assert found.count == pytest.approx(60, abs=3)
    assert found.expected == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize("minutes", [0.2, 3, 20, 60, 150])
def test_bursts_of_any_length_are_found_whole(minutes: float) -> None:
    burst = 10 * HOUR + np.linspace(0, minutes * MINUTE, 200)
    (found,) = bursts_in(np.linspace(0, DAY - 1, 100), burst)
    assert found.count >= 195


def test_hard_series_are_searched_well_enough_when_sensitivity_is_high() -> None:
    """Few and many events, regular and clumped, with and without bursts of four to twelve times the usual count."""
    labelled = found = false = quiet = quiet_false = 0
    for number in range(240):
        rng = np.random.default_rng(number)
        level, clumped, spikes = (0.2, 1, 5, 20)[number % 4], number % 8 >= 4, number // 8 % 4
        bins = np.arange(144)
        profile = 0.4 + 1.2 * np.exp(-(((bins / 6 - 13) / 4) ** 2))
        mean = level * profile / profile.mean()
        counts = rng.poisson(mean * rng.gamma(2, 0.5, 144) if clumped else mean)
        traffic = rng.poisson(60 * profile)
        starts = 10 + 36 * rng.permutation(4)[:spikes] + rng.integers(20, size=spikes)
        for start in starts:
            stretch = slice(start, start + int(rng.integers(1, 5)))
            counts[stretch] += rng.poisson(np.maximum(8, rng.uniform(4, 12) * mean[stretch]))
        bursts = bursts_in(spread(rng, counts), traffic=spread(rng, traffic), sensitivity=SENSITIVE)
        hits = [
            (burst, start)
            for burst in bursts
            for start in starts
            if burst.first < (start + 4) * 10 * MINUTE and burst.last >= start * 10 * MINUTE
        ]
        labelled += spikes
        found += len({start for _, start in hits})
        wrong = len(bursts) - len({id(burst) for burst, _ in hits})
        false += wrong
        quiet += not spikes
        quiet_false += 0 if spikes else wrong
    assert found / labelled >= 0.85
    assert found / (found + false) >= 0.8
    assert quiet_false / quiet <= 0.2


def spread(rng: np.random.Generator, counts: np.ndarray) -> np.ndarray:
    """Events at random within their ten minutes."""
    return (np.repeat(np.arange(len(counts)), counts) + rng.random(counts.sum())) * 10 * MINUTE


def test_a_daily_profile_is_no_burst() -> None:
    rng = np.random.default_rng(2)
    bins = np.arange(7 * 144)
    busy = (bins % 144 >= 54) & (bins % 144 < 102)  # from nine to five
    counts = rng.poisson(np.where(busy, 30, 2))
    times = np.repeat(bins, counts) * 10 * MINUTE + rng.random(counts.sum()) * 10 * MINUTE
    assert bursts_in(times, span=7 * DAY) == []


def test_bins_divide_a_log_evenly() -> None:
    clock = Clock.of(np.array([5, 5 + 3 * HOUR + 17]))
    assert clock.bin_of(np.array([5, 5 + 3 * HOUR + 17])).tolist() == [0, clock.bins - 1]
    assert clock.width * clock.bins == pytest.approx(clock.span)


@pytest.mark.parametrize(
    ("span", "width"),
    [(10 * MINUTE, MINUTE / 60), (DAY, MINUTE), (7 * DAY, 7 * MINUTE), (28 * DAY, 10 * MINUTE)],
)
def test_bins_are_no_shorter_than_a_second_and_no_longer_than_ten_minutes(span: int, width: float) -> None:
    assert Clock.of(np.array([0, span])).width == pytest.approx(width, rel=0.01)
