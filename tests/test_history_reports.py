"""A report from a store is compared with earlier periods, and takes from earlier days what to expect."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from logscan.cli import run
from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput
from logscan.history.past_days import periods
from logscan.windows import Window

SENT = "2026-11-{day:02}T{hour:02}:{minute:02}:00+00:00 mx1 postfix/smtp[11]: 4BX7KC{number:04}: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n"
SLOW = "2026-11-{day:02}T{hour:02}:{minute:02}:30+00:00 mx1 postfix/smtp[11]: 4BX7KD{number:04}: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=4.7.0, status=deferred (host mx.example.net[192.0.2.7] said: 421 4.7.0 Slow down (in reply to MAIL FROM command))\n"


def lines(line: str, day: int, count: int) -> str:
    """So many lines, evenly over a day."""
    steps = (1440 * number // count for number in range(count))
    return "".join(
        line.format(day=day, hour=step // 60, minute=step % 60, number=number)
        for number, step in enumerate(steps)
    )


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Eight days of 144 deliveries each and some deferrals; on the last, deferrals all day."""
    log = "".join(lines(SENT, day, 144) + lines(SLOW, day, 2) for day in range(10, 17))
    (tmp_path / "mail.log").write_text(log + lines(SENT, 17, 144) + lines(SLOW, 17, 200))
    assert run(["ingest", str(tmp_path / "mail.log"), "--store", str(tmp_path / "store"), "-q"]) == 0
    return str(tmp_path / "store")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["report", "--tz", "UTC", *arguments]) == 0
    return capsys.readouterr().out


def comparison(capsys: pytest.CaptureFixture[str], *arguments: str) -> Sequence[dict[str, object]]:
    found: Sequence[dict[str, object]] = json.loads(shown(capsys, *arguments, "--format", "json")).get(
        "comparison", []
    )
    return found


def test_a_day_is_compared_with_the_day_and_the_week_before(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    day, week = comparison(capsys, "--store", store, "-d", "2026-11-17")
    assert (day["label"], day["start"], day["end"]) == (
        "day before",
        "2026-11-16T00:00:00Z",
        "2026-11-17T00:00:00Z",
    )
    assert (week["label"], week["start"]) == ("week before", "2026-11-10T00:00:00Z")
    assert (
        day["totals"]
        == week["totals"]
        == [
            {"measure": "2xx", "count": 144, "before": 144},
            {"measure": "4xx", "count": 200, "before": 2},
            {"measure": "sent", "count": 144, "before": 144},
            {"measure": "deferred", "count": 200, "before": 2},
        ]
    )
    assert day["changes"] == [
        {
            "direction": "outbound",
            "code": 421,
            "enhanced": None,
            "cause": "rate_limit",
            "count": 200,
            "before": 2,
        }
    ]


def test_every_form_shows_the_comparison(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--store", store, "-d", "2026-11-17")
    text = shown(capsys, *options)
    assert (
        "Compared with earlier\n  now  day before  week before  what\n  144         144          144  2xx\n"
        in text
    )
    assert "| 200 | 2 | 2 | they→us · 421 · rate limit |" in shown(capsys, *options, "--format", "markdown")
    assert "Compared with earlier" in shown(capsys, *options, "--format", "html")
    assert run(["mail", "--tz", "UTC", *options, "--to", "a@example.com", "--dry-run"]) == 0


def test_what_fills_a_day_is_a_spike_by_earlier_days(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, str(tmp_path / "mail.log"), "-d", "2026-11-17")
    assert "! 421 rate limit they→us all the time, 00:00-23:52, 200 replies" in text
    text = shown(capsys, "--store", store, "-d", "2026-11-17")
    assert "all the time" not in text
    assert re.search(r"! 421 rate limit they→us 00:00-23:\d\d, 200 replies \([0-9.]+ expected\)", text), text


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (["-d", "2026-11-10"], []),  # there is nothing before
        (["-d", "2026-11-12"], ["day before"]),
        (["-d", "2026-11-16 to 2026-11-17"], ["period before"]),
        (["-d", "2026-11-17 12:00 to 2026-11-17 13:00"], ["period before", "week before"]),
        (["-S", "2026-11-17"], []),  # it has no end
        ([], []),
    ],
)
def test_what_history_there_is_is_compared(
    store: str, options: list[str], labels: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [period["label"] for period in comparison(capsys, "--store", store, *options)] == labels


def test_without_a_store_nothing_is_compared(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Compared" not in shown(capsys, str(Path(store).with_name("mail.log")), "-d", "2026-11-17")


def test_selected_replies_are_compared_with_such(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    day, _ = comparison(capsys, "--store", store, "-d", "2026-11-17", "--code", "421")
    assert day["totals"] == [
        {"measure": "4xx", "count": 200, "before": 2},
        {"measure": "deferred", "count": 200, "before": 2},
    ]


def test_other_commands_read_the_store_too(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "day.csv"
    assert run(["export", "--store", store, "-d", "2026-11-17", "--tz", "UTC", "-o", str(output)]) == 0
    assert len(output.read_text().splitlines()) == 345


def test_a_time_without_rows_is_told(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--store", store, "-d", "2026-12-24"]) == NothingUnderstood.exit_status
    assert capsys.readouterr().err == (
        "logscan: no rows of that time; there are days from 2026-11-10 to 2026-11-17\n"
    )


def test_a_damaged_day_before_is_told_and_today_is_reported(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    [damaged] = Path(store).glob("date=2026-11-16/*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-50])
    assert run(["report", "--store", store, "-d", "2026-11-17", "--tz", "UTC"]) == UnreadableInput.exit_status
    shown = capsys.readouterr()
    assert "Now, and the week before\n  144          144  2xx\n" in shown.out
    assert shown.err.count("a damaged Parquet file") == 1


def test_a_store_or_a_path(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--store", store, str(tmp_path / "mail.log")]) == LogscanError.exit_status
    assert "name the one or the other" in capsys.readouterr().err
    settings = tmp_path / "logscan.toml"
    settings.write_text(f'paths = ["elsewhere"]\ntz = "UTC"\n[ingest]\nstore = {json.dumps(store)}\n')
    assert run(["--config", str(settings), "report", "--store", "-d", "2026-11-17"]) == 0
    assert run(["report", "--store", str(tmp_path / "none")]) == UnreadableInput.exit_status


BERLIN = ZoneInfo("Europe/Berlin")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_days_keep_their_times_when_clocks_change() -> None:
    day = Window(moment("2026-10-26T00:00+01:00"), moment("2026-10-27T00:00+01:00"))
    assert periods(day, BERLIN, moment("2026-11-01T00:00+01:00")) == [
        ("day before", moment("2026-10-25T00:00+02:00"), moment("2026-10-26T00:00+01:00")),
        ("week before", moment("2026-10-19T00:00+02:00"), moment("2026-10-20T00:00+02:00")),
    ]


def test_a_day_that_is_not_over_is_compared_as_far_as_it_is() -> None:
    today = Window(moment("2026-11-24T00:00+01:00"), moment("2026-11-25T00:00+01:00"))
    assert [(start, end) for _, start, end in periods(today, BERLIN, moment("2026-11-24T09:30+01:00"))] == [
        (moment("2026-11-23T00:00+01:00"), moment("2026-11-23T09:30+01:00")),
        (moment("2026-11-17T00:00+01:00"), moment("2026-11-17T09:30+01:00")),
    ]


def test_a_week_is_compared_with_the_week_before_once() -> None:
    week = Window(moment("2026-11-09T00:00+01:00"), moment("2026-11-16T00:00+01:00"))
    assert [label for label, *_ in periods(week, BERLIN, moment("2026-12-01T00:00+01:00"))] == ["week before"]
