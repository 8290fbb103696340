"""Times and spans as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.errors import UsageError
from logscan.windows import Moment, Window, window

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 25, 13, 20, 30, tzinfo=UTC)  # a Wednesday, 14:20:30 in Vienna


def on(text: Moment, tz: ZoneInfo = VIENNA, now: datetime = NOW) -> tuple[str, str]:
    found = window(on=text, tz=tz, now=now)
    assert found.since is not None
    assert found.until is not None
    assert found.since.tzinfo is found.until.tzinfo is UTC
    return f"{found.since:%Y-%m-%d %H:%M:%S}", f"{found.until:%Y-%m-%d %H:%M:%S}"


def since(text: Moment, tz: ZoneInfo = VIENNA, now: datetime = NOW) -> str:
    found = window(text, tz=tz, now=now)
    assert found.until is None
    assert found.since is not None
    return f"{found.since:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", "2026-11-24 23:00:00", "2026-11-25 23:00:00"),
        ("Yesterday", "2026-11-23 23:00:00", "2026-11-24 23:00:00"),
        ("this week", "2026-11-22 23:00:00", "2026-11-29 23:00:00"),
        ("last week", "2026-11-15 23:00:00", "2026-11-22 23:00:00"),
        ("last  month", "2026-09-30 22:00:00", "2026-10-31 23:00:00"),
        ("this year", "2025-12-31 23:00:00", "2026-12-31 23:00:00"),
        ("last year", "2024-12-31 23:00:00", "2025-12-31 23:00:00"),
        ("last hour", "2026-11-25 12:20:30", "2026-11-25 13:20:30"),
        ("last 24 hours", "2026-11-24 13:20:30", "2026-11-25 13:20:30"),
        ("past 2 d", "2026-11-23 13:20:30", "2026-11-25 13:20:30"),
        ("2026-11-22", "2026-11-21 23:00:00", "2026-11-22 23:00:00"),
        ("2026-02", "2026-01-31 23:00:00", "2026-02-28 23:00:00"),
        ("2026-12", "2026-11-30 23:00:00", "2026-12-31 23:00:00"),
        ("2026", "2025-12-31 23:00:00", "2026-12-31 23:00:00"),
        ("2026-11-20 to 2026-11-22", "2026-11-19 23:00:00", "2026-11-22 23:00:00"),
        ("2026-10 to yesterday", "2026-09-30 22:00:00", "2026-11-24 23:00:00"),
        ("08:00 to 09:30", "2026-11-25 07:00:00", "2026-11-25 08:30:00"),
        ("2026-11-22 08:00 to 2026-11-22 09:30", "2026-11-22 07:00:00", "2026-11-22 08:30:00"),
        ("2 hours ago to now", "2026-11-25 11:20:30", "2026-11-25 13:20:30"),
    ],
)
def test_a_span(text: str, start: str, end: str) -> None:
    assert on(text) == (start, end)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-25 13:20:30"),
        ("30 min ago", "2026-11-25 12:50:30"),
        ("30min ago", "2026-11-25 12:50:30"),
        ("an hour ago", "2026-11-25 12:20:30"),
        ("90 s ago", "2026-11-25 13:19:00"),
        ("2 weeks ago", "2026-11-11 13:20:30"),
        ("1 month ago", "2026-10-25 13:20:30"),
        ("a year ago", "2025-11-25 13:20:30"),
        ("today", "2026-11-24 23:00:00"),
        ("tomorrow", "2026-11-25 23:00:00"),
        ("last week", "2026-11-15 23:00:00"),
        ("14:05", "2026-11-25 13:05:00"),
        ("00:00:01", "2026-11-24 23:00:01"),
        ("2026-11-22", "2026-11-21 23:00:00"),
        ("2026-11-22 14:05", "2026-11-22 13:05:00"),
        ("2026-11-22T14:05:06.25", "2026-11-22 13:05:06"),
        ("2026-11-22T14:05:06Z", "2026-11-22 14:05:06"),
        ("2026-11-22 14:05 UTC", "2026-11-22 14:05:00"),
        ("2026-11-22 14:05:00 -0500", "2026-11-22 19:05:00"),
        ("2026-07-01T00:00+02:00", "2026-06-30 22:00:00"),
        (date(2026, 11, 22), "2026-11-21 23:00:00"),
        (datetime(2026, 11, 22, 14, 5), "2026-11-22 13:05:00"),
        (datetime(2026, 11, 22, 14, 5, tzinfo=UTC), "2026-11-22 14:05:00"),
    ],
)
def test_a_moment(text: Moment, moment: str) -> None:
    assert since(text) == moment


def test_until_a_day_ends_before_that_day_as_in_journalctl() -> None:
    assert window("yesterday", "today", tz=VIENNA, now=NOW) == window(on="yesterday", tz=VIENNA, now=NOW)


def test_a_window_may_be_open_at_both_ends() -> None:
    assert window(tz=VIENNA) == Window(None, None)
    assert window(until="2026-11-22", tz=VIENNA).since is None


def test_the_end_of_a_month_is_not_overshot() -> None:
    assert since("1 month ago", now=datetime(2026, 3, 31, 12, tzinfo=UTC)) == "2026-02-28 13:00:00"
    assert since("1 year ago", now=datetime(2024, 2, 29, 12, tzinfo=UTC)) == "2023-02-28 12:00:00"


def test_yesterday_is_the_calendar_day_before_in_the_zone_of_the_log() -> None:
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # already the 26th in Vienna
    assert on("yesterday", now=late) == ("2026-11-24 23:00:00", "2026-11-25 23:00:00")
    assert on("yesterday", ZoneInfo("America/New_York"), late) == (
        "2026-11-24 05:00:00",
        "2026-11-25 05:00:00",
    )


def test_days_of_23_and_25_hours() -> None:
    assert on("2026-03-29") == ("2026-03-28 23:00:00", "2026-03-29 22:00:00")
    assert on("2026-10-25") == ("2026-10-24 22:00:00", "2026-10-25 23:00:00")


def test_a_day_whose_midnight_is_skipped_begins_at_the_change() -> None:
    assert on("2018-11-04", ZoneInfo("America/Sao_Paulo")) == ("2018-11-04 03:00:00", "2018-11-05 02:00:00")


def test_a_day_ago_is_the_same_time_of_day_and_24_hours_ago_is_24_hours() -> None:
    after_change = datetime(2026, 10, 25, 12, tzinfo=UTC)  # 13:00 in Vienna, the clock went back at 3:00
    assert since("1 day ago", now=after_change) == "2026-10-24 11:00:00"
    assert since("24 hours ago", now=after_change) == "2026-10-24 12:00:00"


@given(
    st.dates(date(1971, 1, 1), date(2199, 12, 31)),
    st.sampled_from(["Europe/Vienna", "Asia/Tokyo", "Africa/Cairo"]),
)
def test_days_follow_each_other_without_gap(day: date, zone: str) -> None:
    tz = ZoneInfo(zone)
    assert on(str(day), tz)[1] == on(str(day + timedelta(days=1)), tz)[0]


@pytest.mark.parametrize(
    "text",
    ["", "soon", "22.11.2026", "11/22/2026", "5 fortnights ago", "Nov 22", "2026-11-22 to", "a to b to c"],
)
def test_what_cannot_be_understood_is_answered_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"examples: today, yesterday, 2026-11-22"):
        on(text)


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "2026-13", "25:00", "0000", "9999", "999999999 days ago", "2026-11-22 24:01"],
)
def test_what_does_not_exist_is_said_to_be_so(text: str) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        on(text)


def test_windows_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="not before"):
        window("today", "yesterday", tz=VIENNA)
    with pytest.raises(UsageError, match="not before"):
        window("2026-11-22", "2026-11-22", tz=VIENNA)
    with pytest.raises(UsageError, match="ends before it begins"):
        on("2026-11-22 to 2026-11-20")
    with pytest.raises(UsageError, match="ends before it begins"):
        window(on="2026-11-23 to 2026-11-22", tz=UTC)
    with pytest.raises(UsageError, match="a moment, not a span"):
        on("30 min ago")
    with pytest.raises(UsageError, match="sets both ends"):
        window("today", on="yesterday", tz=VIENNA)
    with pytest.raises(UsageError, match="give it to -d"):
        since("2026-11-20 to 2026-11-22")


@given(st.text(max_size=30))
def test_any_text_gives_a_window_or_a_usage_error(text: str) -> None:
    found, message = None, ""
    try:
        found = window(on=text, tz=VIENNA, now=NOW)
    except UsageError as error:
        message = str(error)
    assert message.isprintable()
    assert bool(message) == (found is None)
    if found and found.since and found.until:
        assert found.since < found.until
