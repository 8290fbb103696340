"""Stamps of every form, their years and their zones."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.errors import UsageError
from logscan.logs.timestamps import NO_TIME, UTC_KNOWN, YEARLESS, ZONELESS, Clock, parse, zone_name


def micros(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, us: int = 0
) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000 + us


@pytest.mark.parametrize(
    ("stamp", "form", "expected", "zone"),
    [
        ("Nov  5 10:11:12", "traditional", micros(2000, 11, 5, 10, 11, 12), YEARLESS),
        ("Nov 05 10:11:12", "traditional", micros(2000, 11, 5, 10, 11, 12), YEARLESS),
        ("Nov 5 10:11:12", "traditional", micros(2000, 11, 5, 10, 11, 12), YEARLESS),
        ("Nov 05 10:11:12.123456", "traditional", micros(2000, 11, 5, 10, 11, 12, 123456), YEARLESS),
        ("Nov  5 10:11:12 <mail.info>", "traditional", micros(2000, 11, 5, 10, 11, 12), YEARLESS),
        ("2025-11-05T10:11:12.345678+01:00", "iso", micros(2025, 11, 5, 9, 11, 12, 345678), UTC_KNOWN),
        ("2025-11-05T10:11:12+0100", "iso", micros(2025, 11, 5, 9, 11, 12), UTC_KNOWN),
        ("2025-11-05T10:11:12-03", "iso", micros(2025, 11, 5, 13, 11, 12), UTC_KNOWN),
        ("2025-11-05T10:11:12.003Z", "iso", micros(2025, 11, 5, 10, 11, 12, 3000), UTC_KNOWN),
        ("2025-11-05T10:11:12.123456789Z", "iso", micros(2025, 11, 5, 10, 11, 12, 123456), UTC_KNOWN),
        ("2026-11-23 10:00:00", "iso", micros(2026, 11, 23, 10), ZONELESS),
        ("2026-11-23 10:00:00.250 -0530", "iso", micros(2026, 11, 23, 15, 30, 0, 250000), UTC_KNOWN),
        ("1762333872.123456", "unix", 1762333872123456, UTC_KNOWN),
    ],
)
def test_stamps_of_every_form(stamp: str, form: str, expected: int, zone: int) -> None:
    values, zones = parse(pa.array([stamp]), form)
    assert (int(values[0]), int(zones[0])) == (expected, zone)


@pytest.mark.parametrize(
    "stamp", ["Foo  5 10:11:12", "Nov 32 10:11:12", "Nov  5 24:11:12", "2025-02-30T00:00:00Z", ""]
)
def test_what_is_no_stamp_gives_no_time(stamp: str) -> None:
    form = "iso" if stamp[:1].isdigit() else "traditional"
    values, _ = parse(pa.array([stamp]), form)
    assert int(values[0]) == NO_TIME


@given(st.datetimes(datetime(1, 1, 2), datetime(9998, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_any_rfc3339_stamp_is_read_as_python_reads_it(moment: datetime, offset: int) -> None:
    stamp = f"{moment.isoformat(timespec='microseconds')}{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    values, _ = parse(pa.array([stamp]), "iso")
    delta = datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)
    assert int(values[0]) == (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


@given(st.lists(st.text(max_size=40)))
def test_no_text_makes_it_fail(texts: list[str]) -> None:
    for form in ("traditional", "iso", "unix"):
        values, _ = parse(pa.array(texts, pa.string()), form)
        assert len(values) == len(texts)


def resolve(clock: Clock, *stamps: str, form: str = "traditional") -> list[str]:
    values, zones = parse(pa.array(list(stamps)), form)
    resolved = clock.resolve(values, zones)
    return [datetime.fromtimestamp(int(v) // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") for v in resolved]


def test_the_year_turns_in_the_middle_of_a_log() -> None:
    clock = Clock(modified=datetime(2026, 1, 5, tzinfo=UTC))
    assert resolve(clock, "Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  2 00:00:00") == [
        "2025-12-31 23:59:59",
        "2026-01-01 00:00:01",
        "2025-12-31 23:59:59",
        "2026-01-02 00:00:00",
    ]


def test_a_log_of_last_autumn_belongs_to_last_year() -> None:
    clock = Clock(modified=datetime(2026, 3, 1, tzinfo=UTC))
    assert resolve(clock, "Nov  5 10:00:00")[0].startswith("2025-")


def test_the_year_goes_on_from_one_piece_of_the_log_to_the_next() -> None:
    clock = Clock(year=2023)
    assert resolve(clock, "Dec 31 23:00:00") == ["2023-12-31 23:00:00"]
    assert resolve(clock, "Jan  1 01:00:00") == ["2024-01-01 01:00:00"]
    assert resolve(clock, "Feb 29 01:00:00", "Mar  1 00:00:00") == [
        "2024-02-29 01:00:00",
        "2024-03-01 00:00:00",
    ]


def test_local_time_becomes_utc_and_the_repeated_hour_is_told_apart() -> None:
    clock = Clock(tz="Europe/Berlin", year=2025)
    stamps = [
        "Oct 26 01:59:00",
        "Oct 26 02:10:00",
        "Oct 26 02:50:00",
        "Oct 26 02:10:00",
        "Oct 26 02:50:00",
        "Oct 26 03:10:00",
    ]
    expected = [f"2025-10-{day} {time}:00" for day, time in [
        (25, "23:59"), (26, "00:10"), (26, "00:50"), (26, "01:10"), (26, "01:50"), (26, "02:10"),
    ]]  # fmt: skip
    assert resolve(clock, *stamps) == expected
    again = Clock(tz="Europe/Berlin", year=2025)
    assert [resolve(again, stamp)[0] for stamp in stamps] == expected


@pytest.mark.parametrize("day", [datetime(2025, 3, 30), datetime(2025, 10, 26)])
@pytest.mark.parametrize("size", [1, 2, 5, 48])
def test_a_change_of_the_offset_is_seen_however_the_log_was_cut(day: datetime, size: int) -> None:
    start = int(day.replace(tzinfo=UTC).timestamp()) * 1_000_000
    values = np.arange(start, start + 24 * 3_600_000_000, 1_800_000_000)
    zones = np.ones(len(values), np.int8)
    whole, cut = Clock(tz="Europe/Berlin"), Clock(tz="Europe/Berlin")
    parts = [cut.resolve(values[i : i + size], zones[i : i + size]) for i in range(0, len(values), size)]
    expected = whole.resolve(np.append(values, start + 80 * 3_600_000_000), np.append(zones, 1))[:-1]
    assert np.concatenate(parts).tolist() == expected.tolist()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="no such time zone"):
        zone_name("Mars/Olympus")


def test_empty_input_is_fine() -> None:
    values, zones = parse(pa.array([], pa.string()), "iso")
    assert Clock().resolve(values, zones).dtype == np.int64
