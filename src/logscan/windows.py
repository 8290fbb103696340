"""Spans of time as people write them, for --since, --until and -d, made into a half-open window in UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from logscan.errors import UsageError

_EXAMPLES = 'today, yesterday, 2026-11-22, 2026-11, "2026-11-22 14:05", 14:05, "30 min ago", "last week"'

Moment = str | date | datetime


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` on and before `until`, both in UTC; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None


def window(
    since: Moment | None = None,
    until: Moment | None = None,
    on: Moment | None = None,
    *,
    tz: tzinfo,
    now: datetime | None = None,
) -> Window:
    """Return the window from `since` to `until`, or the one that `on` spans.

    Text may be `now`, `today`, `yesterday`, `tomorrow`, a day, month or year (2026-11-22, 2026-11, 2026), an
    ISO 8601 stamp with or without zone, a time of today (14:05), `30 min ago`, `this week`, `last month`,
    `last 24 hours`; for `on` also `A to B`, to the end of B if that is a day or longer. For `since` and
    `until` a day or longer means its beginning, as for journalctl. Days begin at midnight in `tz` and weeks
    on Monday (ISO 8601); a datetime without zone is in `tz`. `now` is the present if not given.

    Raises UsageError for what cannot be understood and for a window that does not end after it begins.
    """
    clock = _Clock(tz, (now or datetime.now(UTC)).astimezone(tz))
    if on is None:
        start = None if since is None else _end_point(since, clock)
        end = None if until is None else _end_point(until, clock)
        if start and end and start >= end:
            raise UsageError(f"--since {str(since)!r} is not before --until {str(until)!r}")
        return Window(start, end)
    if since is not None or until is not None:
        raise UsageError("-d goes with neither --since nor --until: it sets both ends")
    span = _span(on, clock)
    if span.start >= span.end:
        wrong = (
            "ends before it begins"
            if " to " in _normal(on)
            else "is a moment, not a span of time; use --since, or -d with A to B"
        )
        raise UsageError(f"-d {str(on)!r} {wrong}")
    return Window(*span)


class _Span(NamedTuple):
    """From `start` on and before `end`, both in UTC; a moment is a span without length."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Clock:
    """What words and times without zone refer to: a time zone and the present in it."""

    tz: tzinfo
    now: datetime

    def moment(self, when: datetime) -> _Span:
        """Return a moment; without zone it is in the clock's."""
        utc = (when if when.tzinfo else when.replace(tzinfo=self.tz)).astimezone(UTC)
        return _Span(utc, utc)

    def days(self, first: date, after: date) -> _Span:
        """Return the days from `first` on and before `after`, by midnights, however long the days are."""
        return _Span(*(self.moment(datetime.combine(day, time())).start for day in (first, after)))

    def back(self, count: int, unit: str) -> _Span:
        """Return the moment so many units ago: exact up to hours, the same time of day from days on."""
        if unit in _EXACT:
            return self.moment(self.now.astimezone(UTC) - count * _EXACT[unit])
        today = self.now.date()
        if unit in _DAYS:
            day = today - timedelta(days=count * _DAYS[unit])
        else:
            first = _month(today, -count * _MONTHS[unit])
            day = min(first + timedelta(days=today.day - 1), _month(first, 1) - timedelta(days=1))
        return self.moment(datetime.combine(day, self.now.time()))

    def period(self, unit: str, offset: int) -> _Span:
        """Return the calendar day, week, month or year so many after the present one."""
        today = self.now.date()
        if unit in _DAYS:
            first = today + timedelta(days=_DAYS[unit] * offset - (today.weekday() if unit == "week" else 0))
            return self.days(first, first + timedelta(days=_DAYS[unit]))
        this = today.replace(day=1, month=1 if unit == "year" else today.month)
        return self.days(_month(this, offset * _MONTHS[unit]), _month(this, (offset + 1) * _MONTHS[unit]))


def _month(day: date, offset: int) -> date:
    """Return the first day of the month so many after that of `day`."""
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)


_EXACT = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("y", "year", "years"), "year"),
}
_NAMED_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def _named_day(match: re.Match[str], clock: _Clock) -> _Span:
    return clock.period("day", _NAMED_DAYS[match[0]])


def _ago(match: re.Match[str], clock: _Clock) -> _Span:
    count = int(match["count"]) if match["count"].isdecimal() else 1
    return clock.back(count, _UNITS[match["unit"]])


def _up_to_now(match: re.Match[str], clock: _Clock) -> _Span:
    return _Span(_ago(match, clock).start, clock.moment(clock.now).end)


def _period(match: re.Match[str], clock: _Clock) -> _Span:
    return clock.period(_UNITS[match["unit"]], 0 if match["which"] == "this" else -1)


def _day(match: re.Match[str], clock: _Clock) -> _Span:
    day = date.fromisoformat(match[0])
    return clock.days(day, day + timedelta(days=1))


def _whole_month(match: re.Match[str], clock: _Clock) -> _Span:
    first = date(int(match[1]), int(match[2]), 1)
    return clock.days(first, _month(first, 1))


def _year(match: re.Match[str], clock: _Clock) -> _Span:
    return clock.days(date(int(match[0]), 1, 1), date(int(match[0]) + 1, 1, 1))


def _time_of_day(match: re.Match[str], clock: _Clock) -> _Span:
    return clock.moment(datetime.combine(clock.now.date(), time.fromisoformat(match[0])))


def _stamp(match: re.Match[str], clock: _Clock) -> _Span:
    zone = "+00:00" if match["utc"] else match["zone"] or ""
    return clock.moment(datetime.fromisoformat(match["stamp"].upper() + zone))


_UNIT = rf"(?P<unit>{'|'.join(_UNITS)})"
_COUNT = rf"(?P<count>\d{{1,9}}|an?|one) ?{_UNIT}"
_CLOCK_TIME = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_PHRASES: tuple[tuple[str, Callable[[re.Match[str], _Clock], _Span]], ...] = (
    (r"now", lambda _, clock: clock.moment(clock.now)),
    ("|".join(_NAMED_DAYS), _named_day),
    (rf"{_COUNT} ago", _ago),
    (rf"(?:last|past) {_COUNT}", _up_to_now),
    (r"(?:last|past) (?P<count>)(?P<unit>hour)", _up_to_now),
    (r"(?P<which>this|last) (?P<unit>day|week|month|year)", _period),
    (r"\d{4}", _year),
    (r"(\d{4})-(\d\d)", _whole_month),
    (r"\d{4}-\d\d-\d\d", _day),
    (_CLOCK_TIME, _time_of_day),
    (
        rf"(?P<stamp>\d{{4}}-\d\d-\d\d[t ]{_CLOCK_TIME}) ?(?:(?P<utc>z|utc|gmt)|(?P<zone>[+-]\d\d(?::?\d\d)?))?",
        _stamp,
    ),
)


def _span(when: Moment, clock: _Clock) -> _Span:
    """Return the span that `when` means."""
    if isinstance(when, datetime):
        return clock.moment(when)
    first, to, last = _normal(when).partition(" to ")
    start = _phrase(first, when, clock)
    return _Span(start.start, _phrase(last, when, clock).end) if to else start


def _end_point(when: Moment, clock: _Clock) -> datetime:
    """Return the moment that `when` means as one end of a window: the beginning of a span."""
    if not isinstance(when, datetime) and " to " in _normal(when):
        raise UsageError(f"{str(when)!r} has two ends; give it to -d")
    return _span(when, clock).start


def _normal(when: Moment) -> str:
    return " ".join(str(when).casefold().split())


def _phrase(words: str, when: str | date, clock: _Clock) -> _Span:
    for pattern, meaning in _PHRASES:
        if match := re.fullmatch(pattern, words, re.ASCII):
            try:
                return meaning(match, clock)
            except (ValueError, OverflowError) as error:  # 2026-02-30, 25:00, a million years ago
                raise UsageError(f"{str(when)!r} does not exist: {error}") from error
    raise UsageError(f"{str(when)!r} is no time that logscan understands; examples: {_EXAMPLES}")
