"""Greylisting is told by what happens, where the words do not tell it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from logscan.flagging.greylisting import GreylistingOutcome, outcomes, recognise
from logscan.flagging.negatives import Log, Negatives
from tables import replies

#: What a server says that may be anything.
VAGUE = {"code": 451, "cause": "unknown", "command": "RCPT", "text": "try again later"}
OUT = {"direction": "outbound", "queue_id": "4Bx7Kc0mTn", "recipient": "kim@example.net"}
IN = {"direction": "inbound", "sender": "ann@example.org", "recipient": "kim@example.com"}


def deferred(time: str, **other: Any) -> dict[str, Any]:
    return {
        "time": time,
        "status": "deferred",
        "peer_name": "mx1.example.net",
        "peer_ip": "192.0.2.7",
        **VAGUE,
        **OUT,
        **other,
    }


def sent(time: str, **other: Any) -> dict[str, Any]:
    place = {"peer_name": "mx1.example.net", "peer_ip": "192.0.2.7"}
    return {"time": time, "code": 250, "command": "EOD", "status": "sent", **place, **OUT, **other}


def rejected(time: str, client: str = "198.51.100.7", **other: Any) -> dict[str, Any]:
    return {"time": time, "status": "rejected", "peer_ip": client, **VAGUE, **IN, **other}


def delivered(time: str, **other: Any) -> dict[str, Any]:
    """The delivery of a message that came in: its next hop may be anything."""
    return {
        "time": time,
        "code": 250,
        "command": "EOD",
        "status": "sent",
        **IN,
        "direction": "outbound",
        "queue_id": "A1",
        **other,
    }


def brought(time: str, client: str) -> dict[str, Any]:
    """The acceptance of that message, as far as a log has it."""
    return {
        "time": time,
        "code": 250,
        "command": "EOD",
        "direction": "inbound",
        "queue_id": "A1",
        "peer_ip": client,
    }


def causes(*rows: dict[str, Any]) -> list[str | None]:
    return recognise(replies(*rows))["cause"].to_pylist()


@pytest.mark.parametrize(
    "rows",
    [
        [deferred("12:00"), sent("12:06")],
        [deferred("12:00", code=450, cause="policy"), sent("12:06")],
        [deferred("12:00"), sent("12:06", peer_name="mx2.example.net", peer_ip="203.0.113.9")],
        [rejected("12:00"), delivered("12:10")],
        [rejected("12:00"), brought("12:10", "198.51.100.99"), delivered("12:10:01")],
        [rejected("12:00", "2001:db8::1"), brought("12:10", "2001:db8::2"), delivered("12:10:01")],
    ],
    ids=["same server", "policy", "another server of the provider", "inbound", "same /24", "same /64"],
)
def test_refused_and_accepted_on_a_later_try(rows: list[dict[str, Any]]) -> None:
    assert causes(*rows)[0] == "greylisting"


@pytest.mark.parametrize(
    "rows",
    [
        [deferred("12:00")],
        [deferred("12:00"), sent("12:00:20")],
        [deferred("2026-11-20T12:00"), sent("12:06")],
        [deferred("12:00"), sent("12:06", peer_name="mx.example.org", peer_ip="203.0.113.9")],
        [deferred("12:00"), sent("12:06", recipient="lee@example.net")],
        [deferred("12:00", command="CONNECT"), sent("12:06")],
        [deferred("12:00", code=550, status="bounced"), sent("12:06")],
        [*(deferred(f"12:0{minute}") for minute in range(5)), sent("12:06")],
        [sent("11:00"), deferred("12:00")],
        [rejected("12:00"), brought("12:10", "203.0.113.99"), delivered("12:10:01")],
        [rejected("12:00", sender=""), delivered("12:10", sender="")],
        [rejected("12:00", basis="withheld"), delivered("12:10")],
    ],
    ids=[
        "never accepted",
        "too soon",
        "days later",
        "another provider",
        "another recipient",
        "in the greeting",
        "permanent",
        "refused many times",
        "accepted before",
        "another network",
        "bounces share a sender",
        "not on the wire",
    ],
)
def test_no_greylisting_without_sound_evidence(rows: list[dict[str, Any]]) -> None:
    assert "greylisting" not in causes(*rows)


@pytest.mark.parametrize("cause", ["rate_limit", "connection_limit", "server_load", "mailbox_full", "dns"])
def test_a_stated_cause_stands(cause: str) -> None:
    assert causes(deferred("12:00", cause=cause), sent("12:06"))[0] == cause


def test_all_refusals_of_the_message_get_the_cause() -> None:
    found = causes(deferred("12:00"), deferred("12:01"), sent("12:06"))
    assert found == ["greylisting", "greylisting", None]


def test_nothing_else_changes() -> None:
    before = replies(deferred("12:00"), sent("12:06"), deferred("13:00", queue_id="Z"))
    after = recognise(before)
    assert after.schema == before.schema
    assert after.drop_columns("cause") == before.drop_columns("cause")


@pytest.mark.parametrize("rows", [[], [sent("12:00")]])
def test_tables_without_refusals_stay_as_they_are(rows: list[dict[str, Any]]) -> None:
    table = replies(*rows)
    assert recognise(table) is table
    assert outcomes(Negatives.of(Log(table))) == {}


def test_outcomes_tell_who_came_back() -> None:
    grey: dict[str, Any] = {"cause": "greylisting"}
    table = replies(
        rejected("12:00", **grey),
        rejected("12:02", **grey),
        delivered("12:10"),
        rejected("12:00", recipient="lee@example.com", **grey),  # refused twice
        rejected("12:20", recipient="lee@example.com", **grey),
        rejected("12:00", recipient="max@example.com", **grey),  # never seen again
        deferred("12:00", **grey),
        sent("12:30"),
    )
    assert outcomes(Negatives.of(Log(table))) == {
        "inbound": GreylistingOutcome(messages=3, accepted=1, gone=1, median_minutes=10),
        "outbound": GreylistingOutcome(messages=1, accepted=1, gone=0, median_minutes=30),
    }


def test_cause_words_may_come_in_any_encoding() -> None:
    table = replies(deferred("12:00"), sent("12:06"))
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert recognise(chunked)["cause"].to_pylist() == ["greylisting", None]
