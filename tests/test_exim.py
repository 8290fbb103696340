"""Exim logs: what each kind of line proves, whichever version wrote it, and what must not be taken for a reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.coverage import InputReport
from logscan.detection import log_parsers
from logscan.logs.durations import seconds
from logscan.logs.engine import Engine
from logscan.logs.machine import LogMachine, ScanOptions
from logscan.logs.pieces import rejoin
from logscan.logs.timestamps import Clock

Row = dict[str, Any]
DAY = "2026-11-23"
ID = "1vNabe-00000003xyz-2Kcd"
BOB = "bob@example.net R=dnslookup T=remote_smtp"
MX = "mx1.example.net [198.51.100.7]"
PC = "H=(pc.example.com) [192.0.2.10]"


def read(files: dict[str, list[str]], **options: Any) -> list[Row]:
    """The rows of some log files, read one after the other; every line is alone in its block."""
    machine = LogMachine(log_parsers()["exim"], ScanOptions(**options))
    rows: list[Row] = []
    for name, lines in files.items():
        blocks = ([f"{line}\n".encode()] for line in lines)
        for table in machine.read(blocks, name, InputReport(name), Clock(year=2026)):
            rows += table.to_pylist()
    return rows


def rows(*lines: str) -> list[Row]:
    return read({"mainlog": list(lines)})


def row(message: str) -> Row:
    """The one row of a message without id."""
    (only,) = rows(f"{DAY} 10:00:00 {message}")
    return only


def wire(*lines: str) -> list[tuple[str, int]]:
    """Command and code of the replies that were on the wire."""
    return [
        (r["command"], r["code"]) for r in rows(*lines) if r["code"] and r["basis"] in ("logged", "inferred")
    ]


# ------------------------------------------------------------------ the same line in every version and every wrapping


@pytest.mark.parametrize(
    "line",
    [
        f"== {BOB} defer (-44): SMTP error from remote mail server after RCPT TO:<bob@example.net>: host {MX}: 450 4.2.0 later",
        f"== {BOB} defer (-44) H={MX}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 later",
        f"== {BOB} defer (-44) H={MX} DT=2s: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 later",
        f"** {BOB}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: host {MX}: 450 4.2.0 later",
        f"** {BOB} H={MX}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 later",
        f"** {BOB} H={MX} : SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 later DT=2s",
        f"SMTP error from remote mail server after RCPT TO:<bob@example.net>: host {MX}: 450 4.2.0 later",
        f"H={MX}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 later",
        f"H={MX} SMTP error from remote mail server after pipelined RCPT TO:<bob@example.net>: 450 4.2.0 later",
    ],
)
def test_a_remote_reply_reads_the_same_in_all_versions(line: str) -> None:
    (found,) = rows(f"{DAY} 10:00:00 {ID} {line}")
    assert (found["direction"], found["command"], found["basis"]) == ("outbound", "RCPT", "logged")
    assert (found["code"], found["enhanced"], found["text"]) == (450, "4.2.0", "later")
    assert (found["peer_name"], found["peer_ip"], found["recipient"]) == (
        "mx1.example.net",
        "198.51.100.7",
        "bob@example.net",
    )
    assert found["queue_id"] == ID


@pytest.mark.parametrize(
    ("header", "queue_id"),
    [
        ("2026-11-23 10:00:00 1vNabe-0003yz-2K", "1vNabe-0003yz-2K"),
        (f"2026-11-23 10:00:00 {ID}", ID),
        (f"2026-11-23 10:00:00.000 {ID}", ID),
        (f"2026-11-23 11:00:00 +0100 {ID}", ID),
        (f"2026-11-23 09:00:00.000 -0100 [4711] {ID}", ID),
        (f"Nov 23 10:00:00 mx exim[4711]: 2026-11-23 10:00:00 {ID}", ID),
        (f"Nov 23 10:00:00 mx exim4: 2026-11-23 10:00:00 [4711] {ID}", ID),
        (f"Nov 23 10:00:00 mx exim[4711]: {ID}", ID),
        (f"Nov 23 10:00:00 mx exim[4711]: [4711] {ID}", ID),
        (f"2026-11-23T11:00:00.000000+01:00 mx exim[4711]: 2026-11-23 10:59:00 {ID}", ID),
        (f"2026-11-23 10:00:00 mx exim[4711]: [4711] {ID}", ID),
        (f"mx exim[4711]: 2026-11-23 10:00:00 {ID}", ID),
    ],
)
def test_stamp_process_and_id_are_found_in_every_wrapping(header: str, queue_id: str) -> None:
    (found,) = rows(f"{header} H={MX} Connection refused")
    assert found["time"].isoformat() == "2026-11-23T10:00:00+00:00"
    assert (found["queue_id"], found["peer_ip"]) == (queue_id, "198.51.100.7")
    assert (found["host"], found["service"]) in ((None, "main"), ("mx", "exim"), ("mx", "exim4"))


def test_an_entry_that_syslog_got_in_pieces_is_one_line() -> None:
    head = "Nov 23 10:00:00 mx exim[7]: "
    block = "".join(
        [
            f"{head}[1/3] {DAY} 10:00:00 {ID} ** {BOB} H={MX}: SMTP error from remote mail server after RCPT TO:<bob@exa\n",
            f"Nov 23 10:00:00 mx exim[8]: {DAY} 10:00:00 Start queue run: pid=8\n",
            f"{head}[2/3] mple.net>: 550-5.1.1 no\\n550 5.1\n",
            f"{head}[3/3] .1 such user\n",
        ]
    )
    found = Engine(log_parsers()["exim"]).parse(block.encode())
    (only,) = found.rows.to_pylist()
    assert (only["code"], only["enhanced"], only["text"]) == (550, "5.1.1", "no such user")
    assert (found.lines, found.understood) == (4, 4)


def test_the_headers_behind_a_refused_message_are_no_part_of_the_reply() -> None:
    head = "Nov 23 10:00:00 mx exim[7]: "
    block = (
        f"{head}[1\\3] {DAY} 10:00:00 {ID} {PC} F=<a@example.com> rejected after DATA: spam\n"
        f"{head}[2\\3] Envelope-from: <a@example.com>\n{head}[3/3] F From: 421 <a@example.com>\n"
    )
    (only,) = Engine(log_parsers()["exim"]).parse(block.encode()).rows.to_pylist()
    assert (only["code"], only["text"]) == (550, "spam")


@given(
    st.lists(
        st.sampled_from([b"x a[1]: [1/2] y", b"x a[1]: [2\\2] z", b"x a[2]: [9/9] ", b": [1/", b"", b"\xff"])
    )
)
def test_pieces_never_change_the_number_of_lines(lines: list[bytes]) -> None:
    data = b"\n".join([*lines, b""])
    assert bytes(rejoin(data)).count(b"\n") == data.count(b"\n")
    assert bytes(rejoin(memoryview(data))) == rejoin(data)


# ------------------------------------------------------------------ codes that are not logged


@pytest.mark.parametrize(
    ("message", "command", "code"),
    [
        ("Connection from [192.0.2.1]:50 refused: too many connections", "CONNECT", 421),
        ("Connection from [192.0.2.1] I=[192.0.2.9]:25 refused: too many connections from that IP address", "CONNECT", 421),
        ("Connection from [192.0.2.1] refused: load average = 4.50", "CONNECT", 421),
        ("temporarily refused connection from (pc) [192.0.2.1]: not in reserve list and load average = 5.51", "CONNECT", 421),
        (f"rejected MAIL command {PC}: too many messages in one connection", "MAIL", 421),
        ("SMTP command timeout on connection from (pc) [192.0.2.1]", None, 421),
        ("SMTP command timeout on TLS connection from (pc) [192.0.2.1] D=5m", None, 421),
        ("SMTP connection from (pc) [192.0.2.1] closed after SIGTERM", None, 421),
        ("SMTP connection from (pc) [192.0.2.1] D=3s closed SIGTERM", None, 421),
        (f"{PC} temporarily rejected connection in \"connect\" ACL: slow down", "CONNECT", 451),
        (f"{PC} rejected connection in \"connect\" ACL", "CONNECT", 550),
        (f"{PC} F=<a@example.com> temporarily rejected RCPT <b@example.org>: greylisted.", "RCPT", 451),
        (f"{PC} F=<a@example.com> temporarily rejected RCPT <b@example.org>", "RCPT", 451),
        (f"{PC} X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no F=<a@example.com> rejected RCPT <b@example.org>: no", "RCPT", 550),
        (f"{PC} F=<a@example.com> rejected during MIME ACL checks: no", "EOD", 550),
        (f"{PC} rejected AUTH PLAIN", "AUTH", 503),
        (f"{PC} temporarily rejected AUTH PLAIN", "AUTH", 451),
        (f"{PC} rejected VRFY root", "VRFY", 252),
        (f"{PC} rejected EXPN staff", "EXPN", 550),
        (f"{PC} rejected ETRN example.org", "ETRN", 458),
        (f"{PC} rejected ATRN example.org", "ATRN", 450),
        (f"{PC} rejected EHLO or HELO [IPv6:2001:db8::1]: forged", "EHLO", 550),
        (f'SMTP syntax error in "HELO" {PC} unexpected argument data', "HELO", 501),
        (f'SMTP syntax error in "XYZZY 1" {PC} unrecognized command', "UNKNOWN", 500),
        (f'SMTP protocol error in "starttls" {PC} STARTTLS command used when not advertised', "STARTTLS", 503),
        (f'SMTP protocol error in "AUTH FOO" {PC} FOO authentication mechanism not supported', "AUTH", 504),
        (f'SMTP protocol error in "MAIL" {PC} MAIL must have an address operand', "MAIL", 501),
        (f'SMTP protocol error in "ATRN" {PC} ATRN command used when not advertised', "ATRN", 502),
        ('SMTP call from (pc) [192.0.2.1] dropped: too many nonmail commands (last was "NOOP")', "NOOP", 554),
        ("rejected MAIL from [192.0.2.1]: no HELO/EHLO given", "MAIL", 503),
        ("rejected HELO from [192.0.2.1]: syntactically invalid argument(s): (none)", "HELO", 501),
        ("spool directory space check failed: space=1 inodes=2", "MAIL", 452),
        (f"too many recipients: message rejected: sender=<a@example.com> {PC}", "RCPT", 552),
        (f"{PC} F=<a@example.com> RCPT <trap@example.org>: discarded by MAIL ACL", "RCPT", 250),
    ],
)  # fmt: skip
def test_what_exim_answers_without_logging_it(message: str, command: str | None, code: int) -> None:
    found = row(message)
    assert (found["direction"], found["command"], found["code"]) == ("inbound", command, code)
    assert found["basis"] == "inferred"


@pytest.mark.parametrize(
    ("message", "code", "basis"),
    [
        (f"{PC} F=<> temporarily rejected RCPT <b@example.org>: 421 4.3.2 closing", 421, "logged"),
        (f"{PC} F=<> rejected RCPT <b@example.org>: 521 5.7.1 never", 521, "logged"),
        (f"{PC} rejected VRFY root: 502 5.5.1 disabled", 502, "logged"),
        # A deny cannot answer 4xx: this is a log_message, and the client got 550.
        (f"{PC} F=<> rejected RCPT <b@example.org>: 421 looks like a code", 550, "inferred"),
        (f"{PC} F=<> temporarily rejected RCPT <b@example.org>: 550 looks like a code", 451, "inferred"),
        (f"{PC} F=<> rejected RCPT <b@example.org>: 5 errors", 550, "inferred"),
    ],
)
def test_a_code_in_an_acl_message_counts_if_exim_would_send_it(message: str, code: int, basis: str) -> None:
    found = row(message)
    assert (found["code"], found["basis"]) == (code, basis)


def test_refused_and_rejected_are_different_replies() -> None:
    refused = row(
        "temporarily refused connection from [192.0.2.1]: not in reserve list: connected=9 max=9 reserve=1"
    )
    rejected = row('H=[192.0.2.1] temporarily rejected connection in "connect" ACL')
    assert (refused["code"], rejected["code"]) == (421, 451)


def test_a_connection_that_the_other_side_refused_has_no_reply() -> None:
    theirs = row(f"H={MX} Connection refused")
    ours = row("Connection from [192.0.2.1] refused: too many connections")
    assert (theirs["direction"], theirs["code"]) == ("outbound", None)
    assert (ours["direction"], ours["code"]) == ("inbound", 421)


@pytest.mark.parametrize(
    "message",
    [
        "SMTP connection from (pc) [192.0.2.1] lost while reading message data",
        "unexpected disconnection while reading SMTP command from (pc) [192.0.2.1] D=1s",
        "H=[192.0.2.1] dropped by 'connect' ACL: not from there",
        'SMTP call from [192.0.2.1] dropped: too many syntax or protocol errors (last command was "421", C=EHLO)',
        f"{PC} sender verify fail for <a@example.com>: Unrouteable address",
        f"{PC} Warning: 421 of 550",
        'configured error code starts with incorrect digit (expected 5) in "421 4.7.0 no"',
        f"{ID} == {BOB} defer (-53): retry time not reached for any host",
        f"{ID} rejected from <> U=root: message too big: read=501 max=500",
        f"{ID} SMTP connection outbound 1764000421 {ID} example.net bob@example.net",
    ],
)
def test_lines_that_prove_no_reply_make_no_row(message: str) -> None:
    assert rows(f"{DAY} 10:00:00 {message}") == []


# ------------------------------------------------------------------ what strangers write into the log


def test_numbers_that_are_no_codes_stay_out() -> None:
    lines = (
        f'{ID} <= a@example.com H=mx [192.0.2.1]:421 P=esmtps X=TLS1.3:X:550 CV=no S=550 id=421.550@example.com T="550 5.1.1 no"',
        f'{ID} => bob@example.net R=r T=t H={MX}:421 X=TLS1.3:X:550 CV=yes DN="CN=550 5.1.1 C=" C="250 OK id=421" QT=550s',
        f"{ID} == {BOB} defer (421): Connection refused",
    )
    sent, waiting = rows(*(f"{DAY} 10:00:00 {line}" for line in lines))
    assert (sent["code"], sent["text"], sent["size"], sent["delay"], sent["peer_port"]) == (
        250,
        "OK id=421",
        550,
        550.0,
        421,
    )
    assert waiting["code"] is None


@pytest.mark.parametrize(
    ("message", "peer_ip", "code"),
    [
        ("H=([203.0.113.9]) [192.0.2.10] F=<> rejected RCPT <b@example.org>: no", "192.0.2.10", 550),
        ("H=mx.example.com ([203.0.113.9]) [192.0.2.10]:25 F=<> rejected RCPT <b@example.org>: no", "192.0.2.10", 550),
        (f'{PC} F=<"x: rejected RCPT"@example.net> rejected RCPT <b@example.org>: no', "192.0.2.10", 550),
        (f'{PC} F=<"> temporarily rejected RCPT <x@y>: 421 z"@example.net> rejected RCPT <b@example.org>: no', "192.0.2.10", 550),
        (f'{PC} F=<> rejected RCPT <"(x) [198.51.100.1] F=<> rejected RCPT <y>"@example.org>: no', "192.0.2.10", 550),
        ('SMTP syntax error in "X" H=(a) [198.51.100.1] unrecognized command" H=(b) [192.0.2.10] unrecognized command', "192.0.2.10", 500),
        ('SMTP protocol error in "auth x" H=(a) [198.51.100.1]" H=(b) [192.0.2.10] AUTH command used when not advertised', "192.0.2.10", 503),
        # Where quotes make it uncertain who the client is, nobody is accused.
        ('SMTP protocol synchronization error (x): rejected "A" H=(a) [198.51.100.1] next input="B" H=(b) [192.0.2.10] next input="C"', None, 554),
    ],
)  # fmt: skip
def test_hostile_texts_do_not_pose_as_something_else(message: str, peer_ip: str | None, code: int) -> None:
    found = row(message)
    assert (found["peer_ip"], found["code"]) == (peer_ip, code)


def test_quotes_and_lines_in_a_confirmation_are_undone() -> None:
    (found,) = rows(f'{DAY} 10:00:00 {ID} => {BOB} H={MX} C="250-2.0.0 \\"a\\\\b\\"\\\\n250 2.0.0 done"')
    assert (found["code"], found["enhanced"], found["text"]) == (250, "2.0.0", '"a\\b" done')


def test_a_line_that_is_the_work_of_two_replies_makes_two_rows() -> None:
    found = rows(
        f"{DAY} 10:00:00 {PC} F=<a@example.com> rejected RCPT <b@example.net>: {MX} : "
        "SMTP error from remote mail server after RCPT TO:<b@example.net>: 550 5.1.1 unknown"
    )
    assert sorted((r["direction"], r["code"], r["enhanced"], r["basis"]) for r in found) == [
        ("inbound", 550, None, "inferred"),
        ("outbound", 550, "5.1.1", "logged"),
    ]


# ------------------------------------------------------------------ one reply on several lines


def busy(second: int, recipient: str, host: str = MX) -> str:
    return (
        f"{DAY} 10:{second // 60:02}:{second % 60:02} {ID} == {recipient} R=r T=t defer (-45) H={host}: "
        "SMTP error from remote mail server after MAIL FROM:<a@example.com>: 421 busy"
    )


def test_a_reply_to_the_message_counts_once_however_many_recipients_it_has() -> None:
    attempt = f"{DAY} 10:00:00 {ID} H={MX}: SMTP error from remote mail server after MAIL FROM:<a@example.com>: 421 busy"
    assert wire(attempt, busy(0, "b@example.net"), busy(1, "c@example.net")) == [("MAIL", 421)]


def test_a_retry_gets_a_new_reply_and_so_does_another_host() -> None:
    assert wire(busy(0, "b@example.net"), busy(600, "b@example.net")) == [("MAIL", 421)] * 2
    assert (
        wire(busy(0, "b@example.net"), busy(0, "c@example.net", "mx2.example.net [198.51.100.8]"))
        == [("MAIL", 421)] * 2
    )


def test_each_recipient_has_its_own_reply_to_rcpt() -> None:
    lines = [
        f"{DAY} 10:00:00 {ID} ** {who} R=r T=t H={MX}: SMTP error from remote mail server after RCPT TO:<{who}>: 550 no"
        for who in ("b@example.net", "c@example.net")
    ]
    assert wire(*lines) == [("RCPT", 550)] * 2


def test_the_line_of_a_host_and_that_of_the_recipient_tell_of_one_reply_to_rcpt() -> None:
    error = "SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 later"
    assert wire(
        f"{DAY} 10:00:00 {ID} H={MX}: {error}", f"{DAY} 10:00:00 {ID} == {BOB} defer (-44) H={MX}: {error}"
    ) == [("RCPT", 450)]


def test_the_last_of_too_many_commands_has_one_reply_on_two_lines() -> None:
    error = f'{DAY} 10:00:00 SMTP syntax error in "FOO" {PC} unrecognized command'
    dropped = (
        f"{DAY} 10:00:00 SMTP call from (pc.example.com) [192.0.2.10] dropped: "
        'too many unrecognized commands (last was "FOO")'
    )
    assert wire(error, error, dropped) == [("UNKNOWN", 500)] * 2
    assert wire(dropped) == [("UNKNOWN", 500)]


def test_an_expired_recipient_repeats_its_last_refusal() -> None:
    refused = f"{DAY} 10:00:00 {ID} == {BOB} defer (-44) H={MX}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.2 full"
    given_up = f"{DAY} 18:00:00 {ID} ** bob@example.net: retry timeout exceeded"
    first, last = rows(refused, given_up)
    assert (last["status"], last["basis"]) == ("expired", "repeated")
    assert [last[c] for c in ("code", "enhanced", "text", "command", "peer_ip")] == [
        first[c] for c in ("code", "enhanced", "text", "command", "peer_ip")
    ]
    (alone,) = rows(given_up)
    assert (alone["status"], alone["code"], alone["text"]) == ("expired", None, "retry timeout exceeded")


REFUSED = f"{DAY} 10:00:00 {PC} F=<a@example.com> rejected RCPT <b@example.org>: no"


def test_a_refusal_in_mainlog_and_rejectlog_counts_once() -> None:
    only_there = REFUSED.replace("b@", "c@")
    dump = ["Envelope-from: <a@example.com>", "P Received: from pc", "\tby mx", "  Subject: 550 no"]
    found = read({"mainlog": [REFUSED, REFUSED], "rejectlog": [REFUSED, *dump, REFUSED, only_there]})
    assert [(r["service"], r["recipient"]) for r in found] == [
        ("main", "b@example.org"),
        ("main", "b@example.org"),
        ("reject", "c@example.org"),
    ]


def test_header_dumps_are_understood() -> None:
    report = InputReport("rejectlog")
    machine = LogMachine(log_parsers()["exim"], ScanOptions())
    data = f"{REFUSED}\nEnvelope-from: <a@example.com>\nEnvelope-to: <b@example.org>\n    <c@example.org>\nP Received: x\n\tby y\n  Subject: z\n"
    list(machine.read([[data.encode()]], "rejectlog", report, Clock(year=2026)))
    assert (report.lines, report.understood, report.unparsed) == (7, 7, 0)


def test_syslog_gets_a_refusal_twice_and_other_lines_once() -> None:
    head = "Nov 23 10:00:00 mx exim[7]: "
    limit = "Connection from [192.0.2.1] refused: too many connections"
    found = rows(
        *(
            head + line
            for line in (
                REFUSED,
                REFUSED,
                REFUSED,
                REFUSED,
                f"{DAY} 10:00:00 {limit}",
                f"{DAY} 10:00:00 {limit}",
            )
        )
    )
    assert [r["code"] for r in found] == [550, 550, 421, 421]


# ------------------------------------------------------------------ the rest of the row


def test_a_delivery_learns_sender_size_and_id_from_the_arrival() -> None:
    (found,) = rows(
        f"{DAY} 10:00:00 {ID} <= ann@example.org H=(pc) [192.0.2.10] P=esmtpsa X=TLS1.3:X:256 CV=no A=plain:ann S=2817 id=m1@example.org",
        f'{DAY} 10:00:01 {ID} => {BOB} H={MX} C="250 OK"',
    )
    assert (found["sender"], found["size"], found["message_id"], found["sasl_username"]) == (
        "ann@example.org",
        2817,
        "m1@example.org",
        "ann",
    )
    assert found["peer_ip"] == "198.51.100.7"


def test_a_bounce_has_the_empty_sender() -> None:
    (found,) = rows(
        f"{DAY} 10:00:00 {ID} <= <> R=1vNabc-0001aB-2B U=exim P=local S=1322",
        f'{DAY} 10:00:01 {ID} => {BOB} H={MX} C="250 OK"',
    )
    assert found["sender"] == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3s", 3),
        ("0.345s", 0.345),
        ("1m3s", 63),
        ("2d4h", 187_200),
        ("1w", 604_800),
        ("", None),
        ("soon", None),
        ("1s1m", None),
    ],
)
def test_spans_are_read_in_seconds(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


def test_a_stale_host_is_not_named_as_the_one_that_refused() -> None:
    (found,) = rows(f"{DAY} 10:00:00 {ID} == {BOB} defer (111): Connection refused H={MX}")
    assert (found["peer_ip"], found["text"], found["status"]) == (None, "Connection refused", "deferred")


def test_fewer_columns_give_the_same_codes() -> None:
    lines = [sample.line for rule in log_parsers()["exim"].rules for sample in rule.samples]
    every = [(r["line"], r["code"], r["status"]) for r in read({"mainlog": lines})]
    some = [(r["line"], r["code"], r["status"]) for r in read({"mainlog": lines}, columns=("code",))]
    assert some == every
