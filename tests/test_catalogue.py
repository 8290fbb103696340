"""explain, compare, describe and name_of."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.codes import catalogue, entries
from logscan.codes.catalogue import compare, describe, explain, name_of
from logscan.codes.prose import display_width
from logscan.errors import LogscanError, UsageError

CONTROLS = {chr(number) for number in range(0xA0) if unicodedata.category(chr(number)) == "Cc"} - {"\n"}
HOSTILE = "\x1b]0;owned\x07\x1b[31m \x9b2J\u202e<script>alert(1)</script> `_*[x](y)*_` |\r\n# heading\x00"


# ---- Codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given_as", "code"), [
    (421, 421), ("421", 421), (" 421 ", 421), ("4.7.0", "4.7.0"),
    ("4xx", "4xx"), ("4XX", "4xx"), ("4.x.x", "4xx"), ("5.X.X", "5xx"),
])  # fmt: skip
def test_codes_may_be_written_in_several_ways(given_as, code):
    assert explain(given_as).code == code


@pytest.mark.parametrize("code", [
    0, 42, 120, 199, 600, 999, -421, 4210, "0421", "4a1", "", "x", "4.7", "4.7.0.1", "3.7.0", "1.1.1",
    "4.07.0", "4.7.1000", "3.x.x", "1xx", "6xx", "４２１", "4.7.0\n5.7.0", "\x1b[31m421",
])  # fmt: skip
def test_what_no_server_could_send_is_one_clear_line(code):
    with pytest.raises(UsageError) as error:
        explain(code)
    message = str(error.value)
    assert message.isprintable()
    assert len(message) < 120
    assert name_of(code) is None


@given(st.text(max_size=12))
def test_any_text_is_explained_or_refused(text):
    try:
        shown = explain(text).description
    except LogscanError as error:
        shown = str(error)
    assert shown.replace("\n", "").isprintable()


@given(st.integers(200, 599))
def test_every_possible_reply_code_is_explained_by_its_class_at_least(code):
    explanation = explain(code)
    assert explanation.code == code
    assert explanation.class_.startswith(f"{code // 100}xx")
    assert explanation.description
    assert explanation.fix


@given(st.sampled_from("245"), st.integers(0, 999), st.integers(0, 999))
def test_every_possible_enhanced_code_is_explained_by_its_class_at_least(first, subject, detail):
    explanation = explain(f"{first}.{subject}.{detail}")
    assert explanation.class_.startswith(f"{first}.x.x")
    assert explanation.description
    assert explanation.fix


# ---- Explanations --------------------------------------------------------------------------------------


def test_an_explanation_answers_what_when_and_how():
    explanation = explain(421)
    assert explanation.name == "Service not available, closing transmission channel"
    assert explanation.class_ == "4xx Transient Negative Completion"
    assert explanation.closes
    assert "hangs up" in explanation.description
    assert "too many connections from" in explanation.when
    assert "RFC 5321 §3.8" in explanation.rfc


def test_a_421_received_needs_other_advice_than_a_421_sent():
    received = explain(421, direction="outbound").fix
    sent = explain(421, direction="inbound").fix
    assert "smtp_destination_concurrency_limit" in received
    assert "smtp_destination_concurrency_limit" not in sent
    assert "smtpd_client_connection_count_limit" in sent
    assert "smtpd_client_connection_count_limit" not in received


def test_without_a_direction_both_advices_stand_under_their_labels():
    explanation = explain(421)
    assert explanation.fix_received in explanation.fix
    assert explanation.fix_sent in explanation.fix
    assert "(outbound):" in explanation.fix
    assert "(inbound):" in explanation.fix


def test_one_advice_for_both_directions_needs_no_label():
    assert explain(250).fix == explain(250).fix_sent == explain(250).fix_received


def test_an_enhanced_code_is_explained_for_its_class():
    temporary, permanent = explain("4.1.1"), explain("5.1.1")
    assert temporary.name == permanent.name == "Bad destination mailbox address"
    assert "still being verified" in temporary.description
    assert "still being verified" not in permanent.description
    assert permanent.class_ == "5.x.x Permanent Failure"
    assert permanent.comes_with == (451, 550)


def test_an_enhanced_code_in_an_unusual_class_says_so():
    assert "5.7.8" in explain("2.7.8").description
    assert "unusual" not in explain("5.7.8").description


@pytest.mark.parametrize(("code", "within"), [("4.7.500", True), ("5.7.799", True), ("5.7.800", False)])
def test_a_vendors_range_covers_its_codes(code, within):
    assert ("Exchange Online" in explain(code).name) is within


def test_an_unlisted_code_falls_back_on_its_digits_and_admits_it():
    explanation = explain(457)
    assert explanation.status == "unknown"
    assert "mail system" in explanation.description
    assert explanation.fix_received == explain("4xx").fix_received
    assert name_of(457) is None


@pytest.mark.parametrize("code", [457, 441])
def test_nothing_is_said_about_the_connection_where_no_reply_is_known_on_the_wire(code):
    assert "Connection afterwards" not in explain(code).to_text()
    assert "Connection afterwards" in explain(450).to_text()


def test_a_second_digit_without_meaning_gets_none():
    assert "no meaning" in explain(467).description
    assert "no meaning" in explain("4.9.9").description


def test_name_of_gives_registered_names():
    assert name_of("5.7.25") == "Reverse DNS validation failed"
    assert name_of(502) == "Command not implemented"


def test_direction_and_language_are_checked():
    with pytest.raises(UsageError, match="direction"):
        explain(421, direction="sideways")
    with pytest.raises(UsageError, match="language"):
        explain(421, lang="fr")


# ---- Replies -------------------------------------------------------------------------------------------


def test_the_text_of_a_reply_tells_its_likely_cause():
    cause = explain(421, reply="421 4.7.0 mx.example.com Error: too many connections from 192.0.2.1").cause
    assert cause is not None
    assert cause.key == "connection_limit"
    assert cause.evidence is not None
    assert "too many connections" in cause.evidence
    assert cause.advice_received != cause.advice_sent


def test_the_codes_in_the_reply_count_too():
    with_codes = explain("4xx", reply="452-4.5.3 Sorry\r\n452 4.5.3 really").cause
    assert with_codes is not None
    assert with_codes.key == "too_many_recipients"


def test_a_reply_without_any_hint_is_called_unclear():
    explanation = explain(421, reply="421 mx.example.com")
    assert explanation.cause is not None
    assert explanation.cause.key == "unknown"
    assert explanation.to_dict()["likely_cause"]["evidence"] is None


def test_a_positive_reply_has_no_cause():
    assert explain(250, reply="250 2.0.0 Ok: queued").cause is None


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("reply", [HOSTILE, "421 too many connections " + HOSTILE])
def test_a_hostile_reply_stays_harmless_in_every_rendering(reply, lang):
    explanation = explain(421, reply=reply, lang=lang)
    assert all(line.isprintable() for line in explanation.to_text().split("\n"))
    assert "<script>" not in explanation.to_html()
    assert html.escape("<script>alert(1)</script>") in explanation.to_html()
    quoted = next(line for line in explanation.to_markdown().splitlines() if line.startswith("> "))
    assert "<" not in quoted
    assert "\\`\\_\\*\\[x\\](y)\\*\\_\\`" in quoted
    assert "\x1b" not in json.dumps(explanation.to_dict(), ensure_ascii=False)


@given(st.text(max_size=60))
def test_no_reply_gets_a_control_character_or_a_tag_into_a_page(reply):
    page, harmless = explain(250, reply=reply), explain(250, reply="harmless")
    assert not CONTROLS & set(page.to_text() + page.to_markdown() + page.to_html())
    assert all(line == line.rstrip() for line in page.to_text().splitlines())
    assert page.to_html().count("<") == harmless.to_html().count("<")


# ---- Comparisons ---------------------------------------------------------------------------------------


def test_421_and_502_differ_in_what_they_mean_for_mail():
    comparison = compare(421, 502)
    assert (comparison.first.code, comparison.second.code) == (421, 502)
    assert "load never causes it" in " ".join(comparison.differences)
    assert "hang up" in comparison.which[0]
    assert "verb" in comparison.which[1]


@pytest.mark.parametrize(
    ("a", "b"), [*combinations(["421", "450", "502", "477", "591", "250", "4xx", "5xx", "4.7.0", "5.7.1"], 2)]
)
def test_comparisons_are_symmetric(a, b):
    forward, backward = compare(a, b), compare(b, a)
    assert forward.summary == backward.summary
    assert forward.differences == backward.differences
    assert forward.which == backward.which[::-1]
    assert set(forward.see_also) == set(backward.see_also)
    assert (forward.first, forward.second) == (backward.second, backward.first)


def test_other_pairs_are_compared_by_their_facts():
    comparison = compare(553, 454)
    assert comparison.derived
    differences = " ".join(comparison.differences)
    assert "Try again: 454 – yes, later; 553 – no, not unchanged" in differences
    assert "STARTTLS" in differences


def test_codes_of_one_class_are_said_to_be_treated_alike():
    assert "treats them alike" in compare(456, 431).differences[-1]


def test_an_enhanced_code_is_no_alternative_to_its_reply_code():
    assert "no alternative" in compare("4.7.0", 421).differences[0]
    assert "no alternative" not in " ".join(compare("5.7.0", 421).differences)


def test_a_code_is_not_compared_with_itself():
    with pytest.raises(UsageError, match="421 twice"):
        compare(421, "421")


# ---- Renderings ----------------------------------------------------------------------------------------

HEADINGS = {
    "en": ("Description", "When you see it", "How to fix it", "See also"),
    "ja": ("説明", "このコードが表示される場合", "解決方法", "詳しく見る"),
}


@pytest.mark.parametrize("lang", HEADINGS)
@pytest.mark.parametrize("code", [421, 250, 591, "4.7.0", "4.99.99", "5xx"])
def test_every_rendering_has_the_headings_of_its_language(code, lang):
    explanation = explain(code, lang=lang)
    for heading in HEADINGS[lang]:
        assert f"\n{heading}\n" in explanation.to_text()
        assert f"### {heading}\n" in explanation.to_markdown()
        assert f"<h4>{heading}</h4>" in explanation.to_html()


@pytest.mark.parametrize("codes", [(421, 502), (553, 454)])
def test_comparisons_have_japanese_headings(codes):
    lines = compare(*codes, lang="ja").to_text().split("\n")
    assert {"説明", "主な違い", "どちらをいつ使うか", "詳しく見る"} <= set(lines)


def test_the_most_important_codes_speak_japanese_and_the_name_stays():
    explanation = explain(421, lang="ja")
    assert "接続を切ります" in explanation.description
    assert explanation.class_ == "4xx 一時的な否定"
    assert explanation.name == "Service not available, closing transmission channel"


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_lines_fit_80_columns(lang):
    pages_shown = [explain(code, lang=lang) for code in entries.load("catalogue.ja")["code"]]
    pages_shown += [compare(*pair.split("-"), lang=lang) for pair in entries.load("comparisons")]
    for page in pages_shown:
        assert max(map(display_width, page.to_text().splitlines())) <= 80


def test_str_and_notebook_show_the_same_page():
    explanation = explain(421)
    assert str(explanation) == explanation.to_text()
    assert explanation._repr_html_().endswith(explanation.to_html())


@pytest.mark.parametrize("shown", [explain(421), compare(421, 502)], ids=["explanation", "comparison"])
def test_notebooks_get_a_style_that_touches_nothing_else(shown):
    style, page = re.fullmatch(r"<style>(.*)</style>\n(<section.*)", shown._repr_html_(), re.S).groups()
    selectors = re.findall(r"^([^{}\n]+)\{", style, re.M)
    assert selectors
    assert all(selector.startswith(".logscan-catalogue") for selector in selectors)
    assert page.startswith('<section class="logscan-catalogue"')


def test_names_with_angle_brackets_are_escaped():
    assert "&lt;CRLF&gt;" in explain(354).to_html()
    assert "&lt;CRLF&gt;" in explain(354).to_markdown()
    assert "<CRLF>" in explain(354).to_text()


def test_literal_text_becomes_code_in_html():
    assert "<code>postqueue -f</code>" in explain(421).to_html()


def test_a_side_by_side_table_has_a_column_for_each_code():
    assert "<th>421</th><th>502</th>" in compare(421, 502).to_html()
    assert "|  | 421 | 502 |" in compare(421, 502).to_markdown()


# ---- Dictionaries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [421, "4.7.0", "4xx", 477])
def test_an_explanation_is_ready_for_json(code):
    fields = json.loads(json.dumps(explain(code).to_dict()))
    assert {"code", "name", "class", "description", "when", "fix"} <= set(fields)
    assert fields["code"] == code
    assert "likely_cause" not in fields


@pytest.mark.parametrize("codes", [(421, 502), ("4.7.0", 421), (553, 454)])
def test_a_comparison_is_ready_for_json(codes):
    fields = json.loads(json.dumps(compare(*codes).to_dict()))
    assert fields["codes"] == list(codes)
    assert [entry["code"] for entry in fields["entries"]] == list(codes)
    assert list(fields["which"]) == list(map(str, codes))
    assert fields["differences"]
    assert fields["side_by_side"]


# ---- What the command line calls -----------------------------------------------------------------------


def test_describe_explains_one_code_and_compares_two():
    assert describe(["421"], direction="inbound") == explain(421, direction="inbound")
    assert describe(["421", "502"], lang="ja") == compare(421, 502, lang="ja")


@pytest.mark.parametrize("codes", [[], ["421", "502", "503"]])
def test_describe_takes_one_code_or_two(codes):
    with pytest.raises(UsageError):
        describe(codes)


def test_describe_takes_a_reply_with_one_code_only():
    with pytest.raises(UsageError, match="reply"):
        describe(["421", "502"], reply="x")


def test_explaining_needs_no_heavy_library():
    program = (
        "import sys, logscan.codes.catalogue as c; c.explain(421).to_html(); c.compare('4.7.0', 502).to_text()\n"
        "print([m for m in ('pyarrow', 'pandas', 'numpy', 'rich', 'typer') if m in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(catalogue.__file__).parents[1],  # where python -c finds the package, installed or not
    )
    assert finished.stdout.strip() == "[]"
