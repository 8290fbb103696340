"""What all flags promise: their JSON, their words, and that the order of rows and repeats do not matter."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.causes import TAXONOMY
from logscan.errors import UsageError
from logscan.flagging.flags import FlagOptions, find_flags
from logscan.rendering.flags import in_words
from logscan.schema import SCHEMA
from mail_days import HOUR, MONDAY, Kind, Log, random_log
from tables import replies

LOAD = Kind("inbound", 421, "server_load", "CONNECT", 26)


def busy_log(seed: int) -> pa.Table:
    """A day with three spikes and some rejected commands."""
    log = random_log(seed, spikes=3)
    rejected = Kind("inbound", 502, "command", "VRFY", 5)
    log.add(rejected, MONDAY + 9 * HOUR + np.arange(20.0))
    return log.table


def as_json(table: pa.Table) -> str:
    return json.dumps([flag.to_dict() for flag in find_flags(table)])


@given(st.integers(0, 20), st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int, random: object) -> None:
    table = busy_log(seed)
    order = np.random.default_rng(random.getrandbits(32)).permutation(len(table))  # type: ignore[attr-defined]
    assert as_json(table.take(pa.array(order))) == as_json(table)


@given(st.integers(0, 20), st.sampled_from(["repeated", "withheld"]))
@settings(max_examples=10, deadline=None)
def test_rows_that_repeat_or_withhold_replies_change_nothing(seed: int, basis: str) -> None:
    table = busy_log(seed)
    again = table.set_column(
        table.schema.get_field_index("basis"),
        SCHEMA.field("basis"),
        pa.array([basis] * len(table)).dictionary_encode(),
    )
    assert as_json(pa.concat_tables([table, again])) == as_json(table)


@given(st.integers(0, 20), st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_how_a_table_is_cut_into_chunks_does_not_matter(seed: int, pieces: int) -> None:
    table = busy_log(seed)
    size = len(table) // pieces + 1
    cut = pa.concat_tables([table.slice(start, size) for start in range(0, len(table), size)])
    assert as_json(cut) == as_json(table)


def test_a_spike_as_json() -> None:
    log = Log(np.random.default_rng(1))
    log.background(clumped=False)
    log.spike(LOAD, 14 * HOUR + 300, 19, 60)
    (spike,) = find_flags(log.table)
    found = spike.to_dict()
    assert found["kind"] == "spike"
    assert (found["code"], found["direction"], found["cause"]) == (421, "inbound", "server_load")
    assert found["start"] == "2026-11-16T14:05:00Z"
    assert found["end"] == "2026-11-16T14:23:05Z"
    assert (found["count"], found["expected"]) == (60, 0.0)
    assert found["causes"] == {"server_load": 60}
    assert set(found["peers"][0]) == {"name", "ip", "count"}
    assert set(found["outcome"]) == {
        "messages",
        "delivered_later",
        "bounced",
        "still_queued",
        "median_delay_s",
    }
    json.dumps(found)


def test_rejected_commands_as_json() -> None:
    (flag,) = find_flags(
        replies({"time": "10:00", "code": 502, "command": "VRFY", "cause": "command", "direction": "inbound"})
    )
    found = flag.to_dict()
    assert found["kind"] == "command-rejections"
    assert (found["code"], found["command"], found["count"], found["basis"]) == (502, "VRFY", 1, "logged")
    assert (found["start"], found["end"]) == ("2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z")
    json.dumps(found)


def test_a_spike_in_words() -> None:
    log = Log(np.random.default_rng(1))
    log.background(clumped=False)
    log.spike(LOAD, 14 * HOUR + 300, 19, 60)
    (spike,) = find_flags(log.table)
    said = in_words(spike, ZoneInfo("UTC"), None)
    assert said.title == "421 server load we→them Mon 2026-11-16 14:05-14:23, 60 replies (0 expected)"
    assert in_words(spike, ZoneInfo("UTC"), spike.start).title == said.title.replace("Mon 2026-11-16 ", "")
    assert said.advice == TAXONOMY["server_load"].advice_inbound


@pytest.mark.parametrize(
    "wrong",
    [
        {"significance": 0},
        {"significance": 1},
        {"min_count": 0},
        {"factor": 0.5},
        {"min_messages": 0},
        {"peers": 0},
    ],
)
def test_options_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        FlagOptions(**wrong)  # type: ignore[arg-type]


def test_options_decide_what_is_a_spike_and_how_many_peers_are_named() -> None:
    log = Log(np.random.default_rng(1))
    log.background(clumped=False)
    log.spike(LOAD, 14 * HOUR, 20, 40)
    assert find_flags(log.table, FlagOptions(min_count=100)) == []
    (spike,) = find_flags(log.table, FlagOptions(peers=2))
    assert len(spike.peers) == 2
    assert spike.distinct_peers > 2


@pytest.mark.parametrize("columns", [{}, {"time": [None] * 30}])
def test_empty_and_timeless_tables_have_no_flags(columns: dict[str, list[None]]) -> None:
    size = len(columns.get("time", []))
    arrays = [
        pa.array([421] * size if field.name == "code" else [None] * size, field.type) for field in SCHEMA
    ]
    assert find_flags(pa.Table.from_arrays(arrays, schema=SCHEMA)) == []
