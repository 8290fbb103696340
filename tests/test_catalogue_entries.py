"""The catalogue's data: complete, consistent, and each text worth its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from logscan.codes.catalogue import compare, explain
from logscan.codes.entries import Code, find_entry, parse_code, resolve
from logscan.codes.prose import tidy
from logscan.knowledge import load

BASIC_CODES = (
    211, 214, 220, 221, 235, 250, 251, 252, 253, 334, 353, 354, 400, 403, 412, 417, 420, 421,
    422, 424, 426, 430, 431, 432, 435, 440, 441, 442, 446, 447, 449, 450, 451, 452, 453, 454,
    455, 456, 458, 459, 471, 476, 498, 500, 501, 502, 503, 504, 505, 510, 511, 512, 513, 515,
    517, 521, 522, 523, 524, 525, 530, 531, 533, 534, 535, 538, 540, 541, 542, 543, 546, 550,
    551, 552, 553, 554, 555, 556, 557, 571, 585, 591,
)  # fmt: skip

# The registered details of each subject (RFC 5248): X.0.0, X.1.0 to X.1.10, …
REGISTERED = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}

# RFC 5321 section 4.3.2, with RFC 3030, 3207, 4954, 7504, 1985 and 2645. 421, 500 and 501 answer anything.
MATRIX = {
    "CONNECT": (220, 554, 421, 521),
    "EHLO": (250, 502, 504, 550),
    "HELO": (250, 502, 504, 550),
    "MAIL": (250, 552, 451, 452, 550, 553, 503, 455, 555, 530),
    "RCPT": (250, 251, 550, 551, 552, 553, 450, 451, 452, 503, 455, 555, 556),
    "DATA": (354, 503, 554),
    "EOD": (250, 353, 552, 554, 451, 452, 450, 550),
    "BDAT": (250, 503),
    "RSET": (250,),
    "NOOP": (250,),
    "VRFY": (250, 251, 252, 550, 551, 553, 502, 504),
    "EXPN": (250, 252, 550, 502, 504),
    "HELP": (211, 214, 502, 504),
    "QUIT": (221,),
    "STARTTLS": (220, 454),
    "AUTH": (235, 334, 432, 454, 503, 504, 530, 534, 535, 538),
    "ETRN": (250, 251, 252, 253, 458, 459),
    "ATRN": (250, 450, 451, 453, 502, 530),
    "ANY": (421, 500, 501),
}

RFC = re.compile(r"RFC \d{4}( §\d+(\.\d+)*)?|draft(-[a-z]+)+")
STATUSES = {"standard", "registry", "experimental", "non-standard", "listed"}
ACTORS = {"nobody", "client", "server", "recipient", "depends"}
TEXTS = ("description", "when", "fix", "fix_received", "fix_sent", "temporary", "permanent")


def entries() -> Iterator[tuple[str, Mapping]]:
    yield from load("catalogue").items()
    yield from load("enhanced").items()


def text_of(entry: Mapping, field: str) -> str:
    return tidy(entry[field])


def every_code() -> list[Code]:
    """One code for each entry, enhanced codes once per class in use."""
    codes = [parse_code(key) for key in load("catalogue")]
    for key, entry in load("enhanced").items():
        _, subject, detail = key.split("-")[0].split(".")
        codes += [parse_code(f"{first}.{subject}.{detail}") for first in entry["classes"]]
    return codes


@pytest.mark.parametrize("code", BASIC_CODES)
def test_every_basic_code_has_an_entry(code):
    assert explain(code).status in STATUSES


def test_every_class_has_an_entry():
    assert {key for key in load("catalogue") if not key.isdigit()} == {"2xx", "3xx", "4xx", "5xx"}


def test_there_are_no_other_basic_codes():
    assert {key for key in load("catalogue") if key.isdigit()} == set(map(str, BASIC_CODES))


def test_every_registered_enhanced_code_has_an_entry_and_no_other_claims_to_be_registered():
    registered = {
        f"X.{subject}.{detail}" for subject, last in REGISTERED.items() for detail in range(last + 1)
    }
    assert len(registered) == 81
    assert {key for key, entry in load("enhanced").items() if entry["status"] == "standard"} == registered


def test_statuses_actors_and_fields_are_known():
    for key, entry in entries():
        assert entry["status"] in STATUSES, key
        assert entry["acts"] in ACTORS, key
        assert ("fix" in entry) != ("fix_received" in entry), key
        assert ("fix_received" in entry) == ("fix_sent" in entry), key


def test_no_text_is_empty_or_unfinished():
    for key, entry in entries():
        for field in ("name", *(field for field in TEXTS if field in entry)):
            text = text_of(entry, field)
            assert text, (key, field)
            if field != "name":
                assert text[-1] in ".`!?", (key, field, text)
                assert text.count("`") % 2 == 0, (key, field)


def test_descriptions_are_not_repeated():
    counts = Counter(text_of(entry, "description") for _, entry in entries())
    assert [text for text, count in counts.items() if count > 1] == []


def test_within_an_entry_no_text_repeats_another():
    for key, entry in entries():
        texts = [text_of(entry, field) for field in TEXTS if field in entry]
        assert len(set(texts)) == len(texts), key


def test_rfc_references_are_well_formed_and_every_standard_entry_has_one():
    for key, entry in entries():
        assert all(RFC.fullmatch(reference) for reference in entry["rfc"]), (key, entry["rfc"])
        assert bool(entry["rfc"]) == (entry["status"] not in ("non-standard", "listed")), key


@pytest.mark.parametrize("command", MATRIX)
def test_codes_name_the_commands_that_the_rfcs_let_them_answer(command):
    missing = [code for code in MATRIX[command] if command not in explain(code).commands]
    assert missing == []


def test_only_replies_that_end_the_session_close_it():
    assert {key for key, entry in entries() if entry.get("closes")} == {"221", "421", "521"}


@pytest.mark.parametrize("code", every_code(), ids=lambda code: code.text)
def test_every_cross_reference_leads_to_another_entry(code):
    references = [parse_code(reference) for reference in explain(code.text).see_also]
    assert references
    assert code not in references
    for reference in references:
        assert find_entry(reference) is not None, reference.text


def test_references_between_enhanced_codes_keep_the_class_where_it_is_used():
    assert resolve("X.7.1", 4) == "4.7.1"
    assert resolve("X.7.8", 4) == "5.7.8"
    assert resolve("550", 4) == "550"


@pytest.mark.parametrize(
    "code", [code for code in every_code() if code.first == 4], ids=lambda code: code.text
)
def test_advice_on_a_temporary_failure_depends_on_who_sent_it(code):
    assert explain(code.text, direction="inbound").fix != explain(code.text, direction="outbound").fix


@pytest.mark.parametrize("code", every_code(), ids=lambda code: code.text)
def test_text_keeps_within_80_columns_unless_a_literal_is_longer(code):
    for line in explain(code.text).to_text().splitlines():
        assert len(line) <= 80, line


def test_japanese_texts_belong_to_entries_and_replace_their_fields():
    japanese = load("catalogue.ja")
    for key, texts in japanese["code"].items():
        entry = load("catalogue")[key]
        assert set(texts) <= set(entry), key
        assert {"description", "when"} <= set(texts), key
    for key, texts in japanese["comparison"].items():
        pair = load("comparisons")[key]
        assert set(texts) == set(pair) - {"see_also"}, key
        assert set(texts["which"]) == set(pair["which"]), key
        assert len(texts["differences"]) == len(pair["differences"]), key


def test_japanese_texts_quote_the_same_settings_as_the_english_ones():
    for key, texts in load("catalogue.ja")["code"].items():
        for field, text in texts.items():
            english = load("catalogue")[key][field]
            assert set(re.findall("`[^`]+`", text)) == set(re.findall("`[^`]+`", english)), (key, field)


def test_codes_that_matter_most_speak_japanese():
    most = {"421", "450", "451", "452", "502", "503", "550", "554"}
    assert most < set(load("catalogue.ja")["code"])
    pairs = {key for key in load("comparisons") if set(key.split("-")) <= most}
    assert pairs == set(load("catalogue.ja")["comparison"])


def test_both_languages_have_the_same_words():
    english, japanese = load("words")["en"], load("words")["ja"]
    assert {group: set(words) for group, words in english.items()} == {
        group: set(words) for group, words in japanese.items()
    }


def test_pairs_are_written_lower_code_first_and_say_when_each_applies():
    for key, pair in load("comparisons").items():
        a, b = key.split("-")
        assert a < b, key
        assert set(pair["which"]) == {a, b}, key
        assert pair["which"][a] != pair["which"][b], key
        assert not {a, b} & set(pair["see_also"]), key
        assert all(find_entry(parse_code(code)) for code in (a, b, *pair["see_also"])), key
        for text in (pair["summary"], *pair["differences"], *pair["which"].values()):
            assert text.endswith((".", "`.")), (key, text)


@pytest.mark.parametrize("pair", [
    (421, 450), (421, 451), (421, 452), (421, 502), (421, 503), (421, 550), (421, 554), (450, 451),
    (450, 452), (450, 550), (451, 452), (452, 552), (500, 502), (500, 501), (501, 504), (502, 503),
    (502, 504), (502, 550), (502, 555), (503, 554), (550, 551), (550, 553), (550, 554), (535, 530),
])  # fmt: skip
def test_pairs_that_are_easily_confused_have_words_of_their_own(pair):
    assert not compare(*pair).derived


def test_summaries_of_pairs_are_not_repeated():
    summaries = [pair["summary"] for pair in load("comparisons").values()]
    assert len(set(summaries)) == len(summaries)
