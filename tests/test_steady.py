"""421 without a peak: what is refused for most of the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from logscan.flagging.findings import Steady
from logscan.flagging.flags import find_flags
from logscan.rendering.flags import in_words
from tables import moment, replies

Row = dict[str, Any]
MIDNIGHT = moment("00:00")


def every(minutes: int, *, until: float = 24, **columns: Any) -> list[Row]:
    """A reply every so many minutes of a day, each to another client and for another message."""
    return [
        {
            "time": MIDNIGHT + timedelta(minutes=minute),
            "peer_ip": f"192.0.2.{number % 200}",
            "queue_id": f"{columns['direction'][0]}{number}",
            **columns,
        }
        for number, minute in enumerate(range(0, int(until * 60), minutes))
    ]


def accepted() -> list[Row]:
    return every(2, direction="outbound", code=250, status="sent")


def refused(minutes: int = 10, **columns: Any) -> list[Row]:
    return every(minutes, **{"direction": "inbound", "code": 421, "cause": "connection_limit", **columns})


def steady(*rows: Row) -> list[Steady]:
    return [flag for flag in find_flags(replies(*rows)) if isinstance(flag, Steady)]


def test_connections_that_are_short_all_day() -> None:
    (flag,) = steady(*accepted(), *refused())
    assert flag.to_dict() | {"peers": []} == {
        "kind": "steady",
        "code": 421,
        "direction": "inbound",
        "cause": "connection_limit",
        "start": "2026-11-22T00:00:00Z",
        "end": "2026-11-22T23:50:01Z",
        "count": 144,
        "share": 0.1667,
        "peers": [],
        "distinct_peers": 144,
    }
    said = in_words(flag, ZoneInfo("UTC"), flag.start)
    assert said.title == "421 connection limit we→them all the time, 00:00-23:50, 144 replies, 17 % of all"


def test_one_that_lasts_for_more_than_half_of_the_log() -> None:
    assert steady(*accepted(), *refused(until=15))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(refused(until=11), id="less than half of the log"),
        pytest.param(refused(60), id="few among all replies"),
        pytest.param(refused(code=450), id="another code"),
        pytest.param(refused(cause="greylisting"), id="greylisting is meant"),
        pytest.param(refused(cause="timeout"), id="silent clients are usual"),
        pytest.param(refused(direction="outbound", queue_id="one"), id="one message that is tried all day"),
        pytest.param(refused(basis="withheld"), id="never sent"),
    ],
)
def test_what_is_no_finding(rows: list[Row]) -> None:
    assert not steady(*accepted(), *rows)


def test_what_is_a_spike_is_not_told_twice() -> None:
    burst = [
        {**row, "time": moment("14:00") + timedelta(seconds=number)} for number, row in enumerate(refused(5))
    ]
    kinds = [flag.kind for flag in find_flags(replies(*accepted(), *burst))]
    assert kinds == ["spike"]
    kinds = [flag.kind for flag in find_flags(replies(*accepted(), *refused(), *burst))]
    assert kinds == ["spike", "steady"]
