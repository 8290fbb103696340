"""Earlier days tell what to expect: what fills a day is seen, what comes every day is no news."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from logscan.flagging.flags import Spike, find_flags
from logscan.flagging.past import FEWEST_DAYS, Past
from mail_days import DAY, HOUR, MINUTE, MONDAY, SENT, Kind, Log

LOAD = Kind("inbound", 421, "server_load", "CONNECT", 120)
DAYS = 8


def log(seed: int = 1, *, clumped: bool = False) -> Log:
    made = Log(np.random.default_rng(seed), DAYS)
    made.background(clumped=clumped)
    return made


def days(made: Log) -> list[pa.Table]:
    times = made.table["time"].cast(pa.int64()).to_numpy() / 1e6
    number = (times - MONDAY) // DAY
    return [made.table.filter(pa.array(number == day)) for day in range(DAYS)]


def spikes(today: pa.Table, past: Past | None) -> list[Spike]:
    return [flag for flag in find_flags(today, past=past) if isinstance(flag, Spike)]


def all_day(made: Log, day: int) -> None:
    """An incident from the first hour to the last."""
    times = made.rng.random(600) * 22 * HOUR + day * DAY + HOUR
    made.add(LOAD, MONDAY + times)


def at_noon(made: Log, day: int) -> None:
    """A burst of twenty minutes."""
    made.spike(LOAD, day * DAY + 12 * HOUR, 20, 100)


def test_an_incident_that_fills_a_day_is_found() -> None:
    made = log()
    all_day(made, DAYS - 1)
    *before, today = days(made)
    assert spikes(today, None) == []
    [found] = spikes(today, Past(before))
    assert (found.code, found.cause) == (421, "server_load")
    assert found.count > 550
    assert found.expected < 1


def test_what_comes_every_day_is_no_spike() -> None:
    made = log()
    for day in range(DAYS):
        made.spike(LOAD, day * DAY + 12 * HOUR + made.rng.integers(-15, 15) * MINUTE, 20, 100)
    *before, today = days(made)
    assert len(spikes(today, None)) == 1
    assert spikes(today, Past(before)) == []


@pytest.mark.parametrize("incident", [all_day, at_noon])
def test_an_incident_before_makes_none_today_look_normal(incident: Callable[[Log, int], None]) -> None:
    made = log()
    incident(made, DAYS - 2)
    at_noon(made, DAYS - 1)
    *before, today = days(made)
    [found] = spikes(today, Past(before))
    assert found.count == 100


@pytest.mark.parametrize("clumped", [False, True])
def test_quiet_days_raise_no_alarm(clumped: bool) -> None:
    for seed in range(3):
        *before, today = days(log(seed, clumped=clumped))
        assert spikes(today, Past(before)) == []


def test_a_busy_day_has_more_of_everything() -> None:
    made = log()
    made.add(SENT, MONDAY + (DAYS - 1) * DAY + made.rng.random(4000) * DAY)
    made.add(LOAD, MONDAY + made.rng.random(60 * DAYS) * DAY * DAYS)
    *before, today = days(made)
    made.add(LOAD, MONDAY + (DAYS - 1) * DAY + made.rng.random(100) * DAY)
    assert spikes(today, Past(before)) == []


def test_few_days_tell_nothing() -> None:
    made = log()
    all_day(made, DAYS - 1)
    *before, today = days(made)
    assert spikes(today, Past(before[: FEWEST_DAYS - 1])) == []


def test_days_without_rows_do_not_count() -> None:
    *before, today = days(log())
    past = Past([*before[: FEWEST_DAYS - 1], *[today.slice(0, 0)] * 5])
    assert spikes(today, past) == spikes(today, None)
