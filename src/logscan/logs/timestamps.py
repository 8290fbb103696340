"""Time stamps of mail logs → UTC microseconds: stamps without a year, without a zone, in any common form.

Parsing is stateless and runs on any thread. What a stamp does not say (its year, its zone) is settled
afterwards, in the order of the log, by a ``Clock``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.errors import UsageError

Int64 = npt.NDArray[np.int64]
Int8 = npt.NDArray[np.int8]
Bytes2D = npt.NDArray[np.uint8]

#: What a stamp leaves open: nothing, its zone, or its zone and year.
UTC_KNOWN, ZONELESS, YEARLESS = 0, 1, 2
#: The value of a stamp that is none (Arrow and NumPy use the same for "not a time").
NO_TIME = np.iinfo(np.int64).min

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
#: Stamps without a year are placed in this one until the Clock knows better; it is a leap year.
_STAND_IN_YEAR = 2000
_MONTHS = [int.from_bytes(m, "big") for m in b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()]
_MONTH_ORDER = np.argsort(_MONTHS)
_MONTH_KEYS = np.array(_MONTHS, np.int64)[_MONTH_ORDER]
_MONTH_LENGTH = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def _number(text: Bytes2D, start: int, stop: int) -> Int64:
    """Columns ``start:stop`` read as decimal digits; a blank counts as 0, any other sign gives a huge number."""
    value = np.zeros(len(text), np.int64)
    for column in range(start, stop):
        digit = text[:, column].astype(np.int64) - 48
        digit = np.where(digit == -16, 0, digit)
        value = value * 10 + np.where((digit >= 0) & (digit <= 9), digit, 10**9)
    return value


def _days(year: Int64, month: Int64, day: Int64) -> Int64:
    """Days since 1970-01-01 in the Gregorian calendar (proleptic), for whole arrays."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days: Int64 = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days


def _assemble(
    year: Int64, month: Int64, day: Int64, clock: tuple[Int64, Int64, Int64], micros: Int64
) -> Int64:
    hour, minute, second = clock
    good = (year > 0) & (year < 10_000) & (month >= 1) & (month <= 12) & (day >= 1)
    good &= day <= _MONTH_LENGTH[np.clip(month, 1, 12) - 1]
    # Second 60 is a leap second; it is counted as the start of the next minute.
    good &= (hour < 24) & (minute < 60) & (second <= 60) & (micros < _SECOND)
    seconds = hour * 3600 + minute * 60 + second
    value = _days(np.clip(year, 1, 9999), np.clip(month, 1, 12), np.clip(day, 1, 31)) * _DAY
    stamped: Int64 = np.where(good, value + seconds * _SECOND + micros, NO_TIME)
    return stamped


def _fraction(text: Bytes2D, start: int, digits: int) -> Int64:
    kept = min(digits, 6)
    micros: Int64 = _number(text, start, start + kept) * 10 ** (6 - kept)
    return micros


def _traditional(text: Bytes2D) -> tuple[Int64, int]:
    """``Nov  5 10:11:12``, optionally with a fraction of the second (RFC 3164 section 4.1.2)."""
    if text.shape[1] == 14:  # "Nov 5": some write the day without the blank that pads it
        text = np.insert(text, 4, ord(" "), axis=1)
    key = (text[:, 0].astype(np.int64) << 16) | (text[:, 1].astype(np.int64) << 8) | text[:, 2]
    position = np.clip(np.searchsorted(_MONTH_KEYS, key), 0, 11)
    month = np.where(_MONTH_KEYS[position] == key, _MONTH_ORDER[position] + 1, 99)
    clock = _number(text, 7, 9), _number(text, 10, 12), _number(text, 13, 15)
    length = text.shape[1]
    has_fraction = length > 16 and bool((text[:, 15] == ord(".")).all())
    micros = _fraction(text, 16, length - 16) if has_fraction else np.zeros(len(text), np.int64)
    year = np.full(len(text), _STAND_IN_YEAR, np.int64)
    return _assemble(year, month, _number(text, 4, 6), clock, micros), YEARLESS


#: How a zone may end a stamp: what it looks like, where its sign, hours and minutes stand (from the end).
_ZONES: tuple[tuple[str, int, int, int, int], ...] = (
    # name, width, sign, hours, minutes (0: none)
    ("+hh:mm", 6, 6, 5, 2),
    ("+hhmm", 5, 5, 4, 2),
    ("+hh", 3, 3, 2, 0),
)


def _iso(text: Bytes2D) -> tuple[Int64, Int8]:
    """``2026-11-23T10:00:00.123456+01:00``: RFC 3339, journald's ISO forms, Exim's with blanks."""
    length = text.shape[1]
    count = len(text)
    clock = _number(text, 11, 13), _number(text, 14, 16), _number(text, 17, 19)
    offset = np.zeros(count, np.int64)
    tail = np.zeros(count, np.int64)  # width of the zone, with the blank before it
    known = np.zeros(count, bool)
    if length > 19:
        known |= text[:, -1] == ord("Z")
        tail[known] = 1
    for _, width, sign_at, hours_at, minutes_at in _ZONES:
        if length < 19 + width:
            continue
        sign = text[:, length - sign_at]
        here = ~known & ((sign == ord("+")) | (sign == ord("-")))
        if not here.any():
            continue
        hours = _number(text[here], length - hours_at, length - hours_at + 2)
        minutes = _number(text[here], length - minutes_at, length) if minutes_at else 0
        seconds = (hours * 60 + minutes) * 60
        offset[here] = np.where(sign[here] == ord("-"), -seconds, seconds)
        blank = text[here][:, length - width - 1] == ord(" ")
        tail[here] = width + blank
        known |= here
    micros = np.zeros(count, np.int64)
    for width in np.unique(tail):
        here = tail == width
        digits = length - 20 - int(width)
        if digits > 0:
            micros[here] = _fraction(text[here], 20, digits)
    local = _assemble(_number(text, 0, 4), _number(text, 5, 7), _number(text, 8, 10), clock, micros)
    value = np.where(local == NO_TIME, NO_TIME, local - offset * _SECOND)
    return value, np.where(known, UTC_KNOWN, ZONELESS).astype(np.int8)


def _unix(text: Bytes2D) -> tuple[Int64, int]:
    """``1762333872.123456``: journalctl's short-unix."""
    micros = _fraction(text, 11, text.shape[1] - 11) if text.shape[1] > 11 else np.zeros(len(text), np.int64)
    return _number(text, 0, 10) * _SECOND + micros, UTC_KNOWN


_FORMS: dict[str, tuple[Any, int]] = {
    "traditional": (_traditional, 14),
    "iso": (_iso, 19),
    "unix": (_unix, 10),
}


def parse(stamps: pa.Array, form: str) -> tuple[Int64, Int8]:
    """Read stamps of one form: ``traditional``, ``iso`` or ``unix``.

    Returns microseconds (UTC, or local time placed in a stand-in zone and year) and, for each, what it
    leaves open (``UTC_KNOWN``, ``ZONELESS``, ``YEARLESS``). A stamp that is none gives ``NO_TIME``.
    """
    read, shortest = _FORMS[form]
    count = len(stamps)
    values = np.full(count, NO_TIME, np.int64)
    zones = np.zeros(count, np.int8)
    if not count:
        return values, zones
    binary = stamps.view(pa.binary())
    offsets = np.frombuffer(binary.buffers()[1], np.int32, count + 1, binary.offset * 4)
    data = np.frombuffer(binary.buffers()[2], np.uint8)
    lengths = np.diff(offsets)
    for length in np.unique(lengths):
        if length < shortest:
            continue
        here = np.flatnonzero(lengths == length)
        if len(here) == count:
            text = data[offsets[0] : offsets[-1]].reshape(count, length)
        else:
            text = data[offsets[here][:, None] + np.arange(length)]
        values[here], zones[here] = read(text)
    return values, zones


def local_zone() -> str:
    """The IANA name of this machine's time zone: ``TZ``, else ``/etc/localtime``, else UTC."""
    named = os.environ.get("TZ", "").lstrip(":")
    if named and _is_zone(named):
        return named
    target = os.path.realpath("/etc/localtime")
    _, _, name = target.partition("/zoneinfo/")
    if name and _is_zone(name):
        return name
    try:
        written = Path("/etc/timezone").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        written = ""
    return written if written and _is_zone(written) else "UTC"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def zone_name(name: str | None) -> str:
    """A zone that exists: the given one, or this machine's.

    Raises ``UsageError`` for a name that no zone has.
    """
    if name is None:
        return local_zone()
    if not _is_zone(name):
        raise UsageError(f"--tz {name}: no such time zone; write it like Europe/Berlin, Asia/Tokyo or UTC")
    return name


class Clock:
    """Settles years and zones of one source's stamps, in the order of its lines.

    ``modified`` bounds the years: a log's first stamp lies before it (one day of grace for skewed clocks),
    and at most one year back. ``year``, if given, is the year of the first stamp instead.
    """

    def __init__(self, *, tz: str = "UTC", modified: datetime | None = None, year: int | None = None) -> None:
        self._tz = tz
        self._year = year
        self._bound = modified or datetime.now(UTC)
        self._last_yearless = NO_TIME
        self._latest_local = NO_TIME
        self._second_pass = False

    def resolve(self, values: Int64, zones: Int8) -> Int64:
        """UTC microseconds of stamps as ``parse`` returned them; ``NO_TIME`` stays."""
        values = values.copy()
        yearless = np.flatnonzero((zones == YEARLESS) & (values != NO_TIME))
        if len(yearless):
            values[yearless] = self._with_years(values[yearless])
        local = np.flatnonzero((zones != UTC_KNOWN) & (values != NO_TIME))
        if len(local) and self._tz != "UTC":
            values[local] = self._to_utc(values[local])
        return values

    def _first_year(self, stamp: int) -> int:
        bound = self._bound
        start = datetime(_STAND_IN_YEAR, bound.month, bound.day, tzinfo=UTC)
        end_of_bound = int(start.timestamp()) * _SECOND + 2 * _DAY
        return bound.year if stamp < end_of_bound else bound.year - 1

    def _with_years(self, stand_in: Int64) -> Int64:
        if self._year is None:
            self._year = self._first_year(int(stand_in[0]))
        previous = np.concatenate(
            ([stand_in[0] if self._last_yearless == NO_TIME else self._last_yearless], stand_in[:-1])
        )
        step = stand_in - previous
        # December followed by January is the next year; January followed by a straggler of December is not.
        turns = (step < -183 * _DAY).astype(np.int64) - (step > 183 * _DAY).astype(np.int64)
        years = self._year + np.cumsum(turns)
        self._year = int(years[-1])
        self._last_yearless = int(stand_in[-1])
        result = np.empty_like(stand_in)
        for year in np.unique(years):
            here = years == year
            one = np.array([1], np.int64)
            start = int(_days(np.array([year]), one, one)[0]) * _DAY
            stand_in_start = int(_days(np.array([_STAND_IN_YEAR]), one, one)[0]) * _DAY
            into = stand_in[here] - stand_in_start
            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
            if not leap:
                into = np.where(into >= 60 * _DAY, into - _DAY, into)
            result[here] = start + into
        return result

    def _to_utc(self, local: Int64) -> Int64:
        ends = np.array([local.min(), local.max()])
        offsets = [
            ends - _utc(pa.array(ends, pa.timestamp("us")), self._tz, which)
            for which in ("earliest", "latest")
        ]
        if ends[1] - ends[0] <= _DAY and np.ptp(offsets) == 0:
            # No change of the offset in between: two of them lie further apart than a day.
            self._latest_local = max(self._latest_local, int(ends[1]))
            self._second_pass = False
            return local - int(offsets[0][0])
        naive = pa.array(local, pa.timestamp("us"))
        early = _utc(naive, self._tz, "earliest")
        late = _utc(naive, self._tz, "latest")
        twice = early != late
        latest = np.maximum.accumulate(np.concatenate(([self._latest_local], local)))
        if twice.any():
            # The hour that a change to winter time repeats: it is the second pass once the clock went back.
            went_back = local < latest[:-1] - 30 * 60 * _SECOND
            second = self._second_pass | np.logical_or.accumulate(went_back & twice)
            self._second_pass = bool(second[-1] and twice[-1])
            early = np.where(twice & second, late, early)
        else:
            self._second_pass = False
        self._latest_local = int(latest[-1])
        return early


def _utc(naive: pa.Array, tz: str, ambiguous: str) -> Int64:
    aware = pc.assume_timezone(naive, tz, ambiguous=ambiguous, nonexistent="latest")
    result: Int64 = aware.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return result
