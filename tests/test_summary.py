"""What is counted, and as what."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.reasons import fold
from logscan.schema import SCHEMA, WIRE
from logscan.summary import REPORT_COLUMNS, Ranking, Summary, summarise, totals
from tables import moment, replies

SENT = {"direction": "outbound", "command": "EOD", "code": 250, "enhanced": "2.0.0", "status": "sent"}
DEFERRED = {
    "direction": "outbound",
    "code": 421,
    "status": "deferred",
    "cause": "rate_limit",
    "text": "Too many messages from 192.0.2.1",
    "peer_name": "mx.example.net",
    "peer_ip": "192.0.2.7",
}
REFUSED = {
    "direction": "inbound",
    "command": "RCPT",
    "code": 554,
    "enhanced": "5.7.1",
    "status": "rejected",
    "cause": "relay_denied",
    "text": "<x@example.org>: Relay access denied",
    "peer_name": "unknown",
    "peer_ip": "203.0.113.9",
}


def names(ranking: Ranking) -> list[tuple[str, int]]:
    return [(entry.name, entry.total) for entry in ranking.entries]


def test_no_rows_make_an_empty_summary() -> None:
    summary = summarise(replies())
    assert (summary.first, summary.outcomes, summary.kinds, summary.reasons) == (None, {}, (), ())


def test_report_columns_suffice() -> None:
    table = replies(SENT, DEFERRED, REFUSED)
    assert summarise(table.select(REPORT_COLUMNS)) == summarise(table)
    assert set(REPORT_COLUMNS) < set(SCHEMA.names)


def test_outcomes_count_received_mail_attempts_and_refusals() -> None:
    received = {"direction": "inbound", "command": "EOD", "code": 250, "basis": "inferred"}
    outcomes = summarise(replies(received, SENT, SENT, DEFERRED, REFUSED)).outcomes
    assert outcomes == {"received": 1, "sent": 2, "deferred": 1, "refused": 1}


@pytest.mark.parametrize(
    "row",
    [
        {**SENT, "status": "filtered"},
        {**REFUSED, "basis": "withheld"},
        {**REFUSED, "basis": "repeated"},
        {"direction": "inbound", "command": "RCPT", "code": 250},
    ],
    ids=["leg to a content filter", "never sent", "same line in another log", "not the end of a message"],
)
def test_what_is_no_outcome_is_not_counted_as_one(row: dict[str, Any]) -> None:
    assert summarise(replies(row)).outcomes == {}


def test_an_attempt_that_repeats_an_earlier_reply_is_deferred_but_no_new_reply() -> None:
    summary = summarise(replies(DEFERRED, {**DEFERRED, "basis": "repeated"}))
    assert summary.outcomes == {"deferred": 2}
    assert totals((kind for kind in summary.kinds if kind.on_the_wire), "code") == [(421, 1)]


def test_one_row_may_stand_for_several_replies() -> None:
    summary = summarise(replies({**REFUSED, "count": 3}, REFUSED))
    assert summary.outcomes == {"refused": 4}
    assert totals(summary.kinds, "code", "command") == [(554, "RCPT", 4)]


def test_enhanced_code_alone_counts_in_its_class() -> None:
    (kind,) = summarise(replies({"direction": "inbound", "enhanced": "4.7.1"})).kinds
    assert kind.on_the_wire
    assert kind.negative


def test_attempt_without_reply_is_an_outcome_and_no_reply() -> None:
    summary = summarise(replies({"direction": "outbound", "status": "deferred", "cause": "network"}))
    assert summary.outcomes == {"deferred": 1}
    assert not summary.kinds[0].replied


def test_reasons_fold_what_varies_and_name_the_commonest_host() -> None:
    rows = [{**DEFERRED, "text": f"Too many messages from 192.0.2.{i}"} for i in range(3)]
    rows.append({**DEFERRED, "peer_name": "other.example.net", "basis": "inferred"})
    (reason,) = summarise(replies(*rows)).reasons
    assert (reason.outcome, reason.code, reason.text) == ("deferred", 421, "Too many messages from …")
    assert (reason.count, reason.inferred, reason.peer, reason.peer_count) == (4, 1, "mx.example.net", 3)


def test_reasons_keep_the_most_frequent_of_each_outcome() -> None:
    rows = [{**DEFERRED, "text": text} for text in ("a", "b", "b", "c", "c", "c")]
    summary = summarise(replies(*rows, REFUSED), top=2)
    assert [(reason.outcome, reason.text) for reason in summary.reasons] == [
        ("deferred", "c"),
        ("deferred", "b"),
        ("refused", "…: Relay access denied"),
    ]


def test_peers_rank_by_negative_replies_and_fall_back_to_the_address() -> None:
    summary = summarise(replies(SENT, DEFERRED, {**DEFERRED, "code": 450}, REFUSED))
    assert names(summary.servers) == [("mx.example.net", 2)]
    assert summary.servers.entries[0].parts == {"421": 1, "450": 1}
    assert names(summary.clients) == [("203.0.113.9", 1)]


def test_rankings_say_how_many_more_there_are() -> None:
    rows = [{**SENT, "recipient": f"user{i}@Example.{tld}"} for i, tld in enumerate(["org", "net", "org"])]
    summary = summarise(replies(*rows), top=1)
    assert names(summary.domains) == [("example.org", 2)]
    assert summary.domains.distinct == 2
    assert summary.recipients.distinct == 3


def test_null_sender_is_a_sender() -> None:
    assert names(summarise(replies({**SENT, "sender": ""}, SENT)).senders) == [("", 1)]


def test_timeline_counts_by_quarter_hour() -> None:
    summary = summarise(replies({**DEFERRED, "time": "14:05"}, {**DEFERRED, "time": "14:14:59"}, DEFERRED))
    quarter = int(moment("14:00").timestamp()) // 900
    assert summary.timeline["421"] == {quarter: 2, int(moment("12:00").timestamp()) // 900: 1}
    assert summary.timeline["deferred"] == summary.timeline["421"]


def test_row_without_time_is_counted_but_on_no_timeline() -> None:
    table = replies(DEFERRED)
    table = table.set_column(0, SCHEMA.field("time"), pa.nulls(1, SCHEMA.field("time").type))
    summary = summarise(table)
    assert summary.outcomes == {"deferred": 1}
    assert summary.timeline == {"421": {}, "deferred": {}}


ROW = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(["inbound", "outbound", None]),
        "code": st.sampled_from([250, 421, 450, 550, None]),
        "enhanced": st.sampled_from(["4.7.0", "5.1.1", None]),
        "basis": st.sampled_from(["logged", "inferred", "repeated", "withheld"]),
        "status": st.sampled_from(["sent", "deferred", "rejected", "filtered", None]),
        "text": st.text(max_size=5),
        "peer_name": st.sampled_from(["a.example.net", "unknown", None]),
        "count": st.integers(1, 4),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=12), st.integers(1, 5))
def test_totals_agree_with_counting_row_by_row(rows: list[dict[str, Any]], chunk: int) -> None:
    table = pa.Table.from_batches(replies(*rows).to_batches(max_chunksize=chunk), SCHEMA)
    summary = summarise(table, top=100)
    expected: Counter[Any] = Counter()
    for row in rows:
        if row["basis"] in WIRE and (row["code"] or row["enhanced"]):
            expected[row["direction"], row["code"], row["enhanced"]] += row["count"]
    wire = [kind for kind in summary.kinds if kind.on_the_wire]
    assert Counter({tuple(key): n for *key, n in totals(wire, "direction", "code", "enhanced")}) == expected
    assert sum(reason.count for reason in summary.reasons) == sum(
        n for outcome, n in summary.outcomes.items() if outcome not in ("received", "sent")
    )


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("<user@example.com>: Greylisted for 300 seconds", "…: Greylisted for … seconds"),
        (
            "[TSS04] Messages from 192.0.2.1 temporarily deferred",
            "[TSS04] Messages from … temporarily deferred",
        ),
        ("Error: too many connections from 2001:db8::7", "Error: too many connections from …"),
        ("come back in 00:05:00", "come back in …"),
        ("user@example.com unknown", "… unknown"),
        ("Try later d2e1a72fcca58-7a0abc12345 - gsmtp", "Try later … - gsmtp"),
        ("mx1.example.net closing connection", "mx1.example.net closing connection"),
        ("", ""),
    ],
)
def test_folding_keeps_words_and_provider_codes(text: str, folded: str) -> None:
    assert fold(pa.array([text])).to_pylist() == [folded]


def test_folding_cuts_endless_texts_and_keeps_null() -> None:
    assert [len(text or "") for text in fold(pa.array(["x" * 5000, None])).to_pylist()] == [300, 0]


def test_summary_is_immutable() -> None:
    summary: Summary = summarise(replies())
    with pytest.raises(AttributeError):
        summary.hosts = ()  # type: ignore[misc]
