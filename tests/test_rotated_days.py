"""A calendar day whose lines lie in several rotated files is reported once and whole."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from logscan.cli import run
from logscan.commands import reading
from logscan.windows import window

BERLIN = ZoneInfo("Europe/Berlin")
REFUSAL = "mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>"


def rfc3339(time: datetime) -> str:
    return time.isoformat()


def traditional(time: datetime) -> str:
    return f"{time:%b} {time.day:2} {time:%H:%M:%S}"


def write_rotated(folder: Path, days: list[datetime], stamp: object) -> None:
    """A refusal every half hour of ``days``, rotated at 6:25 as by logrotate; two files stay unpacked."""
    first, last = days[0].astimezone(UTC), (days[-1] + timedelta(days=1)).astimezone(UTC)
    pieces: list[list[str]] = [[]]
    ends: list[float] = []
    time = first
    while time < last:
        local = time.astimezone(BERLIN)
        if (local.hour, local.minute) == (6, 30):
            pieces.append([])
            ends.append(time.timestamp())
        pieces[-1].append(f"{stamp(local)} {REFUSAL}\n")  # type: ignore[operator]
        time += timedelta(minutes=30)
    ends.append(last.timestamp())
    for age, (lines, end) in enumerate(zip(reversed(pieces), reversed(ends), strict=True)):
        content = "".join(lines).encode()
        path = folder / ("mail.log" + (f".{age}" if age else "") + (".gz" if age > 1 else ""))
        path.write_bytes(gzip.compress(content) if age > 1 else content)
        os.utime(path, (end, end))


def days(*dates: str) -> list[datetime]:
    return [datetime.fromisoformat(date).replace(tzinfo=BERLIN) for date in dates]


@pytest.mark.parametrize(
    ("dates", "now", "replies", "start", "end"),
    [
        (
            days("2026-11-22", "2026-11-23", "2026-11-24"),
            "2026-11-24T08:00",
            48,
            "2026-11-22T23:00:00Z",
            "2026-11-23T23:00:00Z",
        ),
        (  # the day on which clocks go back has 25 hours
            days("2026-10-24", "2026-10-25", "2026-10-26"),
            "2026-10-26T08:00",
            50,
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
        ),
        (
            days("2026-12-30", "2026-12-31", "2027-01-01"),
            "2027-01-01T00:00",
            48,
            "2026-12-30T23:00:00Z",
            "2026-12-31T23:00:00Z",
        ),
    ],
    ids=["winter", "clocks-go-back", "new-year"],
)
@pytest.mark.parametrize("stamp", [rfc3339, traditional])
@pytest.mark.parametrize(
    "paths", [["mail.log*"], ["."], ["mail.log", "mail.log.1", "mail.log.2.gz"]], ids=" ".join
)
def test_yesterday_is_reported_once_and_whole(
    dates: list[datetime],
    now: str,
    replies: int,
    start: str,
    end: str,
    stamp: object,
    paths: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_rotated(tmp_path, dates, stamp)
    assert {path.name for path in tmp_path.iterdir()} >= {"mail.log", "mail.log.1", "mail.log.2.gz"}
    clock = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    monkeypatch.setattr(reading, "window", partial(window, now=clock))
    monkeypatch.chdir(tmp_path)
    assert run(["report", "-d", "yesterday", "--tz", "Europe/Berlin", "--format", "json", *paths]) == 0
    report = json.loads(capsys.readouterr().out)
    assert sum(row["count"] for row in report["replies"]) == replies
    assert report["window"] == {"start": start, "end": end}
