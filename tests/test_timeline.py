"""The timeline of a page: replies by class over time, with the flagged spikes behind them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from logscan.rendering.timeline import HEIGHT, WIDTH, Timeline, timeline_of
from logscan.reporting import Report, report
from logscan.scan import read_table

LOG = Path(__file__).parents[1] / "sample_logs" / "postfix.log"


@pytest.fixture(scope="module")
def day() -> Report:
    return report(read_table(str(LOG), tz="UTC"))


@pytest.fixture(scope="module")
def shown(day: Report) -> Timeline:
    found = timeline_of(day)
    assert found is not None
    return found


def heights(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"v-([\d.]+)", path)]


def test_each_class_of_refusals_is_a_layer_that_counts_all_of_them(day: Report, shown: Timeline) -> None:
    wire = [kind for kind in day.summary.kinds if kind.on_the_wire and kind.negative]
    counts = {
        "421": sum(kind.count for kind in wire if kind.code == 421),
        "other 4xx": sum(kind.count for kind in wire if kind.code != 421 and str(kind.code)[0] == "4"),
        "5xx": sum(kind.count for kind in wire if str(kind.code)[0] == "5" or kind.code is None),
    }
    refused, accepted = shown.panels
    assert {layer.name: layer.total for layer in refused.layers} == counts
    positive = [kind.count for kind in day.summary.kinds if kind.on_the_wire and (kind.code or 0) // 100 == 2]
    assert {layer.name: layer.total for layer in accepted.layers} == {"2xx": sum(positive)}


def test_the_area_of_bars_is_in_proportion_and_the_highest_pile_fills_the_picture(shown: Timeline) -> None:
    for panel in shown.panels:
        for layer in panel.layers:
            assert sum(heights(layer.path)) == pytest.approx(HEIGHT * layer.total / panel.most, rel=0.05)
        bars = "".join(layer.path for layer in panel.layers)
        tops = [float(foot) - float(up) for foot, up in re.findall(r",([\d.]+)v-([\d.]+)", bars)]
        assert min(tops) == pytest.approx(0, abs=0.2)


def test_every_flagged_spike_is_marked_where_it_was(day: Report, shown: Timeline) -> None:
    spikes = [flag for flag in day.flags if flag.kind == "spike"]
    assert len(shown.spikes) == len(spikes) == 3
    assert all(0 <= mark.left < mark.left + mark.width <= WIDTH for mark in shown.spikes)
    latest = max(zip(spikes, shown.spikes, strict=True), key=lambda pair: pair[0].start)
    assert latest[1].text == "421 rate limit 15:54-16:25"
    assert latest[1].left == pytest.approx(WIDTH * (15 * 60 + 54) / (24 * 60), abs=8)


def test_ticks_are_times_of_a_day_and_dates_of_a_week(shown: Timeline) -> None:
    assert [mark.text for mark in shown.ticks] == ["00:00", "06:00", "12:00", "18:00"]
    start = datetime(2026, 11, 2, tzinfo=UTC)
    week = [(start + timedelta(hours=hour), 550) for hour in range(7 * 24)]
    found = timeline_of(report(answers(week)))
    assert found is not None
    assert [mark.text for mark in found.ticks] == ["11-02", "11-04", "11-06", "11-08"]


def test_without_refusals_only_what_was_accepted_is_shown() -> None:
    start = datetime(2026, 11, 2, tzinfo=UTC)
    found = timeline_of(report(answers([(start + timedelta(hours=hour), 250) for hour in range(9)])))
    assert found is not None
    assert [panel.title for panel in found.panels] == ["Accepted"]


def test_without_times_there_is_none() -> None:
    assert timeline_of(report(answers([(None, 550), (None, 421)]))) is None


def answers(rows: list[tuple[datetime | None, int]]) -> pa.Table:
    """One reply at each time with its code; all other columns of a report are null."""
    from logscan.schema import SCHEMA
    from logscan.summary import REPORT_COLUMNS

    table = {
        "time": [time for time, _ in rows],
        "code": [code for _, code in rows],
        "basis": ["logged"] * len(rows),
        "direction": ["inbound"] * len(rows),
        "count": [1] * len(rows),
    }
    columns = {
        name: pa.array(table.get(name, [None] * len(rows)), SCHEMA.field(name).type)
        for name in REPORT_COLUMNS
    }
    return pa.table(columns)
