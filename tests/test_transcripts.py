"""Transcripts of real programs and each format's own samples."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from logscan.coverage import InputReport
from logscan.errors import ParserError, UsageError
from logscan.schema import SCHEMA
from logscan.transcripts.formats import parse_transcript_format, transcript_formats
from logscan.transcripts.reader import TranscriptReader, detect_transcript
from logscan.transcripts.selfcheck import transcript_selfcheck

FIXTURES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
SESSION = """220 mx.example.com ESMTP
EHLO client.example.org
250-mx.example.com
250 SIZE 100
MAIL FROM:<ann@example.org>
250 2.1.0 Ok
RCPT TO:<bob@example.com>
450 4.2.0 Greylisted
QUIT
221 2.0.0 Bye
"""


def replies(data: bytes | str, parser: str | None = None) -> list[dict]:
    raw = data.encode() if isinstance(data, str) else data
    return [
        row
        for batch in TranscriptReader([raw], InputReport("x.txt"), parser).batches()
        for row in batch.to_pylist()
    ]


def codes(data: bytes | str) -> list[tuple]:
    return [(row["command"], row["code"], row["enhanced"]) for row in replies(data)]


@pytest.mark.parametrize("name", sorted(transcript_formats()))
def test_a_format_reads_its_own_samples(name):
    assert transcript_selfcheck(transcript_formats()[name]) == []


def test_the_example_of_the_manual_is_short_and_works():
    manual = (Path(__file__).parents[1] / "docs" / "transcript-parsers.md").read_text("utf-8")
    example = manual.split("```toml\n")[1].split("```")[0]
    assert len(example.splitlines()) < 30
    assert transcript_selfcheck(parse_transcript_format(tomllib.loads(example))) == []


def test_a_format_may_be_forced_by_name_or_by_file(tmp_path):
    text = "220 mx.example.com ESMTP\n"
    assert [row["parser"] for row in replies(text, "javamail")] == ["javamail"]
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\ntitle = "Mine"\nabout = "Mine."\n[dialogue]\nserver = "(?P<text>.*)"\n')
    assert [row["parser"] for row in replies(text, str(file))] == ["mine"]
    with pytest.raises(UsageError, match="no transcript format is called 'nonsense'"):
        replies(text, "nonsense")


@pytest.mark.parametrize("path", FIXTURES, ids=[path.stem for path in FIXTURES])
def test_a_real_transcript_shows_what_the_server_answered(path):
    expected = json.loads(path.with_suffix(".replies.json").read_text())
    assert Counter(codes(path.read_bytes())) == Counter(map(tuple, expected))


def test_batches_have_the_columns_of_the_replies_table():
    (batch,) = TranscriptReader([SESSION.encode()], InputReport("x.txt")).batches()
    assert batch.schema == SCHEMA
    assert batch["cause"].null_count == batch.num_rows


def test_a_row_tells_where_the_reply_stands():
    row = replies(SESSION)[3]
    assert (row["line"], row["source"], row["rule"], row["basis"], row["count"]) == (
        8,
        "x.txt",
        "reply",
        "logged",
        1,
    )
    assert (row["sender"], row["recipient"], row["helo"]) == (
        "ann@example.org",
        "bob@example.com",
        "client.example.org",
    )


def test_a_paste_does_not_tell_who_wrote_it_but_telnet_does():
    assert {row["direction"] for row in replies(SESSION)} == {None}
    assert {row["direction"] for row in replies("Trying 192.0.2.25...\n" + SESSION)} == {"outbound"}


def test_a_refusal_by_this_server_is_a_rejection():
    lines = "[2026-11-23 13:15:34] DEBUG [#ab] S: 421 4.7.0 Too many connections\n"
    (row,) = replies(lines)
    assert (row["direction"], row["status"], row["command"]) == ("inbound", "rejected", "CONNECT")


def test_interleaved_sessions_are_told_apart_by_their_key():
    lines = [
        "101 > 220 mx.example.com",
        "102 > 220 mx.example.com",
        "101 < EHLO a.example.org",
        "102 < MAIL FROM:<x@example.org>",
        "102 > 503 5.5.1 EHLO first",
        "101 > 250 mx.example.com",
    ]
    found = [(row["session"], row["command"], row["code"]) for row in replies("\n".join(lines))]
    assert found == [
        ("101", "CONNECT", 220),
        ("102", "CONNECT", 220),
        ("102", "MAIL", 503),
        ("101", "EHLO", 250),
    ]


def test_error_lines_count_only_where_the_dialogue_is_missing():
    error = "2026-11-23 12:56:20\tSMTP ERROR: RCPT TO command failed: 550 5.1.1 <bob@example.com>: unknown\n"
    client = "2026-11-23 12:56:20\tCLIENT -> SERVER: RCPT TO:<bob@example.com>\n"
    server = "2026-11-23 12:56:20\tSERVER -> CLIENT: 550 5.1.1 <bob@example.com>: unknown\n"
    assert codes(client + error) == [("RCPT", 550, "5.1.1")]
    assert codes(client + server + error) == [("RCPT", 550, "5.1.1")]
    assert replies(client + error)[0]["rule"] == "error-line"
    assert codes(client + server.replace("550 5.1.1", "450 4.1.1") + error) == [
        ("RCPT", 450, "4.1.1"),
        ("RCPT", 550, "5.1.1"),
    ]


def test_the_arrows_of_a_server_and_of_a_client_mean_the_opposite():
    server = "  SMTP>> 220 mx\n  SMTP<< EHLO client\n  SMTP>> 250 mx\n"
    client = "  SMTP<< 220 mx\n  SMTP>> EHLO client\n  SMTP<< 250 mx\n"
    assert codes(server) == codes(client) == [("CONNECT", 220, None), ("EHLO", 250, None)]
    assert [row["direction"] for row in replies(server)] == ["inbound"] * 2
    assert [row["direction"] for row in replies(client)] == ["outbound"] * 2


@pytest.mark.parametrize(
    "wrap",
    [
        lambda number, line: f"app-1  | {line}",
        lambda number, line: f"2026-11-23T13:00:00.000000001Z stderr F {line}",
        lambda number, line: f"Nov 23 13:00:00 app1 worker[4211]: {line}",
        lambda number, line: f"session.log:{number}:{line}",
        lambda number, line: f"> {line}",
        lambda number, line: f"    {line}",
        lambda number, line: f"{number:6}\t{line}",
        lambda number, line: f"2026-11-23 13:00:00,123 DEBUG    [mailer:{number}] {line}",
        lambda number, line: f"2026-11-23T13:00:00.123Z [info] mail: {line}",
        lambda number, line: (
            f"[Mon Nov 23 13:00:00.5 2026] [php:notice] [pid 7] {line}\\r\\n, referer: http://x/"
        ),
    ],
    ids=[
        "compose",
        "kubernetes",
        "syslog",
        "grep",
        "quoted",
        "markdown",
        "numbered",
        "python",
        "winston",
        "apache",
    ],
)
def test_what_stands_around_a_transcript_is_taken_away(wrap):
    lines = [wrap(number, line) for number, line in enumerate(SESSION.splitlines(), 1)]
    assert codes("\n".join(lines)) == codes(SESSION)


def test_a_transcript_indented_in_prose_is_found():
    indented = "".join(f"    {line}\n" for line in SESSION.splitlines())
    text = f"Orders to one customer fail (250 of them):\n\n{indented}\nIs 450 an error?\n"
    assert codes(text) == codes(SESSION)


def test_an_html_page_is_read_as_its_text():
    text = SESSION.replace("<", "&lt;").replace(">", "&gt;")
    assert codes(f"<pre>\n{text}</pre>\n") == codes(SESSION)


def test_an_unknown_tool_is_learned_and_the_reason_says_so():
    lines = []
    for line in SESSION.splitlines():
        lines.append(f"tool 17 {'recv' if line[0].isdigit() else 'sent'}=[{line}]")
    data = "\n".join(lines).encode()
    assert codes(data) == codes(SESSION)
    found = detect_transcript(data)
    assert found.name == "learned"
    assert "recv=[" in found.reason


@pytest.mark.parametrize(
    ("received", "sent"),
    [
        ("Got: {}", "Put: {}"),
        ("Got: {}", 'Put: "{}\\r\\n"'),
        ('{{"read": "{}\\r\\n"}} bytes=7', '{{"write": "{}\\r\\n"}} bytes=7'),
    ],
    ids=["plain", "commands quoted with line ends", "both quoted"],
)
def test_what_replies_name_and_how_lines_end_is_learned_too(received, sent):
    session = ["250-mx.example.com", "250 STARTTLS", "STARTTLS", "220 2.0.0 Go"]
    lines = [(received if line[0].isdigit() else sent).format(line) for line in session]
    assert codes("\n".join(lines)) == [("EHLO", 250, None), ("STARTTLS", 220, "2.0.0")]


def test_marks_are_learned_where_a_stray_line_looks_like_a_reply():
    lines = [f"{'recv' if line[0].isdigit() else 'sent'}=[{line}]" for line in SESSION.splitlines()]
    assert codes("\n".join([*lines, "", "554 is a permanent error, I read."])) == codes(SESSION)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dear all,\n\nplease see section 250 of the manual.\n",
        "2026-11-23 10:00:00 server started\n2026-11-23 10:00:01 listening\n",
        '192.0.2.1 - - [23/Nov/2026:13:00:00 +0000] "GET / HTTP/1.1" 200 512\n' * 20,
    ],
)
def test_other_texts_are_no_transcripts(text):
    assert detect_transcript(text.encode()) is None
    assert replies(text) == []


def test_a_postfix_log_hardly_looks_like_a_transcript():
    line = (
        "Nov  1 22:44:22 mx1 postfix/smtpd[932]: NOQUEUE: reject: RCPT from unknown[192.0.2.3]: "
        "450 4.7.25 Client host rejected; from=<x@example.com>\n"
    )
    found = detect_transcript(line.encode() * 50)
    assert found is None or found.score < 0.4


def test_a_line_longer_than_memory_allows_is_cut_with_a_warning():
    reader = TranscriptReader(
        [b"220 mx ESMTP\r\nEHLO x\r\n250 ", b"x" * (3 << 20), b"\r\nQUIT\r\n221 bye\r\n"], InputReport("x")
    )
    assert sum(batch.num_rows for batch in reader.batches()) == 3
    assert "longer than" in reader.report.warnings[0]


def test_a_reply_that_breaks_off_counts_with_a_warning():
    reader = TranscriptReader([b"<-  220 mx\n -> RCPT TO:<b@y>\n<** 452-4.2.2 Mailbox"], InputReport("x"))
    assert [row["code"] for batch in reader.batches() for row in batch.to_pylist()] == [220, 452]
    assert reader.report.warnings == ["replies that break off in the middle: 1"]


def test_an_example_of_what_was_not_understood_never_shows_a_login():
    login = "=== Trying h:25...\n<-  220 mx\n -> AUTH PLAIN AHVzZXIAc2VjcmV0\n<** 535 5.7.8 no\n"
    reader = TranscriptReader(
        [(login + "=== Connection closed\nfailed: AHVzZXIAc2VjcmV0\n").encode()], InputReport("x")
    )
    list(reader.batches())
    assert reader.report.other == 1
    assert reader.report.examples == []


def test_coverage_counts_lines_and_shows_what_was_not_understood():
    reader = TranscriptReader([b"# a note\n<-  220 mx\n -> QUIT\n<-  221 bye\n"], InputReport("x"))
    list(reader.batches())
    coverage = reader.report
    assert (coverage.parser, coverage.lines, coverage.understood, coverage.other) == ("swaks", 4, 3, 1)
    assert coverage.examples == ["# a note"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name is missing"),
        ({"frame": "csv"}, "frame = 'csv': must be one of"),
        ({"dialogue": {"client": "("}}, "is no regular expression"),
        ({"dialogue": {"writer": "me"}}, "dialogue.writer = 'me': must be one of"),
        ({"dialogue": {"klient": "x"}}, "unknown key 'klient'"),
        ({"dialogue": {"escapes": ["rot13"]}}, "'rot13' is unknown"),
    ],
)
def test_a_wrong_format_file_is_refused_with_the_reason(change, message):
    data = {"name": "x", "title": "X", "about": "Y", "dialogue": {}} | change
    with pytest.raises(ParserError, match=message.replace("(", r"\(")):
        parse_transcript_format(data)
