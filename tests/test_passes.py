"""What rows learn from other lines: envelopes, clients, versions, filters, echoes."""

from typing import Any

import pytest

from logscan.coverage import InputReport
from logscan.detection import log_parsers
from logscan.logs.machine import LogMachine, ScanOptions
from logscan.logs.timestamps import Clock

Row = dict[str, Any]


def rows(*messages: str, version: str | None = None, step: int = 1) -> list[Row]:
    """Rows of Postfix lines ``daemon[pid]: message``, one every ``step`` seconds, each alone in its block."""
    lines = []
    for number, message in enumerate(messages):
        second = number * step
        lines.append(
            f"Nov  5 {10 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} mx1 postfix/{message}\n".encode()
        )
    machine = LogMachine(log_parsers()["postfix"], ScanOptions(postfix_version=version))
    report = InputReport("log")
    return [
        row
        for table in machine.read(([line] for line in lines), "log", report, Clock(year=2026))
        for row in table.to_pylist()
    ]


@pytest.mark.parametrize("group", [1, 3, 100])
@pytest.mark.parametrize(("between", "known"), [(3, True), (4, False)])
def test_sessions_are_forgotten_after_so_many_lines_however_the_log_is_cut(
    monkeypatch: pytest.MonkeyPatch, group: int, between: int, known: bool
) -> None:
    monkeypatch.setattr("logscan.logs.passes.sessions.SESSION_LINES", 5)
    monkeypatch.setattr("logscan.logs.machine._GROUP_LINES", group)
    found = rows(
        "smtpd[1]: 8F2A11C04E7: client=pc.example.com[198.51.100.7]",
        "smtpd[7]: warning: non-SMTP command from unknown[203.0.113.77]: GET / HTTP/1.1",
        *["smtpd[2]: 8F2A11C04E9: client=mx.example.net[203.0.113.9]"] * between,
        "smtpd[1]: proxy-reject: END-OF-MESSAGE: 554 5.7.1 spam; from=<s@example.com> to=<b@example.org> proto=ESMTP",
        "smtpd[7]: disconnect from unknown[203.0.113.77] unknown=0/1 commands=0/1",
    )
    assert [row["peer_ip"] for row in found if row["code"] == 554] == ["198.51.100.7" if known else None]
    assert len([row for row in found if row["command"] == "UNKNOWN" and row["code"] == 500]) == (not known)


def test_a_delivery_learns_the_envelope_from_the_lines_before_it() -> None:
    (row,) = rows(
        "submission/smtpd[1]: 8F2A11C04E7: client=pc.example.com[198.51.100.7], sasl_method=PLAIN, sasl_username=ann",
        "cleanup[2]: 8F2A11C04E7: message-id=<m1@example.com>",
        "qmgr[3]: 8F2A11C04E7: from=<ann@example.com>, size=2817, nrcpt=1 (queue active)",
        "smtp[4]: 8F2A11C04E7: to=<bob@example.net>, relay=mx.example.net[203.0.113.25]:25, delay=1, delays=0/0/0/1, "
        "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 3B9C42A0D1)",
    )
    assert (row["sender"], row["size"], row["message_id"], row["sasl_username"]) == (
        "ann@example.com",
        2817,
        "m1@example.com",
        "ann",
    )
    assert row["peer_ip"] == "203.0.113.25", "the peer of a delivery is the remote server, not the client"


def test_a_queue_id_used_again_belongs_to_the_later_message() -> None:
    old, new = (
        row["sender"]
        for row in rows(
            "qmgr[3]: 8F2A11C04E7: from=<old@example.com>, size=1, nrcpt=1 (queue active)",
            "smtp[4]: 8F2A11C04E7: to=<a@example.net>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (x)",
            "qmgr[3]: 8F2A11C04E7: from=<>, size=2, nrcpt=1 (queue active)",
            "smtp[4]: 8F2A11C04E7: to=<b@example.net>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (x)",
        )
    )
    assert (old, new) == ("old@example.com", "")


def test_a_refusal_without_a_client_learns_it_from_its_process() -> None:
    (row,) = rows(
        "smtpd[7]: NOQUEUE: client=mail.example.net[192.0.2.5]",
        "smtpd[8]: NOQUEUE: client=other.example.net[192.0.2.6]",
        "smtpd[7]: proxy-reject: END-OF-MESSAGE: 554 5.7.1 spam; from=<s@example.com> to=<b@example.org> proto=ESMTP helo=<x>",
    )
    assert row["peer_ip"] == "192.0.2.5"


SUMMARY = "smtpd[7]: disconnect from unknown[203.0.113.77] ehlo=1 {} quit=1 commands=2/9"


def test_failures_that_have_lines_of_their_own_are_taken_off_the_counter() -> None:
    found = rows(
        "smtpd[7]: warning: non-SMTP command from unknown[203.0.113.77]: GET / HTTP/1.1",
        SUMMARY.format("unknown=0/3"),
    )
    assert [(row["code"], row["command"], row["count"]) for row in found] == [
        (221, "UNKNOWN", 1),
        (500, "UNKNOWN", 2),
    ]


def test_another_client_of_the_same_process_explains_nothing() -> None:
    found = rows(
        "smtpd[7]: warning: non-SMTP command from unknown[203.0.113.1]: GET / HTTP/1.1",
        SUMMARY.format("unknown=0/3"),
    )
    assert [row["count"] for row in found] == [1, 3]


def test_too_many_errors_is_an_answer_on_top_of_the_counted_ones() -> None:
    found = rows(
        "smtpd[7]: too many errors after UNKNOWN from unknown[203.0.113.77]", SUMMARY.format("unknown=0/3")
    )
    assert [(row["code"], row["count"]) for row in found] == [(421, 1), (500, 3)]


def test_a_failed_handshake_shows_that_starttls_was_offered() -> None:
    assert (
        rows("smtpd[7]: SSL_accept error from unknown[203.0.113.77]: -1", SUMMARY.format("starttls=0/2"))
        == []
    )
    (row,) = rows(SUMMARY.format("starttls=0/2"))
    assert (row["code"], row["command"], row["count"]) == (502, "STARTTLS", 2)


def test_commands_after_a_refused_connection_were_answered_503() -> None:
    assert rows("smtpd[7]: disconnect from unknown[203.0.113.77] ehlo=0/1 quit=1 commands=1/2") == []
    found = rows(
        "smtpd[7]: NOQUEUE: reject: CONNECT from unknown[203.0.113.77]: 554 5.7.1 <x>: Client host rejected: no; proto=SMTP",
        "smtpd[7]: disconnect from unknown[203.0.113.77] ehlo=0/1 mail=0/1 quit=1 commands=1/3",
    )
    assert [(row["code"], row["count"]) for row in found] == [(554, 1), (503, 2)]


@pytest.mark.parametrize(("version", "code"), [(None, 500), ("3.7.0", 500), ("3.6.9", 502), ("2.11", 502)])
def test_an_unknown_verb_is_answered_500_or_502_by_version(version: str | None, code: int) -> None:
    (row,) = rows(SUMMARY.format("unknown=0/1"), version=version)
    assert row["code"] == code


def test_the_version_in_the_log_decides_from_its_line_on() -> None:
    found = rows(
        SUMMARY.format("unknown=0/1"),
        "master[1]: daemon started -- version 3.5.8, configuration /etc/postfix",
        SUMMARY.format("unknown=0/1"),
        "master[1]: reload -- version 3.8.1, configuration /etc/postfix",
        SUMMARY.format("unknown=0/1"),
    )
    assert [row["code"] for row in found] == [500, 502, 500]


def test_talking_out_of_turn_was_only_noted_before_3_9() -> None:
    line = r"smtpd[7]: improper command pipelining after EHLO from unknown[203.0.113.77]: QUIT\r\n"
    assert rows(line, version="3.8.0") == []
    assert rows(line, version="3.9.0")[0]["code"] == 554


def test_a_message_through_a_content_filter_is_sent_once() -> None:
    found = rows(
        "smtpd[7]: 8F2A11C04E8: client=localhost[127.0.0.1], orig_queue_id=8F2A11C04E7, orig_client=mail.example.net[192.0.2.9]",
        "smtp[4]: 8F2A11C04E7: to=<b@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, "
        "status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 8F2A11C04E8)",
        "smtp[4]: 8F2A11C04E8: to=<b@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
        "status=sent (250 2.0.0 Ok: queued as 3B9C42A0D1)",
    )
    assert [row["status"] for row in found] == ["filtered", "sent"]
    assert [row["code"] for row in found] == [250, 250]


def test_an_id_that_a_remote_server_happens_to_use_is_no_filter() -> None:
    found = rows(
        "smtpd[7]: 8F2A11C04E8: client=mail.example.net[192.0.2.9]",
        "smtp[4]: 8F2A11C04E7: to=<b@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
        "status=sent (250 2.0.0 Ok: queued as 8F2A11C04E8)",
    )
    assert [row["status"] for row in found] == ["sent"]


def refused(recipient: str, pid: int = 4, daemon: str = "smtp", command: str = "MAIL FROM") -> str:
    return (
        f"{daemon}[{pid}]: 8F2A11C04E7: to=<{recipient}>, relay=mx.example.net[203.0.113.25]:25, delay=1, delays=0/0/0/1, "
        "dsn=4.7.0, status=deferred (host mx.example.net[203.0.113.25] said: 421 4.7.0 Try later "
        f"(in reply to {command} command))"
    )


def test_one_reply_logged_for_each_recipient_counts_once() -> None:
    found = rows(refused("a@example.net"), refused("b@example.net"), refused("c@example.net"))
    assert [row["basis"] for row in found] == ["logged", "repeated", "repeated"]


def test_the_same_recipient_again_is_a_new_attempt() -> None:
    found = rows(
        *[refused(name) for name in ("a@example.net", "b@example.net", "a@example.net", "b@example.net")]
    )
    assert [row["basis"] for row in found] == ["logged", "repeated", "logged", "repeated"]


def test_another_process_made_another_attempt() -> None:
    found = rows(refused("a@example.net", pid=4), refused("b@example.net", pid=5))
    assert [row["basis"] for row in found] == ["logged", "logged"]


def test_each_recipient_has_its_own_answer_to_rcpt() -> None:
    found = rows(refused("a@example.net", command="RCPT TO"), refused("b@example.net", command="RCPT TO"))
    assert [row["basis"] for row in found] == ["logged", "logged"]


def test_a_retry_minutes_later_is_a_new_reply() -> None:
    found = rows(refused("a@example.net"), refused("b@example.net"), step=300)
    assert [row["basis"] for row in found] == ["logged", "logged"]


def test_a_suspended_delivery_repeats_an_old_reply() -> None:
    (row,) = rows(
        "error[9]: 8F2A11C04E7: to=<b@example.net>, relay=none, delay=60, delays=60/0/0/0, dsn=4.7.0, status=deferred "
        "(delivery temporarily suspended: host mx.example.net[203.0.113.25] refused to talk to me: 421 4.7.0 Try later)"
    )
    assert (row["basis"], row["code"], row["status"]) == ("repeated", 421, "deferred")


@pytest.mark.parametrize("how", ["smtpd[7]: message repeated 3 times: [ {}]", "LAST"])
def test_lines_that_stand_for_several_are_multiplied(how: str) -> None:
    line = "warning: Connection concurrency limit exceeded: 51 from unknown[198.51.100.7] for service smtp"
    if how == "LAST":
        lines = [
            f"Nov  5 10:00:00 mx1 postfix/smtpd[7]: {line}\n".encode(),
            b"Nov  5 10:00:01 mx1 last message repeated 3 times\n",
        ]
        machine = LogMachine(log_parsers()["postfix"], ScanOptions())
        tables = machine.read(([line] for line in lines), "log", InputReport("log"), Clock(year=2026))
        found = [row for table in tables for row in table.to_pylist()]
    else:
        found = rows(f"smtpd[7]: {line}", how.format(line))
    assert [(row["code"], row["count"]) for row in found] == [(421, 1), (421, 3)]


def test_what_is_not_wanted_changes_nothing_in_what_is() -> None:
    wanted = ("time", "code", "count", "sender")
    lines = [
        b"Nov  5 10:00:00 mx1 postfix/qmgr[3]: 8F2A11C04E7: from=<ann@example.com>, size=2817, nrcpt=1 (queue active)\n",
        b"Nov  5 10:00:01 mx1 postfix/smtp[4]: 8F2A11C04E7: to=<bob@example.net>, relay=none, delay=1, delays=0/0/0/1, "
        b"dsn=4.4.1, status=deferred (x)\n",
        b"Nov  5 10:00:02 mx1 postfix/smtpd[7]: warning: non-SMTP command from unknown[203.0.113.77]: GET / HTTP/1.1\n",
        b"Nov  5 10:00:03 mx1 postfix/smtpd[7]: "
        + SUMMARY.format("unknown=0/3").split(": ", 1)[1].encode()
        + b"\n",
    ]
    every, some = (
        [
            {name: row[name] for name in wanted}
            for table in LogMachine(log_parsers()["postfix"], ScanOptions(columns=columns)).read(
                ([line] for line in lines), "log", InputReport("log"), Clock(year=2026)
            )
            for row in table.to_pylist()
        ]
        for columns in (None, wanted)
    )
    assert some == every
    assert [row["count"] for row in some] == [1, 1, 2]
    assert some[0]["sender"] == "ann@example.com"
