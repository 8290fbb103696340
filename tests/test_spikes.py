"""Spikes are found where there are some, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from logscan.flagging.flags import Spike, find_flags
from mail_days import (
    BLIP,
    DAY,
    GREYLISTED,
    GUESSES,
    HOUR,
    MINUTE,
    MONDAY,
    SENT,
    Kind,
    Label,
    Log,
    random_log,
)

LOAD = Kind("inbound", 421, "server_load", "CONNECT", 120)
LIMIT = Kind("inbound", 421, "connection_limit", "CONNECT", 1)
RATE = Kind("outbound", 421, "rate_limit", "MAIL", 1)
NOON = 12 * HOUR


def spikes(table: pa.Table) -> list[Spike]:
    return [flag for flag in find_flags(table) if isinstance(flag, Spike)]


def temporary(table: pa.Table) -> list[Spike]:
    return [spike for spike in spikes(table) if spike.code is not None and spike.code < 500]


def day(seed: int = 1, days: int = 1) -> Log:
    log = Log(np.random.default_rng(seed), days)
    log.background(clumped=False)
    return log


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(MONDAY + seconds, UTC)


def matches(spike: Spike, label: Label) -> bool:
    """Whether the spike tells of the labelled one, and not of half the day besides."""
    start, end = spike.start.timestamp(), spike.end.timestamp()
    same_kind = (spike.direction, spike.code) == (label.kind.direction, label.kind.code)
    tight = end - start <= 3 * (label.end - label.start) + 30 * MINUTE
    return same_kind and start < label.end and label.start < end and tight


# ------------------------------------------------------------------ how well


@pytest.mark.parametrize(
    ("logs", "clumped", "days"), [(range(16), False, 1), (range(16), True, 1), (range(4), False, 7)]
)
def test_most_spikes_are_found_with_their_cause_and_few_others(logs: range, clumped: bool, days: int) -> None:
    labelled = found = right_cause = false = 0
    for seed in logs:
        log = random_log(seed, days=days, spikes=3, clumped=clumped)
        raised = spikes(log.table)
        hits = [(spike, label) for label in log.labels for spike in raised if matches(spike, label)]
        labelled += len(log.labels)
        found += len({id(label) for _, label in hits})
        right_cause += sum(spike.cause == label.kind.cause for spike, label in hits)
        false += len(raised) - len({id(spike) for spike, _ in hits})
    assert found / labelled >= 0.95
    assert found / (found + false) >= 0.9
    assert right_cause >= 0.95 * found


@pytest.mark.parametrize("clumped", [False, True])
def test_quiet_days_raise_hardly_any_alarm(clumped: bool) -> None:
    alarms = sum(len(spikes(random_log(seed, spikes=0, clumped=clumped).table)) for seed in range(25))
    assert alarms / 25 <= 0.2


# ------------------------------------------------------------------ what must be found


def test_a_spike_of_something_that_never_happens_otherwise() -> None:
    log = day()
    log.spike(LOAD, NOON, 10, 30)
    (spike,) = temporary(log.table)
    assert (spike.cause, spike.count, spike.expected) == ("server_load", 30, 0)


def test_a_huge_spike_does_not_hide_itself() -> None:
    log = day()
    log.spike(GREYLISTED, NOON, 20, 5000)
    (spike,) = temporary(log.table)
    assert matches(spike, log.labels[0])
    assert spike.expected < 20


def test_two_equal_spikes_do_not_hide_each_other() -> None:
    log = day()
    log.spike(LOAD, 9 * HOUR, 20, 300)
    log.spike(LOAD, 15 * HOUR, 20, 300)
    first, second = temporary(log.table)
    assert matches(first, log.labels[0])
    assert matches(second, log.labels[1])


def test_start_and_end_are_those_of_the_first_and_last_refusal() -> None:
    log = day()
    log.spike(LOAD, NOON, 40, 100)
    (spike,), (label,) = temporary(log.table), log.labels
    assert spike.start.timestamp() == int(label.start)
    assert spike.end.timestamp() == int(label.end) + 1


def test_three_incidents_in_the_same_hour_are_three_flags() -> None:
    log = day()
    log.spike(LOAD, NOON, 40, 80)
    log.spike(GREYLISTED, NOON + 5 * MINUTE, 30, 150)
    log.spike(RATE, NOON + 10 * MINUTE, 40, 60)
    causes = [spike.cause for spike in temporary(log.table)]
    assert sorted(causes) == ["greylisting", "rate_limit", "server_load"]


def test_greylisting_answered_with_450_and_451_is_one_flag_under_the_code_most_used() -> None:
    log = day()
    log.spike(GREYLISTED, NOON, 20, 150)
    log.spike(Kind("inbound", 450, "greylisting", "RCPT", 250), NOON, 20, 60)
    (spike,) = temporary(log.table)
    assert spike.code == 451
    assert spike.codes[450] == 60


def test_what_one_provider_says_in_many_words_is_one_incident() -> None:
    log = day()
    for cause in ("rate_limit", "connection_limit", "unknown"):
        log.spike(Kind("outbound", 421, cause, "MAIL", 1), NOON, 20, 9)
    table = log.table
    provider = pa.array(["mx1.bigmail.example" if kind else None for kind in is_from_spikes(table)])
    table = table.set_column(table.schema.get_field_index("peer_name"), "peer_name", provider)
    (spike,) = temporary(table)
    assert spike.single_peer
    assert spike.causes == {"connection_limit": 9, "rate_limit": 9, "unknown": 9}


def is_from_spikes(table: pa.Table) -> list[bool]:
    rows = zip(table["command"].to_pylist(), table["code"].to_pylist(), strict=True)
    return [(command, code) == ("MAIL", 421) for command, code in rows]


def test_a_log_of_ten_minutes() -> None:
    log = Log(np.random.default_rng(3))
    log.add(SENT, MONDAY + np.linspace(0, 10 * MINUTE, 200))
    log.spike(LIMIT, 4 * MINUTE, 0.5, 40)
    (spike,) = spikes(log.table)
    assert matches(spike, log.labels[0])
    assert spike.end - spike.start <= timedelta(seconds=31)


def test_a_log_of_four_weeks() -> None:
    log = day(seed=2, days=28)
    log.spike(RATE, 17 * DAY + NOON, 15, 60)
    (spike,) = temporary(log.table)
    assert matches(spike, log.labels[0])


@pytest.mark.parametrize("hours", [2, 4, 6, 8])
def test_an_outage_that_lasts_for_hours(hours: int) -> None:
    log = day()
    log.spike(LOAD, 9 * HOUR, hours * 60, 60 * hours)
    (spike,) = temporary(log.table)
    assert matches(spike, log.labels[0])
    assert spike.count >= 55 * hours


def test_one_peer_that_gets_nearly_all_is_named() -> None:
    log = day()
    log.spike(LIMIT, NOON, 20, 40)
    (spike,) = temporary(log.table)
    assert spike.single_peer
    assert spike.distinct_peers == 1
    assert [(peer.ip, peer.count) for peer in spike.peers] == [("198.51.100.1", 40)]


def test_a_spike_at_the_end_of_the_log_is_still_going_on() -> None:
    log = day()
    log.spike(LOAD, DAY - 30 * MINUTE, 30, 60)
    log.spike(RATE, NOON, 30, 60)
    earlier, last = temporary(log.table)
    assert not earlier.ongoing
    assert last.ongoing


def test_the_peak_is_the_busiest_minute() -> None:
    log = day()
    log.spike(LOAD, NOON, 40, 40)
    log.spike(LOAD, NOON + 20 * MINUTE, 0.5, 40)
    (spike,) = temporary(log.table)
    assert spike.peak.seconds == 60
    assert spike.peak.count >= 35
    assert abs(spike.peak.start - at(NOON + 20 * MINUTE)) <= timedelta(minutes=1)


def test_the_share_of_all_replies_inside_and_outside() -> None:
    log = Log(np.random.default_rng(1))
    log.add(SENT, MONDAY + np.arange(0, DAY, 60.0))
    log.spike(LOAD, NOON, 10, 100)
    (spike,) = spikes(log.table)
    assert spike.share_inside == pytest.approx(100 / 110, abs=0.01)
    assert spike.share_outside == 0


def test_replies_with_an_enhanced_code_alone_count_in_its_class() -> None:
    log = day()
    log.spike(Kind("inbound", 451, "scan_failure", "EOD", 100), NOON, 20, 40)
    table = log.table
    failed = [cause == "scan_failure" for cause in table["cause"].to_pylist()]
    code = pa.array(
        [None if bare else code for bare, code in zip(failed, table["code"].to_pylist(), strict=True)],
        pa.int16(),
    )
    enhanced = pa.array(["4.7.1" if bare else None for bare in failed])
    table = table.set_column(table.schema.get_field_index("code"), "code", code)
    table = table.set_column(table.schema.get_field_index("enhanced"), "enhanced", enhanced)
    (spike,) = temporary_or_bare(table)
    assert (spike.code, spike.cause, spike.count) == (None, "scan_failure", 40)


def temporary_or_bare(table: pa.Table) -> list[Spike]:
    return [spike for spike in spikes(table) if spike.code is None or spike.code < 500]


# ------------------------------------------------------------------ what became of the mail


def test_what_was_delivered_later_bounced_or_is_still_queued() -> None:
    log = day()
    messages = log.spike(RATE, NOON, 20, 40)
    end = MONDAY + NOON + 20 * MINUTE
    log.add(SENT, np.full(25, end + 10 * MINUTE), messages[:25])
    log.add(
        Kind("outbound", 550, "policy", "RCPT", 1, status="bounced"), np.full(5, end + HOUR), messages[25:30]
    )
    (spike,) = temporary(log.table)
    outcome = spike.outcome
    assert (outcome.messages, outcome.delivered_later, outcome.bounced, outcome.still_queued) == (
        40,
        25,
        5,
        10,
    )
    assert outcome.median_delay_s == pytest.approx(20 * MINUTE, abs=11 * MINUTE)


def test_greylisted_clients_that_came_back_and_were_accepted() -> None:
    log = day()
    messages = log.spike(GREYLISTED, NOON, 20, 100)
    delivered = Kind("outbound", 250, None, "EOD", 1)
    log.add(delivered, np.full(30, MONDAY + NOON + 40 * MINUTE), messages[:30])
    (spike,) = temporary(log.table)
    assert spike.outcome.delivered_later == 30
    assert spike.outcome.bounced == 0


# ------------------------------------------------------------------ the cause of replies that tell none


def unclear(direction: str, command: str, peers: int, code: int = 421) -> Kind:
    return Kind(direction, code, "unknown", command, peers)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (unclear("inbound", "CONNECT", 1), "connection_limit"),
        (unclear("inbound", "CONNECT", 100), "server_load"),
        (unclear("inbound", "RCPT", 1, 450), "rate_limit"),
        (unclear("inbound", "EOD", 100, 451), "scan_failure"),
        (unclear("inbound", "EOD", 100, 452), "storage_full"),
        (unclear("outbound", "CONNECT", 1), "unknown"),
    ],
)
def test_stage_and_peers_tell_the_cause(kind: Kind, cause: str) -> None:
    log = day()
    log.spike(kind, NOON, 20, 60)
    (spike,) = temporary(log.table)
    assert spike.cause == cause
    assert spike.causes == {"unknown": 60}
    assert (spike.reason is None) == (cause == "unknown")


def test_later_acceptance_tells_greylisting() -> None:
    log = day()
    messages = log.spike(unclear("outbound", "RCPT", 5, 450), NOON, 20, 40)
    log.add(SENT, MONDAY + NOON + 30 * MINUTE + np.arange(40.0), messages)
    (spike,) = temporary(log.table)
    assert spike.cause == "greylisting"


def test_a_block_of_all_clients_while_nothing_passes_is_maintenance() -> None:
    log = Log(np.random.default_rng(1))
    times = np.arange(0, DAY, 60.0)
    log.add(SENT, MONDAY + times[(times < NOON) | (times > NOON + 5 * MINUTE)])
    log.spike(unclear("inbound", "CONNECT", 100), NOON + MINUTE, 3, 60)
    (spike,) = spikes(log.table)
    assert spike.cause == "maintenance"


def test_unclear_replies_of_two_servers_at_a_time_are_two_incidents() -> None:
    log = day()
    log.spike(unclear("outbound", "CONNECT", 1), NOON, 20, 60)
    log.spike(unclear("outbound", "RCPT", 1, 450), NOON, 20, 60)
    table = log.table
    greeting = [command == "CONNECT" for command in table["command"].to_pylist()]
    names = [f"mx.{'one' if at_greeting else 'two'}.example" for at_greeting in greeting]
    table = table.set_column(table.schema.get_field_index("peer_name"), "peer_name", pa.array(names))
    assert sorted(spike.code or 0 for spike in temporary(table)) == [421, 450]


# ------------------------------------------------------------------ what must not raise an alarm


def nothing(_: Log) -> None:
    """The background alone."""


def steady_noisy_peer(log: Log) -> None:
    log.add(Kind("inbound", 421, "timeout", "CONNECT", 1), MONDAY + np.arange(0, DAY, 120.0))


def high_level_all_day(log: Log) -> None:
    log.add(LOAD, MONDAY + np.sort(log.rng.random(3000)) * DAY)


def small_blips(log: Log) -> None:
    for hour in range(0, 24, 3):
        log.add(BLIP, MONDAY + hour * HOUR + log.rng.random(4) * 5 * MINUTE)


def one_message_to_fifty_recipients(log: Log) -> None:
    message = log.add(RATE, np.array([MONDAY + NOON]))
    log.add(RATE, MONDAY + NOON + np.arange(50) / 100, message * 50, recipients=range(50))


def queue_retried_all_day(log: Log) -> None:
    messages = log.add(RATE, MONDAY + log.rng.random(60) * HOUR)
    for turn in range(1, 24):
        log.add(RATE, MONDAY + turn * HOUR + log.rng.random(60) * HOUR, messages)


@pytest.mark.parametrize(
    "nuisance",
    [
        nothing,
        steady_noisy_peer,
        high_level_all_day,
        small_blips,
        one_message_to_fifty_recipients,
        queue_retried_all_day,
    ],
)
def test_no_alarm(nuisance: Callable[[Log], None]) -> None:
    log = day()
    nuisance(log)
    assert spikes(log.table) == []


def test_no_alarm_in_a_traffic_peak_that_refusals_only_follow() -> None:
    log = Log(np.random.default_rng(1))
    log.background(clumped=False, peak=NOON)
    assert temporary(log.table) == []


def test_retries_after_a_spike_are_no_second_one() -> None:
    log = day()
    messages = log.spike(RATE, NOON, 10, 80)
    for minutes in (30, 90):
        log.add(RATE, MONDAY + NOON + minutes * MINUTE + log.rng.random(60) * 5 * MINUTE, messages[:60])
    (spike,) = temporary(log.table)
    assert spike.end <= at(NOON + 11 * MINUTE)


def test_cut_edges_are_no_spike() -> None:
    table = day().table
    cut = table.filter(pa.compute.greater(table["time"], at(NOON + 7 * MINUTE)))
    assert spikes(cut) == []


def test_a_gap_in_the_log_lowers_no_baseline() -> None:
    log = Log(np.random.default_rng(1))
    times = MONDAY + np.sort(log.rng.random(20_000)) * DAY
    log.add(GREYLISTED, times[(times < MONDAY + 8 * HOUR) | (times > MONDAY + 13 * HOUR)])
    assert spikes(log.table) == []


def test_the_hour_that_a_clock_set_back_logs_twice_is_no_spike() -> None:
    log = Log(np.random.default_rng(1))
    times = np.sort(log.rng.random(4000)) * DAY
    log.add(GUESSES, MONDAY + np.where(times > 2 * HOUR, times - HOUR, times))
    assert spikes(log.table) == []


def test_lines_logged_before_the_clock_was_set_do_not_matter() -> None:
    log = day()
    log.spike(LOAD, NOON, 20, 60)
    log.add(SENT, np.arange(3.0))  # in 1970
    (spike,) = temporary(log.table)
    assert spike.count == 60


@pytest.mark.parametrize("basis", ["repeated", "withheld"])
def test_what_was_not_on_the_wire_is_no_spike(basis: str) -> None:
    log = day()
    log.spike(LOAD, NOON, 20, 60)
    table = log.table
    load = [cause == "server_load" for cause in table["cause"].to_pylist()]
    column = pa.array([basis if row else "logged" for row in load])
    table = table.set_column(table.schema.get_field_index("basis"), "basis", column.dictionary_encode())
    assert temporary(table) == []


@pytest.mark.parametrize("rows", [0, 1, 11])
def test_a_log_with_next_to_nothing_in_it(rows: int) -> None:
    log = Log(np.random.default_rng(1))
    log.add(LOAD, MONDAY + np.arange(float(rows)))
    assert spikes(log.table) == []
