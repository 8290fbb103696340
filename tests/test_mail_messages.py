"""What is mailed: the finding in the subject, text and HTML that say the same, nothing hostile, not too long."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.causes import TAXONOMY
from logscan.coverage import InputReport
from logscan.flagging.findings import Flag, Outcome, Peer, Spike, Steady
from logscan.mailing import messages
from logscan.mailing.envelope import Envelope
from logscan.mailing.images import inline_images
from logscan.mailing.messages import MOST_OCTETS, attach, report_message, short_message, to_bytes
from logscan.mailing.subjects import is_clear, subject
from logscan.reporting import Report, Window
from logscan.summary import summarise
from reports import HOSTILE, a_day, a_hostile_report, a_report, flags
from tables import moment, replies

ENVELOPE = Envelope("logscan@mx1.example.org", ("kim@example.org", "lee@example.org"))


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "inline_images", lambda report: [])


def on_the_wire(message: EmailMessage) -> bytes:
    return to_bytes(message).replace(b"\n", b"\r\n")


def parsed(message: EmailMessage) -> EmailMessage:
    """The message as whoever gets it reads it."""
    received = message_from_bytes(on_the_wire(message), policy=default)
    assert isinstance(received, EmailMessage)
    return received


def content(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    assert body.get_content_charset() == "utf-8"
    text: str = body.get_content()
    return text.replace("\r\n", "\n")


# ---- Subject


def a_spike(**changes: Any) -> Spike:
    spike = flags()[0]
    assert isinstance(spike, Spike)
    return replace(spike, **changes)


CLIENTS = tuple(Peer(None, f"203.0.113.{i}", 1) for i in range(10))


def all_the_time(direction: str) -> Steady:
    return Steady(
        code=421,
        direction=direction,
        cause="connection_limit",
        start=moment("00:00"),
        end=moment("23:54"),
        count=240,
        share=0.25,
        peers=CLIENTS,
        distinct_peers=16,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            (
                a_spike(
                    peers=(Peer("mx.example.net", "192.0.2.7", 24),), distinct_peers=1, outcome=Outcome(24)
                ),
            ),
            "421 rate limit 14:05-14:24 from mx.example.net, 24 deferred",
        ),
        (
            (a_spike(code=550, cause="sender_auth", outcome=Outcome(9, bounced=9), single_peer=False),),
            "550 SPF, DKIM or DMARC 14:05-14:24 from 2 peers, 9 bounced",
        ),
        (
            (
                a_spike(
                    direction="inbound",
                    cause="server_load",
                    count=1500,
                    peers=CLIENTS,
                    distinct_peers=16,
                    single_peer=False,
                ),
            ),
            "421 server load 14:05-14:24 to 16 peers, 1,500 refused",
        ),
        (flags()[1:], "502 VRFY rejected 08:30-08:31 from 203.0.113.77, 12 replies"),
        (
            (*flags(), a_spike(count=21, outcome=Outcome(0)), flags()[1]),
            "421 rate limit 14:05-14:24 from mx5.provider.example, 21 replies, +3 more",
        ),
        (
            (a_spike(code=450, direction="inbound", cause="greylisting", count=500), *flags()),
            "421 rate limit 14:05-14:24 from mx5.provider.example, 20 deferred, +2 more",
        ),
        (
            (*flags()[1:], all_the_time("inbound")),
            "421 connection limit all the time to 16 peers, 240 replies, +1 more",
        ),
        ((all_the_time("outbound"),), "421 connection limit all the time from 16 peers, 240 replies"),
        ((), "all clear"),
    ],
)
def test_the_subject_carries_the_weightiest_finding(found: tuple[Flag, ...], expected: str) -> None:
    assert subject(a_report(flags=found)) == f"[logscan] mx1 Sun 22 Nov: {expected}"


def test_the_subject_says_when_a_finding_of_a_longer_log_was() -> None:
    week = Window(moment("2026-11-16T00:00"), moment("2026-11-23T00:00"))
    assert subject(a_report(window=week)).startswith(
        "[logscan] mx1 Mon 16 Nov - Sun 22 Nov: 421 rate limit Sun 2026-11-22 14:05-14:24 from"
    )


def test_the_subject_shows_times_of_the_reports_zone() -> None:
    day = Window(moment("2026-11-21T15:00"), moment("2026-11-22T15:00"))
    assert "mx1 Sun 22 Nov: 421 rate limit 23:05-23:24 from" in subject(a_report(tz="Asia/Tokyo", window=day))


def test_all_clear_is_said_only_of_a_log_that_was_read_and_holds_replies() -> None:
    unread = InputReport("mail.log.1", error="mail.log.1: cannot be read")
    for report, ending in [
        (a_report(flags=()), "all clear"),
        (a_report(flags=(), inputs=(unread,)), "nothing found, 1 input not read"),
        (
            a_report(flags=(), summary=summarise(replies()), window=Window(None, None)),
            "[logscan] mail log: no replies",
        ),
    ]:
        assert subject(report).endswith(ending)
        assert is_clear(report) == (ending == "all clear")


HOSTILE_NAMES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["a\r\nBcc: x@example.org", "=?utf-8?q?=0D=0ABcc:_x?=", HOSTILE, "\x00\x85\u2028", "x" * 5000]
    ),
)


@settings(max_examples=60, deadline=None)
@given(HOSTILE_NAMES, HOSTILE_NAMES)
def test_no_name_from_a_log_breaks_out_of_the_subject(host: str, peer: str) -> None:
    report = a_report(flags=(a_spike(peers=(Peer(peer, None, 3),), distinct_peers=1),))
    report = replace(report, summary=replace(report.summary, hosts=(host,)))
    message = messages._headed(report, ENVELOPE)
    line = message["Subject"]
    assert re.fullmatch(r"[ -~]{1,250}", line)
    received = message_from_bytes(on_the_wire(message), policy=default)
    assert received["Subject"] == subject(report)
    assert received.keys() == ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"]


def test_causes_have_ascii_labels_as_subjects_need_them() -> None:
    assert [key for key, info in TAXONOMY.items() if not info.label.isascii()] == []


# ---- Headers and structure


@pytest.mark.usefixtures("without_plots")
def test_headers_say_that_a_program_wrote_it() -> None:
    message = parsed(report_message(a_report(), ENVELOPE))
    assert message["From"] == "logscan@mx1.example.org"
    assert message["To"] == "kim@example.org, lee@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<\S+@mx1\.example\.org>", message["Message-ID"])
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert "Precedence" not in message


@pytest.mark.usefixtures("without_plots")
def test_text_and_html_are_alternatives() -> None:
    message = parsed(report_message(a_report(), ENVELOPE))
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.defects for part in message.walk()] == [[], [], []]
    assert content(message, "plain") == a_report().to_text()
    assert "421 rate limit they→us 14:05-14:24" in content(message, "html")


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("report", [a_report(), a_hostile_report()], ids=["usual", "hostile"])
def test_lines_are_of_a_length_that_smtp_carries(report: Report) -> None:
    octets = on_the_wire(report_message(report, ENVELOPE))
    assert octets.isascii()
    headers, _, body = octets.partition(b"\r\n\r\n")
    assert max(map(len, headers.split(b"\r\n"))) <= 300
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert b"\r" not in octets.replace(b"\r\n", b"")


class _Page(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("report", [a_report(), a_hostile_report()], ids=["usual", "hostile"])
def test_the_html_loads_and_runs_nothing(report: Report) -> None:
    page = _Page(content(parsed(report_message(report, ENVELOPE)), "html"))
    text = {"div", "h1", "h2", "p", "br", "span", "table", "tr", "th", "td"}
    assert page.tags <= text | {"html", "head", "meta", "title", "body"}
    assert {name for name, _ in page.attributes}.isdisjoint({"src", "href", "background", "class", "id"})
    assert not any("url(" in (value or "") for _, value in page.attributes)


@pytest.mark.usefixtures("without_plots")
def test_the_last_of_many_columns_goes_below_the_others_where_a_phone_shows_it() -> None:
    page = content(parsed(report_message(a_report(), ENVELOPE)), "html")
    replied = page.partition("Replies (185)")[2].partition("</table>")[0]
    rows = [row.count("<td") for row in replied.split("<tr")[3:]]
    assert rows == [5, 2] * 5
    assert 'colspan="5"' in replied
    assert "Service not available, closing transmission channel" in replied


@pytest.mark.usefixtures("without_plots")
def test_nothing_hostile_is_in_the_text() -> None:
    message = parsed(report_message(a_hostile_report(), ENVELOPE))
    for kind in ("plain", "html"):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", content(message, kind))


# ---- Plots


def test_plots_are_within_the_html_and_belong_to_it() -> None:
    message = parsed(report_message(a_report(), ENVELOPE))
    assert len(on_the_wire(message)) <= MOST_OCTETS
    related = list(message.iter_parts())[1]
    assert related.get_content_type() == "multipart/related"
    html, *images = related.iter_parts()
    shown = re.findall(r'<img src="cid:([^"]+)" width="640" alt="[^"]+"', html.get_content())
    assert shown
    assert [f"<{cid}>" for cid in shown] == [image["Content-ID"] for image in images]
    for image in images:
        assert image.get_content_type() == "image/png"
        assert image.get_content_disposition() == "inline"
        assert image.get_content().startswith(b"\x89PNG\r\n")


def test_plots_that_do_not_fit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = inline_images(a_report())
    both = [first, replace(first, cid="huge@logscan", png=bytes(MOST_OCTETS))]
    monkeypatch.setattr(messages, "inline_images", lambda report: both)
    message = parsed(report_message(a_report(), ENVELOPE))
    assert [part["Content-ID"] for part in message.walk() if "Content-ID" in part] == [f"<{first.cid}>"]


# ---- Length


def a_long_report(text: str) -> Report:
    """Everything that may be long is: lists, names, warnings, in characters that need much room."""
    many = 300
    rows = (
        {
            "host": text,
            "code": 550,
            "status": "bounced",
            "direction": "outbound",
            "cause": "policy",
            "text": f"{number:x} {text}",
            **{
                name: f"{chr(97 + number % 26) * (number // 26 + 1)}{text}"
                for name in ("peer_name", "sender", "recipient")
            },
        }
        for number in range(many)
    )
    spike = a_spike(peers=tuple(Peer(text, text, 1) for _ in range(10)), reason=text)
    source = InputReport(text, reason=text, unparsed=1, examples=[text] * 5, warnings=[text] * 5, error=text)
    return a_report(replies(*rows), top=many, flags=(spike,) * 50, inputs=(source,) * many)


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("text", ["x" * 1000, "\U0001f4e7" * 1000, "<&'\"=" * 200, "\x1b\u202e" * 500])
def test_a_message_is_never_too_long(text: str) -> None:
    message = report_message(a_long_report(text), ENVELOPE)
    assert len(on_the_wire(message)) <= MOST_OCTETS
    for kind in ("plain", "html"):
        assert re.search(r"\d+ more rows? not in this mail", content(parsed(message), kind))
        assert re.search(r"\d+ more findings? not in this mail", content(parsed(message), kind))


# ---- All clear, attachments


def test_the_short_message_is_one_line() -> None:
    message = parsed(short_message(a_report(flags=()), ENVELOPE))
    assert message["Subject"] == "[logscan] mx1 Sun 22 Nov: all clear"
    assert message.get_content_type() == "text/plain"
    assert content(message, "plain") == (
        "mx1 · Sun 2026-11-22 00:00-24:00 UTC · all clear · postfix 1,080 lines, 99.6 % understood · "
        "received 74   sent 47   deferred 21   refused 32\n"
    )


@pytest.fixture
def attachments() -> Iterator[dict[str, EmailMessage]]:
    message = short_message(a_report(flags=()), ENVELOPE)
    attach(message, a_day(), ["parquet", "csv", "csv"])
    received = parsed(message)
    assert received.get_content_type() == "multipart/mixed"
    assert max(map(len, on_the_wire(message).split(b"\r\n"))) <= 300
    return {str(part.get_filename()): part for part in received.iter_attachments()}


def test_attached_tables_load_back(attachments: dict[str, EmailMessage]) -> None:
    assert list(attachments) == ["replies.parquet", "replies.csv"]
    table = pq.read_table(io.BytesIO(attachments["replies.parquet"].get_content()))
    assert table.to_pylist() == a_day().to_pylist()
    octets = attachments["replies.csv"].get_payload(decode=True)
    assert isinstance(octets, bytes)
    rows = list(csv.DictReader(io.StringIO(octets.decode())))
    assert [row["code"] for row in rows] == [str(code or "") for code in a_day()["code"].to_pylist()]
