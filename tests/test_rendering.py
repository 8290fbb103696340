"""Reports look as they should, say what there is to say, and carry nothing harmful."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import logscan
from logscan.causes import TAXONOMY
from logscan.errors import UsageError
from logscan.flagging.findings import Peer
from logscan.frame import to_pandas
from logscan.rendering.trends import trend
from logscan.reporting import Window
from logscan.summary import TIMELINE_STEP
from reports import HOSTILE, a_day, a_hostile_report, a_report, check_golden, flags
from tables import moment, replies

EMPTY: dict[str, Any] = {"flags": (), "greylisting": {}, "inputs": (), "window": Window(None, None)}


def test_text_of_a_day_with_a_spike() -> None:
    check_golden("report-of-a-421-spike.txt", a_report().to_text())


def test_text_in_detail_in_another_zone_and_ascii() -> None:
    text = a_report(tz="Asia/Tokyo").to_text(verbose=1, ascii_only=True)
    assert text.isascii()
    check_golden("report-in-detail-in-ascii-in-tokyo.txt", text)


def test_markdown_of_a_day_with_a_spike() -> None:
    check_golden("report-of-a-421-spike.md", a_report().to_markdown())


def test_json_of_a_day_with_a_spike() -> None:
    data = json.loads(a_report().to_json())
    # The catalogue's words have tests of their own.
    for entry in (*(flag["explanation"] for flag in data["flags"]), *data["catalogue"].values()):
        for key in set(entry) - {"code", "name"}:
            del entry[key]
    check_golden("report-of-a-421-spike.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def test_json_has_the_promised_form() -> None:
    data = json.loads(a_report().to_json())
    assert list(data) == ["schema", "window", "inputs", "replies", "flags", "catalogue"]
    assert data["window"] == {"start": "2026-11-22T00:00:00Z", "end": "2026-11-23T00:00:00Z"}
    assert data["inputs"] == [
        {"source": "mail.log", "parser": "postfix", "lines": 1080, "understood": 1076, "unparsed": 4}
    ]
    assert {tuple(row) for row in data["replies"]} == {
        ("direction", "code", "enhanced", "basis", "cause", "count")
    }
    by_basis = {row["basis"]: row["count"] for row in data["replies"] if row["code"] in (250, 450)}
    assert by_basis == {"logged": 47, "inferred": 74, "withheld": 1}
    for flag in data["flags"]:
        assert {"code", "name", "class", "description", "when", "fix"} <= set(flag["explanation"])
    assert set(data["catalogue"]) == {"250", "421", "450", "502", "554"}


def test_problems_come_first() -> None:
    text = a_report().to_text()
    order = ["mx1", "received", "! 421", "! 502", "421  ", "Why mail was deferred", "Replies", "Senders"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def finding_lines(text: str) -> list[list[str]]:
    """The lines of each finding."""
    return [part.splitlines() for part in text.split("\n\n") if part.startswith("!")]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("cause", TAXONOMY)
def test_advice_is_told_in_full_and_in_few_lines(cause: str, direction: str) -> None:
    spike = replace(flags()[0], cause=cause, direction=direction)
    info = TAXONOMY[cause]
    (lines,) = finding_lines(a_report(flags=(spike,)).to_text())
    told = " ".join(line.strip() for line in lines).removesuffix(" logscan explain 421")
    assert told.endswith(f") {info.advice_inbound if direction == 'inbound' else info.advice_outbound}")
    assert len(lines) <= 5


def test_the_command_that_tells_more_takes_no_line_of_its_own() -> None:
    first, second = finding_lines(a_report().to_text())
    assert first[-1] == "    of the burst: a campaign, a mail loop or a stolen account."
    assert second[-1] == "    and whether a device in between alters the dialogue. logscan explain 502"


@pytest.mark.parametrize("name", ["x" * 400, "mx-" * 100, "メール" * 100, "a b " * 100])
def test_names_of_strangers_take_no_more_than_two_lines(name: str) -> None:
    spike = replace(flags()[0], peers=(Peer(name, None, 3),))
    ((_title, *others),) = finding_lines(a_report(flags=(spike,)).to_text())
    who = others[
        : others.index("    Slow down towards this destination and spread the load. Look for the source")
    ]
    assert len(who) <= 2
    assert who[-1].endswith("…")
    assert all(cell_len(line) <= 80 for line in who)


def test_nothing_empty_is_shown() -> None:
    report = a_report(replies({"direction": "outbound", "code": 250, "command": "RCPT"}), **EMPTY)
    assert [line for line in report.to_text().splitlines() if line] == [
        "logscan  mail log                                              postfix · 1 reply",
        "Replies (1)",
        "  n  who      code  command  cause  meaning",
        "  1  they→us  250   RCPT            Requested mail action okay, completed",
    ]


def test_no_replies_are_said() -> None:
    assert "no replies" in a_report(replies(), **EMPTY).to_text()


@settings(max_examples=40, deadline=None)
@given(st.integers(50, 120), st.booleans(), st.integers(0, 1))
def test_no_line_is_wider_than_asked(width: int, ascii_only: bool, verbose: int) -> None:
    for report in (a_report(), a_hostile_report()):
        for line in report.to_text(width=width, ascii_only=ascii_only, verbose=verbose).splitlines():
            assert cell_len(line) <= width


def test_text_is_plain_unless_colour_is_asked_for() -> None:
    assert "\x1b" not in a_report().to_text()
    colored = a_report().to_text(color=True)
    assert "\x1b[1;31m! 421" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == a_report().to_text()


def is_harmless(text: str) -> bool:
    """Whether there is no control character but line ends, and nothing that turns the direction around."""
    return all(
        character == "\n" or (unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs"))
        for character in text
    )


@pytest.mark.parametrize("verbose", [0, 2])
def test_hostile_text_is_harmless_on_a_terminal(verbose: int) -> None:
    assert is_harmless(a_hostile_report().to_text(verbose=verbose))
    colored = a_hostile_report().to_text(verbose=verbose, color=True)
    assert is_harmless(re.sub(r"\x1b\[[0-9;]*m", "", colored))


class Elements(HTMLParser):
    """Collects tags, attributes and visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_escapes_hostile_text() -> None:
    page = a_hostile_report().to_html()
    elements = Elements(page)
    assert is_harmless(page)
    assert "script" not in elements.tags
    assert "<script>alert(1)</script> [x](http://evil.example)" in elements.text


def test_html_needs_nothing_else() -> None:
    elements = Elements(a_report().to_html())
    assert not {"script", "link", "img", "iframe", "object", "a", "form"} & elements.tags
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name in ("src", "href")]
    assert ("name", "viewport") in elements.attributes
    assert len(a_report().to_html()) < 100_000


def test_names_in_tables_have_room_beside_other_columns() -> None:
    page = a_report().to_html()
    assert '<th scope="col" class="quoted">name</th>' in page
    assert re.search(r"\.quoted:not\(:last-child\) \{ width: \d+%; \}", page)


def test_html_says_what_the_text_says() -> None:
    text = Elements(a_report().to_html()).text
    for words in (
        "421 rate limit they→us 14:05-14:24",
        "Slow down",
        "mx5.provider.example",
        "99.6 % understood",
    ):
        assert words in text


def test_notebooks_show_a_fragment() -> None:
    fragment = a_report()._repr_html_()
    assert fragment.startswith('<div class="logscan-report">')
    assert not {"html", "body", "head"} & Elements(fragment).tags
    style = re.sub(
        r"/\*.*?\*/|@media[^{]*\{", "", fragment.partition("<style>")[2].partition("</style>")[0], flags=re.S
    )
    selectors = re.findall(r"([^{}\s][^{}]*)\{", style)
    assert selectors
    assert all(re.match(r"(body )?\.logscan-report\b", selector) for selector in selectors), selectors


def test_markdown_keeps_hostile_text_in_code_spans() -> None:
    markdown = a_hostile_report().to_markdown()
    assert is_harmless(markdown)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)
    assert "<script>" not in outside
    assert "](http" not in re.sub(r"\\.", "", outside)
    assert "://" not in outside
    assert not [line for line in markdown.splitlines() if line.startswith("- ") and r"\|" in line]
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    for line in table:
        assert re.sub(r"\\\|", "", line).count("|") >= 4


def test_json_is_ascii_whatever_the_log_holds() -> None:
    text = a_hostile_report().to_json()
    assert text.isascii()
    assert json.loads(text)["inputs"][0]["source"] == HOSTILE


def test_report_takes_dataframes_and_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_day()
    assert logscan.report(to_pandas(table)).to_json() == logscan.report(table).to_json()


def test_report_of_rows_without_needed_columns_is_refused() -> None:
    with pytest.raises(UsageError, match="needs the columns time, "):
        logscan.report(a_day().select(["code", "count"]))


def test_report_bounds_are_those_of_the_rows_unless_given() -> None:
    table = replies({"time": "10:00:00.5", "code": 250}, {"time": "11:00", "code": 250})
    window = logscan.report(table).window
    assert window == Window(moment("10:00:00.5"), moment("11:00:01"))
    assert logscan.report(table, since=moment("09:00")).window.start == moment("09:00")


UTC_ZONE = ZoneInfo("UTC")


def counts_at(*times: datetime) -> dict[int, int]:
    counts: dict[int, int] = {}
    for time in times:
        step = int(time.timestamp()) // TIMELINE_STEP
        counts[step] = counts.get(step, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("length", "cells", "axis"),
    [
        (timedelta(minutes=50), 4, "per 15 min from 00:00"),
        (timedelta(hours=24), 24, "per hour from 00:00"),
        (timedelta(hours=25), 25, "per hour from 00:00"),
        (timedelta(days=3), 24, "per 3 hours from 2026-11-22 00:00"),
        (timedelta(days=7), 14, "per 12 hours from 2026-11-22 00:00"),
        (timedelta(days=20), 20, "per day from 2026-11-22"),
        (timedelta(days=60), 9, "per week from 2026-11-22"),
        (timedelta(days=20000), 26, "per 770 days from 2026-11-22"),
    ],
)
def test_trends_fit_a_line_however_long_the_log(length: timedelta, cells: int, axis: str) -> None:
    start = moment("00:00")
    found = trend("421", counts_at(start), start, start + length, UTC_ZONE)
    assert (len(found.counts), found.axis) == (cells, axis)


@given(st.lists(st.integers(0, 40 * 86400), min_size=1, max_size=30))
def test_trends_lose_nothing(seconds: list[int]) -> None:
    start = moment("00:00")
    times = [start + timedelta(seconds=number) for number in seconds]
    for zone in ("UTC", "America/St_Johns", "Australia/Lord_Howe"):
        found = trend("421", counts_at(*times), min(times), max(times) + timedelta(seconds=1), ZoneInfo(zone))
        assert sum(found.counts) == len(times)
        assert len(found.bars) == len(found.counts)


def test_the_hour_that_a_clock_change_repeats_is_one_cell() -> None:
    start = datetime(
        2026, 10, 25, 0, tzinfo=UTC
    )  # Berlin: 02:00 summer time; 03:00 becomes 02:00 at 01:00 UTC
    found = trend(
        "421",
        counts_at(start, start + timedelta(hours=1)),
        start,
        start + timedelta(hours=20),
        ZoneInfo("Europe/Berlin"),
    )
    assert found.counts[0] == 2
    assert found.peak == "most 2 at 02:00"


def test_bars_tell_little_from_nothing() -> None:
    start = moment("00:00")
    times: list[Any] = [start] * 100 + [start + timedelta(hours=1)]
    assert trend("421", counts_at(*times), start, start + timedelta(hours=7), UTC_ZONE).bars == "█▂▁▁▁▁▁"
