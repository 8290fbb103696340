"""Rejected commands are gathered by direction, command and code, with who caused them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from logscan.flagging.flags import CommandRejections, find_flags
from logscan.rendering.flags import in_words
from tables import replies

BASE = {"direction": "inbound", "cause": "command", "code": 502, "command": "VRFY", "peer_ip": "203.0.113.9"}
CLIENT = "198.51.100.7"


def rejections(*rows: dict[str, Any]) -> list[CommandRejections]:
    filled = [{**BASE, **row} for row in rows]
    return [flag for flag in find_flags(replies(*filled)) if isinstance(flag, CommandRejections)]


def title(flag: CommandRejections) -> str:
    return in_words(flag, ZoneInfo("UTC"), None).title


def test_counts_peers_and_times() -> None:
    (flag,) = rejections(
        {"time": "10:00:05", "count": 3, "basis": "inferred"},
        {"time": "12:30:10", "peer_ip": CLIENT, "peer_name": "pc.example.com"},
    )
    assert (flag.code, flag.command, flag.direction, flag.count) == (502, "VRFY", "inbound", 4)
    assert flag.basis == "inferred"
    assert [(peer.ip, peer.count) for peer in flag.peers] == [("203.0.113.9", 3), (CLIENT, 1)]
    assert title(flag) == "502 VRFY rejected we→them Sun 2026-11-22 10:00-12:30, 4* replies, scanner"


def test_one_flag_for_each_direction_command_and_code_most_frequent_first() -> None:
    flags = rejections(
        {},
        {"command": "EXPN"},
        {"command": "EXPN"},
        {"code": 500, "command": "UNKNOWN", "count": 5},
        {"direction": "outbound", "code": 502},
    )
    assert [(flag.code, flag.command, flag.direction) for flag in flags] == [
        (500, "UNKNOWN", "inbound"),
        (502, "EXPN", "inbound"),
        (502, "VRFY", "inbound"),
        (502, "VRFY", "outbound"),
    ]


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 521, 555])
def test_codes_of_rejected_commands(code: int) -> None:
    assert [flag.code for flag in rejections({"code": code})] == [code]


@pytest.mark.parametrize(
    "row",
    [
        {"code": 550},
        {"code": 502, "cause": "policy"},
        {"code": 502, "basis": "repeated"},
        {"code": 502, "basis": "withheld"},
        {"code": 504, "text": "<pc1>: Helo command rejected: need fully-qualified hostname"},
        {"code": 504, "text": "<ann>: Sender address rejected: need fully-qualified address"},
        {"code": 501, "text": "<kim@>: Recipient address rejected: bad syntax"},
    ],
)
def test_what_is_no_rejected_command(row: dict[str, Any]) -> None:
    assert rejections(row) == []


@pytest.mark.parametrize(
    ("rows", "culprit"),
    [
        ([{"command": "VRFY"}, {"command": "VRFY"}], "scanner"),
        ([{"command": "VRFY"}, {"command": "UNKNOWN", "code": 500}], "scanner"),
        ([{"command": "STARTTLS"}], "misconfigured client"),
        ([{"command": "AUTH", "code": 503}], "misconfigured client"),
        ([{"command": "BDAT", "code": 521}], "misconfigured client"),
        ([{"command": "DATA", "code": 503}], "misconfigured client"),
        ([{"command": "STARTTLS"}, {"command": "EXPN"}], "scanner"),
        ([{"command": "VRFY", "direction": "outbound"}], "remote server"),
    ],
)
def test_who_caused_them(rows: list[dict[str, Any]], culprit: str) -> None:
    assert {flag.culprit for flag in rejections(*rows)} == {culprit}


def test_a_client_whose_mail_is_accepted_is_no_scanner() -> None:
    accepted = {"code": 250, "command": "EOD", "cause": None}
    (flag,) = rejections({"command": "VRFY"}, accepted)
    assert flag.culprit == "misconfigured client"


def test_the_majority_decides_who_caused_them() -> None:
    (flag,) = rejections(
        {"command": "VRFY", "count": 5},
        {"peer_ip": CLIENT},
        {"peer_ip": CLIENT, "code": 250, "command": "EOD", "cause": None},
    )
    assert flag.culprit == "scanner"


def test_commands_that_the_log_does_not_name_are_gathered_too() -> None:
    (flag,) = rejections({"command": None, "code": 503, "peer_ip": None})
    assert flag.command is None
    assert flag.culprit == "misconfigured client"
    assert title(flag).startswith("503 commands rejected")
