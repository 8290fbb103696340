"""Causes: every rule tells its own samples, text beats codes, and a table gets what single replies get."""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan import causes
from logscan.cause_rules import TIERS, CauseRule, load_causes, parse_causes
from logscan.causes import TAXONOMY, assign_causes, likely_cause, normalise
from logscan.errors import LogscanError
from logscan.schema import SCHEMA

_, RULES = load_causes()
SHARED = Path(os.environ.get("LOGSCAN_SHARED", Path(__file__).parents[2] / "shared"))


def replies(*rows: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in SCHEMA.names} for row in rows], schema=SCHEMA
    )


def causes_of(*rows: Mapping[str, Any]) -> list[str | None]:
    return assign_causes(replies(*rows))["cause"].to_pylist()  # type: ignore[no-any-return]


def cause(code: int | None, enhanced: str | None, text: str, **context: str) -> str:
    return likely_cause(code, enhanced, text, **context).key


def fields(sample: Any) -> dict[str, Any]:
    names = ("code", "enhanced", "text", "direction", "command", "rule")
    return {name: getattr(sample, name) for name in names}


# ---------------------------------------------------------------- the taxonomy


def test_there_are_25_causes_and_unknown():
    assert set(TAXONOMY) == {
        "greylisting", "rate_limit", "connection_limit", "server_load", "maintenance", "timeout",
        "too_many_errors", "reputation", "dns", "storage_full", "local_error", "scan_failure", "tls", "auth",
        "mailbox_full", "mailbox_unavailable", "too_many_recipients", "network", "relay_denied",
        "recipient_unknown", "sender_auth", "content", "message_size", "policy", "command", "unknown",
    }  # fmt: skip


@pytest.mark.parametrize("key", TAXONOMY)
def test_each_cause_is_explained_for_both_directions(key: str):
    info = TAXONOMY[key]
    assert info.key == key
    assert info.label
    assert info.meaning.endswith(".")
    assert info.advice_inbound.endswith(".")
    assert info.advice_outbound.endswith(".")
    assert info.group in {
        "capacity", "throttling", "lifecycle", "session", "faults", "refusals", "unclear",
    }  # fmt: skip


@pytest.mark.parametrize("key", sorted(set(TAXONOMY) - {"unknown"}))
def test_each_cause_can_be_told(key: str):
    assert key in {rule.cause for rule in RULES}


def test_no_rule_claims_not_to_know():
    assert "unknown" not in {rule.cause for rule in RULES}


# ---------------------------------------------------------------- the rules


def test_rules_are_tried_tier_by_tier():
    order = [list(TIERS).index(rule.tier) for rule in RULES]
    assert order == sorted(order)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_decides_its_first_sample(rule: CauseRule):
    found = likely_cause(**fields(rule.samples[0]))
    assert (found.rule, found.key) == (rule.name, rule.cause)
    assert found.source == rule.source
    assert found.evidence


def test_no_sample_gets_another_cause():
    samples = [(rule, sample) for rule in RULES for sample in rule.samples]
    told = causes_of(*(fields(sample) for _, sample in samples))
    wrong = [
        (rule.name, sample.text, cause)
        for (rule, sample), cause in zip(samples, told, strict=True)
        if cause != rule.cause
    ]
    assert wrong == []


def test_every_fragment_survives_normalisation_and_every_other_rule():
    cases = [(rule, text) for rule in RULES for text in rule.text]
    assert normalise(pa.array([text for _, text in cases])).to_pylist() == [text for _, text in cases]
    told = causes_of(*(a_reply_for(rule, text) for rule, text in cases))
    wrong = [
        (rule.name, text, cause)
        for (rule, text), cause in zip(cases, told, strict=True)
        if cause != rule.cause
    ]
    assert wrong == []


def a_reply_for(rule: CauseRule, text: str) -> dict[str, Any]:
    """A reply with this text that meets the rule's conditions."""
    code = {"4xx": 450, "5xx": 550, "none": None}.get(rule.code[0], rule.code[0]) if rule.code else 550
    enhanced = None
    if rule.enhanced:
        subject = rule.enhanced[0].partition("-")[0].replace("*", "0")
        enhanced = subject.replace("x", str(code)[0])
    context = {
        name: getattr(rule, name)[0] for name in ("direction", "command", "rule") if getattr(rule, name)
    }
    return {"code": code, "enhanced": enhanced, "text": text, **context}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cause": "bad_mood"}, "no such cause: bad_mood"),
        ({"colour": "red"}, "no such key: colour"),
        ({"source": ""}, "needs a source and a sample"),
        ({"sample": []}, "needs a source and a sample"),
        ({"confidence": "total"}, "no such confidence: total"),
        ({"code": ["6xx"]}, "no such code: 6xx"),
        ({"enhanced": ["4.7"]}, "no such enhanced code: 4.7"),
        ({"text": []}, "has no condition"),
    ],
)
def test_a_wrong_rule_is_refused(change: dict[str, Any], problem: str):
    rule = {"name": "r", "cause": "dns", "source": "s", "text": ["no ptr"], "sample": [{"text": "no ptr"}]}
    lines = "\n".join(f"{key} = {toml(value)}" for key, value in (rule | change).items())
    with pytest.raises(LogscanError, match=problem):
        parse_causes(f"{DNS}\n[[wording]]\n{lines}\n")


def test_two_rules_of_one_name_are_refused():
    rule = (
        '[[wording]]\nname = "r"\ncause = "dns"\nsource = "s"\ntext = ["ptr"]\nsample = [{ text = "ptr" }]\n'
    )
    with pytest.raises(LogscanError, match="two rules are named r"):
        parse_causes(f"{DNS}\n{rule}{rule}")


DNS = """
[cause.dns]
label = "DNS"
group = "faults"
meaning = "m."
advice_inbound = "i."
advice_outbound = "o."
"""


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else f'"{value}"'


def test_a_tier_that_does_not_exist_is_refused():
    document = (files("logscan") / "data" / "causes.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(document)) == {"cause", *TIERS}
    with pytest.raises(LogscanError, match="no such tier: guesses"):
        parse_causes(f"{DNS}\n[[guesses]]\n")


# ---------------------------------------------------------------- what decides when signs disagree


def test_text_beats_enhanced_code():
    assert cause(421, "4.7.0", "too many messages from you today, slow down") == "rate_limit"
    assert cause(450, "4.2.2", "<ann@example.com> greylisted, come back later") == "greylisting"
    assert cause(550, "5.1.1", "your host is in our blacklist") == "reputation"


def test_enhanced_code_beats_reply_code():
    assert cause(503, "5.7.26", "no") == "sender_auth"


def test_provider_beats_software_beats_wording():
    rate_for_reputation = (
        "The mail server [192.0.2.9] has been temporarily rate limited due to IP reputation (S3115)"
    )
    assert cause(451, "4.7.650", rate_for_reputation) == "reputation"
    assert cause(450, "4.3.2", "Service currently unavailable") == "greylisting"
    assert cause(554, None, "Service currently unavailable") != "greylisting"


def test_plain_phrases_need_their_code():
    assert cause(451, "4.7.1", "Try again later") == "greylisting"
    assert cause(421, "4.4.0", "Try again later") == "unknown"
    assert cause(421, None, "Temporary failure, please try again later.") == "local_error"
    assert cause(451, None, "Temporary failure, please try again later.") == "greylisting"


def test_try_again_later_of_rspamd_is_uncertain():
    assert likely_cause(451, "4.7.1", "Try again later").confidence == "low"
    assert likely_cause(451, "4.7.1", "Greylisted, try again later").confidence == "high"


def test_dead_milter_is_no_shutdown():
    assert cause(451, "4.7.1", "Service unavailable - try again later", direction="inbound") == "scan_failure"
    assert cause(421, None, "mx.example.net Service unavailable - try again later") == "maintenance"


def test_bare_service_unavailable_is_unclear():
    assert cause(451, "4.7.1", "Service unavailable") == "unknown"
    assert (
        cause(450, "4.7.1", "<b@example.com>: Recipient address rejected: Service unavailable") == "unknown"
    )


def test_postscreen_puts_off_new_clients():
    assert (
        cause(450, "4.3.2", "Service currently unavailable", direction="inbound", command="RCPT")
        == "greylisting"
    )


def test_internal_resources_of_mimecast_mean_greylisting():
    assert cause(451, None, "Internal resources are temporarily unavailable [xYz.uk7]") == "greylisting"


def test_temporary_local_problem_is_an_internal_error():
    assert cause(451, None, "Temporary local problem, come back soon") == "local_error"


def test_unusual_rate_is_a_rate_limit_and_rate_limited_for_reputation_is_reputation():
    unusual = "Unusual: an unusual rate of unsolicited mail comes from 192.0.2.9 - gsmtp"
    assert cause(421, "4.7.28", unusual) == "rate_limit"
    assert (
        cause(451, "4.7.651", "The mail server [192.0.2.9] is rate limited due to IP reputation")
        == "reputation"
    )
    assert cause(451, "4.7.500", "Server busy. Please try again later from [192.0.2.9]") == "server_load"


def test_back_pressure_of_exchange_is_storage():
    assert cause(452, "4.3.1", "Insufficient system resources (TSTE)") == "storage_full"


def test_sentence_of_the_rfc_is_a_guess():
    found = likely_cause(421, None, "mx.example.net Service not available, closing transmission channel")
    assert (found.key, found.confidence) == ("maintenance", "low")


def test_recipients_per_hour_are_a_rate():
    assert cause(452, None, "Too many recipients received this hour, wait") == "rate_limit"
    assert cause(452, "4.5.3", "Error: too many recipients") == "too_many_recipients"


def test_unexpected_volume_of_yahoo_is_reputation():
    text = "[TSS07] Messages from 192.0.2.9 temporarily deferred due to unexpected volume or user complaints"
    assert cause(421, "4.7.0", text) == "reputation"


def test_reply_behind_an_address_probe_decides():
    wrapper = "<ann@example.com>: Recipient address rejected: unverified address: host mx.example.com[192.0.2.9] said: "
    assert cause(450, "4.1.1", wrapper + "450 4.2.0 Greylisted, wait") == "greylisting"
    assert cause(450, "4.1.1", wrapper + "452 4.2.2 mailbox is full") == "mailbox_full"
    assert cause(450, "4.1.1", wrapper + "550 5.1.1 no such user") == "recipient_unknown"


def test_inner_reply_decides_and_outer_code_stands():
    text = "id=77-01 - from MTA(smtp:[127.0.0.1]:10025): 421 4.3.2 All server ports are busy"
    assert cause(451, "4.5.0", text) == "server_load"
    assert cause(554, "4.4.7", "Message expired after 2 days <421 4.4.2 Connection timed out>") == "network"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("see https://support.google.com/mail/?p=OverQuotaTemp now", "mailbox_full"),
        ("see https://support.google.com/mail/?p=ReceivingRatePerm now", "rate_limit"),
        ("see https://support.google.com/mail/?p=UnsolicitedRateLimitError now", "rate_limit"),
        ("https://postmaster.example.net/error-messages?ip=192.0.2.9&c=rdns", "dns"),
        ("https://postmaster.example.net/error-messages?ip=192.0.2.9&c=bip", "reputation"),
        ("https://postmaster.example.net/errors/421-ts03.html", "reputation"),
    ],
)
def test_links_of_providers_tell_the_cause(text: str, key: str):
    assert cause(554, None, text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Trop de connexions pour cette adresse", "connection_limit"),
        ("OFR_417 [417]", "mailbox_full"),
        ("MI:DMC 163 smtp3", "connection_limit"),
        ("DT:SPM 163 smtp3", "content"),
        ("Das Postfach ist voll", "mailbox_full"),
        ("Usuario desconocido", "recipient_unknown"),
    ],
)
def test_ids_and_words_of_other_languages(text: str, key: str):
    assert cause(550, None, text) == key


def test_what_the_client_itself_reports_is_no_reply():
    assert (
        cause(None, None, "lost connection with mx.example.net[192.0.2.9] while sending MAIL FROM")
        == "network"
    )
    assert cause(None, None, "connect to mx.example.net[192.0.2.9]:25: Connection timed out") == "network"
    assert cause(None, None, "Server certificate not verified") == "tls"
    assert cause(421, "4.4.2", "Connection timed out") == "timeout"


@pytest.mark.parametrize("code", [421, 450, 550, 554])
def test_these_codes_alone_say_nothing(code: int):
    assert cause(code, None, "no") == "unknown"


@pytest.mark.parametrize(
    ("code", "enhanced", "key"),
    [
        (452, "4.5.3", "too_many_recipients"),
        (552, "5.3.4", "message_size"),
        (550, "5.2.2", "mailbox_full"),
        (535, None, "auth"),
        (502, None, "command"),
        (556, None, "recipient_unknown"),
        (550, "5.1.1", "recipient_unknown"),
        (450, "4.1.8", "dns"),
        (421, "4.4.2", "timeout"),
        (452, "4.3.1", "storage_full"),
        (550, "5.7.25", "dns"),
    ],
)
def test_codes_are_the_last_resort_and_not_trusted(code: int, enhanced: str | None, key: str):
    found = likely_cause(code, enhanced, "no")
    assert (found.key, found.confidence) == (key, "low")


def test_454_depends_on_the_command():
    assert cause(454, None, "no", command="STARTTLS") == "tls"
    assert cause(454, None, "no", command="AUTH") == "auth"
    assert cause(454, None, "no", command="RCPT") == "unknown"


def test_rule_of_the_parser_helps_where_the_text_is_everybodys():
    text = "Service unavailable - try again later"
    assert cause(421, None, text, rule="postscreen-command-limit") == "too_many_errors"


# ---------------------------------------------------------------- single replies


def test_cause_shows_what_decided_and_advises_for_the_direction():
    found = likely_cause(550, "5.7.1", "<b@example.net>: Relay  access\tDENIED", direction="inbound")
    assert found.evidence == "relay access denied"
    assert found.rule == "postfix-relay"
    assert "Postfix" in found.source
    assert found.advice == TAXONOMY["relay_denied"].advice_inbound
    assert found.label == TAXONOMY["relay_denied"].label


def test_without_direction_both_sides_are_advised():
    advice = likely_cause(452, None, "disk full").advice
    assert TAXONOMY["storage_full"].advice_inbound in advice
    assert TAXONOMY["storage_full"].advice_outbound in advice


def test_unknown_is_an_answer():
    found = likely_cause(550, None, "computer says no thing")
    assert (found.key, found.evidence, found.rule, found.source) == ("unknown", None, None, None)
    assert found.confidence == "none"


# ---------------------------------------------------------------- whole tables


def test_only_negative_replies_have_a_cause():
    assert causes_of(
        {"code": 250, "enhanced": "2.0.0", "text": "Ok"},
        {"code": 354, "text": "mailbox full of dots"},
        {"code": 250, "enhanced": "4.7.1", "text": "greylisted"},
        {"code": 450, "text": "greylisted"},
        {"enhanced": "5.7.1", "text": "this is spam"},
        {"enhanced": "2.0.0", "text": "Ok"},
    ) == [None, None, None, "greylisting", "content", None]


def test_attempts_without_reply_have_a_cause_unless_they_succeeded():
    assert causes_of(
        {"status": "sent", "text": "delivered to mailbox"},
        {"status": "deferred", "text": "connect to mx.example.net[192.0.2.9]:25: Connection refused"},
        {"status": "expired"},
        {"text": "lost connection with mx.example.net[192.0.2.9] while sending RCPT TO"},
    ) == [None, "network", "unknown", "network"]


def test_reply_without_text_is_told_by_its_codes():
    assert causes_of({"code": 452, "enhanced": "4.2.2"}, {"code": 550}) == ["mailbox_full", "unknown"]


def test_table_keeps_its_shape():
    table = replies({"code": 450, "text": "greylisted", "queue_id": "8F2A11C04E7"}, {"code": 250})
    told = assign_causes(table)
    assert told.schema == SCHEMA
    assert told.drop_columns("cause").equals(table.drop_columns("cause"))


def test_empty_table_is_fine():
    assert assign_causes(SCHEMA.empty_table()).num_rows == 0


def test_chunks_may_have_dictionaries_of_their_own():
    parts = [
        replies({"code": 454, "text": "no", "command": "AUTH"}),
        replies({"code": 250}, {"code": 454, "text": "no", "command": "STARTTLS"}),
        SCHEMA.empty_table(),
    ]
    assert assign_causes(pa.concat_tables(parts))["cause"].to_pylist() == ["auth", None, "tls"]


def test_what_differs_per_message_is_folded_away():
    texts = [
        f"<user{n}@host{n}.example.com>: id 4Bx{n}mTnz at 198.51.100.{n} blocked using dnsbl.example.net; {n}123456789"
        for n in range(100)
    ]
    assert len(set(normalise(pa.array(texts)).to_pylist())) == 1


# ---------------------------------------------------------------- promises

WORDS = sorted({word for rule in RULES for sample in rule.samples for word in sample.text.split()})
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.sampled_from([sample.text for rule in RULES for sample in rule.samples]),
)
REPLIES = st.fixed_dictionaries(
    {
        "code": st.sampled_from([None, 421, 450, 451, 452, 454, 501, 503, 535, 550, 552, 553, 554]),
        "enhanced": st.sampled_from(
            [None, "4.2.2", "4.3.2", "4.4.2", "4.7.0", "4.7.1", "5.1.1", "5.7.1", "5.7.606"]
        ),
        "text": TEXTS,
        "direction": st.sampled_from([None, "inbound", "outbound"]),
        "command": st.sampled_from([None, "CONNECT", "STARTTLS", "AUTH", "RCPT", "EOD"]),
        "rule": st.sampled_from([None, "delivery", "postscreen-command-limit"]),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(REPLIES, min_size=1, max_size=6))
def test_table_and_single_reply_agree(rows: list[dict[str, Any]]):
    in_a_table = causes_of(*rows)
    causes._DECIDED.clear()  # so that each reply is decided anew
    assert in_a_table == [likely_cause(**row).key for row in rows]


def test_remembered_verdicts_are_the_same_and_few(monkeypatch: pytest.MonkeyPatch):
    rows = [fields(sample) for rule in RULES for sample in rule.samples]
    causes._DECIDED.clear()
    monkeypatch.setattr(causes, "_REMEMBERED", 100)
    first = causes_of(*rows)
    assert len(causes._DECIDED) == 100
    assert causes_of(*reversed(rows)) == first[::-1]
    assert len(causes._DECIDED) == 100


def test_overlong_texts_are_not_remembered():
    causes._DECIDED.clear()
    causes_of({"code": 550, "text": "spam " * 1_000})
    assert not causes._DECIDED


@pytest.mark.parametrize(
    "text",
    [
        "mailbox " * 20_000,
        "too many " * 20_000 + "connections",
        "[" * 5_000 + "<" * 5_000 + "(" * 5_000,
        r".*\b(?:a|b)+$^[[:x:]]{9,}\Q(?P<x>",
        "\x00\x1b[31m\r\n\x7f\x9f",
        "ж漢😀" * 1_000,
        "a@" * 5_000,
    ],
    ids=["repeated", "long", "brackets", "metacharacters", "controls", "unicode", "addresses"],
)
def test_hostile_text_is_harmless(text: str):
    found = likely_cause(550, None, text)
    assert causes_of({"code": 550, "text": text}) == [found.key]
    assert (found.evidence or "").isprintable()


# ---------------------------------------------------------------- measured


@pytest.mark.skipif(not (SHARED / "corpus" / "causes.tsv").exists(), reason="labelled replies are not here")
def test_nine_in_ten_labelled_replies_are_told():
    with (SHARED / "corpus" / "causes.tsv").open(encoding="utf-8", newline="") as file:
        cases = [
            case for case in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if case["code"]
        ]
    told = causes_of(
        *(
            {
                "code": int(case["code"]),
                "enhanced": case["enhanced"] or None,
                "text": case["text"],
                "command": "RCPT",
            }
            for case in cases
        )
    )
    right = sum(cause in case["expected_cause"].split("|") for cause, case in zip(told, cases, strict=True))
    assert right >= 0.9 * len(cases)
