"""A small invented day with a 421 spike, scanners and refusals, as a report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from logscan.coverage import InputReport
from logscan.flagging.findings import CommandRejections, Flag, Outcome, Peak, Peer, Spike
from logscan.flagging.greylisting import GreylistingOutcome
from logscan.reporting import Report, Window
from logscan.summary import summarise
from tables import moment, replies

#: Texts as an attacker would like them: terminal, HTML, Markdown and direction-changing markup.
HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script> [x](http://evil.example) | `ls` \u202egnp.\x9b2J"


def a_day() -> pa.Table:
    """Deferrals by a provider, deliveries, refusals, scanners, an attempt without reply, a withheld refusal."""
    rows: list[dict[str, Any]] = []
    rows += (
        {
            "time": f"14:{5 + i % 19:02d}",
            "direction": "outbound",
            "command": "MAIL",
            "code": 421,
            "enhanced": "4.7.0",
            "status": "deferred",
            "cause": "rate_limit",
            "text": f"[TS01] Messages from 192.0.2.{i} temporarily deferred due to user complaints",
            "peer_name": "mx5.provider.example",
            "peer_ip": "198.51.100.7",
            "sender": "news@example.com",
            "recipient": f"user{i}@provider.example",
        }
        for i in range(20)
    )
    rows += (
        {
            "time": f"{i % 24:02d}:10",
            "direction": "outbound",
            "command": "EOD",
            "code": 250,
            "enhanced": "2.0.0",
            "status": "sent",
            "text": "Ok: queued",
            "peer_name": "mx.example.net",
            "sender": "kim@example.com" if i % 3 else "",
            "recipient": f"friend{i % 7}@example.net",
        }
        for i in range(47)
    )
    rows += (
        {
            "time": f"{i % 24:02d}:20",
            "direction": "inbound",
            "command": "EOD",
            "code": 250,
            "basis": "inferred",
        }
        for i in range(74)
    )
    rows += (
        {
            "time": f"{i % 12:02d}:40",
            "direction": "inbound",
            "command": "RCPT",
            "code": 554,
            "enhanced": "5.7.1",
            "status": "rejected",
            "cause": "relay_denied",
            "text": f"<x{i}@example.org>: Relay access denied",
            "peer_name": "unknown",
            "peer_ip": f"203.0.113.{i % 3}",
            "sender": "spam@example.net",
            "recipient": "x@example.org",
        }
        for i in range(32)
    )
    rows += [
        {
            "time": "08:30",
            "direction": "inbound",
            "command": "VRFY",
            "code": 502,
            "enhanced": "5.5.1",
            "basis": "inferred",
            "cause": "command",
            "peer_ip": "203.0.113.77",
            "count": 12,
        },
        {
            "time": "15:00",
            "direction": "outbound",
            "status": "deferred",
            "cause": "network",
            "text": "connect to mx.example.org[192.0.2.99]:25: Connection refused",
            "recipient": "lee@example.org",
        },
        {"direction": "inbound", "command": "RCPT", "code": 450, "basis": "withheld", "cause": "policy"},
    ]
    return replies(*rows, host="mx1")


def flags() -> tuple[Flag, ...]:
    """What stands out in that day."""
    return (
        Spike(
            code=421,
            direction="outbound",
            cause="rate_limit",
            start=moment("14:05"),
            end=moment("14:24"),
            count=20,
            expected=0.43,
            peak=Peak(moment("14:06"), 120, 3),
            share_inside=0.9,
            share_outside=0.004,
            codes={421: 20},
            causes={"rate_limit": 18, "unknown": 2},
            reason=None,
            peers=(Peer("mx5.provider.example", "198.51.100.7", 18), Peer(None, "2001:db8::7", 2)),
            distinct_peers=2,
            single_peer=True,
            outcome=Outcome(messages=20, delivered_later=17, bounced=0, median_delay_s=840),
            ongoing=False,
        ),
        CommandRejections(
            code=502,
            command="VRFY",
            direction="inbound",
            count=12,
            basis="inferred",
            start=moment("08:30"),
            end=moment("08:31"),
            culprit="scanner",
            peers=(Peer(None, "203.0.113.77", 12),),
            distinct_peers=1,
            causes={"command": 12},
        ),
    )


def a_report(table: pa.Table | None = None, *, tz: str = "UTC", top: int = 5, **changes: Any) -> Report:
    """The report on that day, or on ``table``, with some fields changed."""
    source = InputReport(
        "mail.log",
        parser="postfix",
        reason="lines of Postfix daemons",
        lines=1080,
        understood=1076,
        unparsed=4,
        examples=["Nov 22 10:00:00 mx1 postfix/smtpd[1]: something new"],
        warnings=["mail.log: one line was cut"],
    )
    replied = a_day() if table is None else table
    day = Report(
        window=Window(moment("00:00"), moment("2026-11-23T00:00")),
        inputs=(source,),
        summary=summarise(replied, top=top),
        flags=flags(),
        greylisting={"inbound": GreylistingOutcome(messages=6, accepted=5, gone=1, median_minutes=11.6)},
        tz=tz,
        top=top,
        replies=replied,
    )
    return replace(day, **changes)


def a_hostile_report() -> Report:
    """A report in which everything that may come from a log is hostile."""
    words = ("host", "service", "session", "queue_id", "text", "peer_name", "peer_ip", "sender", "recipient")
    row = {**dict.fromkeys(words, HOSTILE), "code": 550, "status": "bounced", "direction": "outbound"}
    first, second = flags()
    peers = (Peer(HOSTILE, HOSTILE, 3), Peer(HOSTILE, None, 2))
    source = InputReport(
        HOSTILE,
        parser=None,
        reason=HOSTILE,
        lines=1,
        unparsed=1,
        examples=[HOSTILE],
        warnings=[HOSTILE],
        error=HOSTILE,
    )
    return a_report(
        replies(row, {**row, "cause": "policy", "command": "RCPT", "enhanced": "5.7.1"}),
        flags=(replace(first, peers=peers, reason=HOSTILE), replace(second, peers=peers, command=HOSTILE)),
        inputs=(source,),
    )


def check_golden(name: str, text: str) -> None:
    """``text`` is what tests/golden/``name`` holds; with RENEW_GOLDEN=1 it is written there instead."""
    path = Path(__file__).parent / "golden" / name
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
