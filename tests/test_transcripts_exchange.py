"""Exchange logs: reading whole columns gives what reading line by line gives."""

from __future__ import annotations

from datetime import UTC

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.coverage import InputReport
from logscan.schema import SCHEMA
from logscan.transcripts import exchange
from logscan.transcripts.conversation import Conversation
from logscan.transcripts.exchange import ExchangeReader
from logscan.transcripts.formats import transcript_formats
from logscan.transcripts.lines import LineReader
from logscan.transcripts.reader import TranscriptReader, stamp_reader, to_batch

HEAD = (
    "#Software: Microsoft Exchange Server\r\n#Log-type: SMTP {} Protocol Log\r\n#Fields: date-time,connector-id,"
    "session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
)
END = ("E", "")
OPENING = [
    ("S", "220 EX01 ready"),
    ("C", "EHLO client.example.org"),
    ("S", "250  EX01 Hello SIZE 1 PIPELINING"),
]
OPENING_2010 = [*OPENING[:2], ("S", "250-EX01 Hello"), ("S", "250-SIZE 1"), ("S", "250 PIPELINING")]
EXCHANGES = [
    [("C", "MAIL FROM:<ann@example.org> SIZE=1"), ("S", "250 2.1.0 Sender OK")],
    [("C", "MAIL FROM:<>"), ("S", "250 2.1.0 Sender OK")],
    [("C", "RCPT TO:<bob@example.com>"), ("S", "250 2.1.5 Recipient OK")],
    [("C", "rcpt to:carl@example.com"), ("S", "550 5.1.1 User unknown")],
    [("C", "RCPT TO:<dan@example.com>"), ("S", "452 4.3.1 Insufficient, system resources")],
    [("C", "DATA"), ("S", "354 Start mail input"), ("S", "250 2.6.0 Queued mail for delivery")],
    [("C", "DATA"), ("S", "354 Start mail input"), ("S", "451 4.7.0 Temporary server error")],
    [("C", "DATA"), ("S", "503 5.5.2 Need rcpt command")],
    [("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", "dXNlcg=="), ("S", "535 5.7.3 no dXNlcg==")],
    [("C", "AUTH PLAIN AHgAeHh4eA=="), ("S", "235 2.7.0 Authentication successful")],
    [
        ("C", "STARTTLS"),
        ("S", "220 2.0.0 SMTP server ready"),
        ("C", "EHLO again.example.org"),
        ("S", "250 EX01"),
    ],
    [
        ("C", "MAIL FROM:<p@example.org>"),
        ("C", "RCPT TO:<q@example.com>"),
        ("S", "250 2.1.0 a"),
        ("S", "250 2.1.5 b"),
    ],
    [("C", "BDAT 10 LAST"), ("S", "250 2.6.0 Queued")],
    [("C", "XYZZY"), ("S", "500 5.3.3 Unrecognized command")],
    [("C", "RSET"), ("S", "250 2.0.0 Resetting")],
    [("S", "421 4.4.2 Message submission rate exceeded")],
    [("N", "Tarpit for '0.00:00:05'")],
    [("C", "QUIT"), ("S", "221 2.0.0 Service closing transmission channel"), END],
]
sessions = st.lists(
    st.tuples(
        st.sampled_from([OPENING, OPENING_2010, OPENING[:1], []]),
        st.lists(st.sampled_from(EXCHANGES), max_size=8),
    ).map(lambda parts: [*parts[0], *(event for exchange in parts[1] for event in exchange)]),
    min_size=1,
    max_size=5,
)


def render(events: list[list[tuple[str, str]]], order: list[int], received: bool) -> bytes:
    """Interleave sessions as ``order`` says and write them as Exchange does."""
    marks = {"S": ">" if received else "<", "C": "<" if received else ">", "N": "*", "E": "-"}
    lines = [HEAD.format("Receive" if received else "Send")]
    left = {
        number: session[: session.index(END) + 1 if END in session else None]
        for number, session in enumerate(events)
    }
    for turn, choice in enumerate([*order, *range(10_000)]):
        alive = [number for number, session in left.items() if session]
        if not alive:
            break
        number = alive[choice % len(alive)]
        kind, text = left[number].pop(0)
        data = f'"{text}"' if "," in text else text
        lines.append(
            f"2026-11-23T13:00:{turn % 60:02}.000Z,EX01\\Default,08DF{number:012X},{turn},192.0.2.25:25,"
            f"198.51.100.{number + 1}:40000,{marks[kind]},{data},\r\n"
        )
    return "".join(lines).encode()


def by_columns(data: bytes) -> list[dict]:
    batches = ExchangeReader([data], "x", "exchange").batches()
    return pa.Table.from_batches(batches, SCHEMA).sort_by("line").to_pylist()


def by_lines(data: bytes) -> list[dict]:
    form = transcript_formats()["exchange"]
    conversation = Conversation(form, stamp_reader(form.time, UTC, None))
    found = [one for line in LineReader([data]) for one in conversation.line(line)]
    found += conversation.finish()
    return to_batch([("exchange", one) for one in found], "x").to_pylist()


@given(events=sessions, order=st.lists(st.integers(0, 9), max_size=40), received=st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_columns_and_lines_agree(events, order, received):
    data = render(events, order, received)
    assert by_columns(data) == by_lines(data)


@given(events=sessions, order=st.lists(st.integers(0, 9), max_size=40), size=st.integers(300, 3000))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_sessions_go_on_from_chunk_to_chunk(events, order, size):
    data = render(events, order, received=True)
    whole = by_columns(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "_CHUNK", size)
        assert by_columns(data) == whole


def test_without_a_log_type_the_codes_tell_the_direction():
    data = render([OPENING], [], received=False)
    rows = by_columns(data.replace(b"#Log-type", b"#Old-type"))
    assert [(row["direction"], row["command"]) for row in rows] == [
        ("outbound", "CONNECT"),
        ("outbound", "EHLO"),
    ]


def test_columns_in_another_order_are_found_by_their_names():
    data = b"#Fields: session-id,event,data,date-time,remote-endpoint\r\n"
    data += b"A1,>,421 4.7.0 busy,2026-11-23T13:00:00.5Z,[2001:db8::1]:25\r\n"
    (row,) = by_columns(b"#Log-type: SMTP Receive Protocol Log\r\n" + data)
    assert (row["code"], row["peer_ip"], row["peer_port"], row["line"]) == (421, "2001:db8::1", 25, 3)


def test_a_damaged_line_is_counted_and_costs_no_other_line():
    data = render([OPENING], [], received=True)
    lines = data.splitlines(keepends=True)
    reader = TranscriptReader([b"".join([*lines[:4], b"cut,off\r\n", b"\r\n", *lines[4:]])], InputReport("x"))
    assert [row["line"] for batch in reader.batches() for row in batch.to_pylist()] == [4, 8]
    assert reader.report.unparsed == 1
