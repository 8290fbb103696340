"""``df.smtp`` counts what was on the wire, as often as ``count`` says, in any DataFrame of replies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import logscan
import logscan.accessor
from logscan.errors import UsageError
from logscan.frame import to_pandas
from reports import a_day
from tables import replies

REPOSITORY = Path(__file__).parents[1]
METHODS = {"by_cause", "by_code", "explain", "flags", "plot", "report", "timeline"}

BASES = to_pandas(
    replies(
        {"time": "10:05", "code": 421, "enhanced": "4.7.0", "cause": "rate_limit", "count": 3},
        {"time": "10:10", "code": 421, "enhanced": "4.7.0", "cause": "rate_limit", "basis": "repeated"},
        {"time": "10:20", "code": 450, "enhanced": "4.2.0", "cause": "greylisting", "basis": "withheld"},
        {"time": "12:40", "enhanced": "5.7.1", "cause": "content", "basis": "inferred", "count": 2},
        {"time": "13:00", "cause": "network", "status": "deferred"},
        {"time": "13:10", "code": 250},
        direction="outbound",
    )
)
EMPTY = BASES.iloc[:0]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts, missing values as None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_replies_are_counted_on_the_wire_and_weighted() -> None:
    counted = records(BASES.smtp.by_code()[["code", "enhanced", "replies", "inferred"]])
    assert counted == [
        {"code": 421, "enhanced": "4.7.0", "replies": 3, "inferred": 0},
        {"code": None, "enhanced": "5.7.1", "replies": 2, "inferred": 2},
        {"code": 250, "enhanced": None, "replies": 1, "inferred": 0},
    ]


def test_codes_have_names_also_where_only_the_enhanced_code_is_known() -> None:
    names = BASES.smtp.by_code()["name"]
    assert names[0].startswith("Service not available")
    assert names[1].startswith("Delivery not authorized")


def test_causes_are_those_of_negative_replies() -> None:
    assert records(BASES.smtp.by_cause()) == [
        {"direction": "outbound", "cause": "rate_limit", "label": "Rate limit", "replies": 3, "inferred": 0},
        {
            "direction": "outbound",
            "cause": "content",
            "label": "Content rejected",
            "replies": 2,
            "inferred": 2,
        },
    ]


def test_an_analyst_may_assign_causes_of_their_own() -> None:
    frame = logscan.read(REPOSITORY / "sample_logs" / "postfix.log")
    frame["cause"] = frame["cause"].astype("string[pyarrow]").replace("rate_limit", "our relay's quota")
    assert "our relay's quota" in frame.smtp.by_cause()["label"].to_list()
    report = frame.smtp.report()
    assert "421 our relay's quota" in report.to_text()
    assert "421 our relay&#39;s quota" in report.to_html()
    assert "our relay's quota" in report.to_json()


def test_counts_agree_with_the_report() -> None:
    frame = to_pandas(a_day())
    total = logscan.report(frame).summary.replies
    assert frame.smtp.by_code()["replies"].sum() == total
    assert frame.smtp.timeline().to_numpy().sum() == total
    assert frame.smtp.timeline(by="direction").to_numpy().sum() == total


def test_timelines_have_every_step_and_the_most_frequent_first() -> None:
    timeline = BASES.smtp.timeline("1h")
    assert list(timeline.index.hour) == [10, 11, 12, 13]
    assert timeline.to_dict("list") == {421: [3, 0, 0, 0], "5.7.1": [0, 0, 2, 0], 250: [0, 0, 0, 1]}
    assert list(timeline.columns) == [421, "5.7.1", 250]


def test_timelines_go_by_any_column_leaving_out_what_has_no_value() -> None:
    assert BASES.smtp.timeline("1D", by="cause").iloc[0].to_dict() == {"rate_limit": 3, "content": 2}
    mine = BASES.assign(mine="x").smtp.timeline("1D", by="mine")
    assert mine["x"].to_list() == [6]


def test_timelines_keep_the_zone_of_the_times() -> None:
    in_tokyo = BASES.assign(time=BASES["time"].dt.tz_convert("Asia/Tokyo")).smtp.timeline("1D")
    assert str(in_tokyo.index.tz) == "Asia/Tokyo"
    assert [day.isoformat() for day in in_tokyo.index] == ["2026-11-22T00:00:00+09:00"]


def test_flags_are_those_of_the_report() -> None:
    frame = logscan.read(REPOSITORY / "sample_logs" / "postfix.log")
    flags, expected = frame.smtp.flags(), logscan.report(frame).flags
    assert expected
    assert [
        (flag.kind, flag.code, flag.count, flag.start.replace(microsecond=0)) for flag in expected
    ] == list(zip(flags["kind"], flags["code"], flags["count"], flags["start"], strict=True))
    spike = flags[flags["cause"] == "rate_limit"].iloc[0]
    assert (spike["messages"], spike["delivered_later"], spike["peer"]) == (18, 17, "mx1.bigmail.example")
    probes = flags[flags["command"] == "VRFY"].iloc[0]
    assert probes["cause"] == "command"
    assert pd.isna(probes["expected"])


@pytest.mark.parametrize("table", ["flags", "by_code", "by_cause", "timeline"])
def test_nothing_gives_empty_tables(table: str) -> None:
    full, empty = getattr(BASES.smtp, table)(), getattr(EMPTY.smtp, table)()
    assert len(empty) == 0
    if table != "timeline":
        assert list(empty.columns) == list(full.columns)


def test_explanations_name_the_cause_of_the_usual_text() -> None:
    frame = to_pandas(
        replies(
            {"text": "Too many connections from 192.0.2.1"},
            {"text": "Too many connections from 192.0.2.2"},
            {"text": "Server shutting down", "basis": "repeated", "count": 9},
            {"text": "Server shutting down"},
            code=421,
            direction="inbound",
        )
    )
    explanation = frame.smtp.explain(421)
    assert explanation.reply == "Too many connections from 192.0.2.1"
    assert explanation.cause is not None
    assert explanation.cause.key == "connection_limit"
    assert explanation.direction == "inbound"


def test_explanations_without_such_replies_are_the_catalogues() -> None:
    assert BASES.smtp.explain(552) == logscan.explain(552)
    assert BASES.smtp.explain("4xx") == logscan.explain("4xx")


def test_enhanced_codes_are_explained_too() -> None:
    frame = to_pandas(replies({"enhanced": "4.7.1", "text": "greylisted", "direction": "outbound"}))
    assert frame.smtp.explain("4.7.1").reply == "greylisted"


def test_reports_and_plots_are_of_this_part() -> None:
    frame = to_pandas(a_day())
    outbound = frame[frame["direction"] == "outbound"]
    assert outbound.smtp.report(top=3) == logscan.report(outbound, top=3)
    assert "causes" in outbound.smtp.plot()


@pytest.mark.parametrize("index", ["time", "code"])
def test_a_column_may_be_the_index(index: str) -> None:
    pd.testing.assert_frame_equal(BASES.set_index(index).smtp.by_code(), BASES.smtp.by_code())
    pd.testing.assert_frame_equal(BASES.set_index(index).smtp.timeline(), BASES.smtp.timeline())


def test_the_frame_stays_as_it_was() -> None:
    before = BASES.copy()
    for name in sorted(METHODS - {"explain", "plot"}):
        getattr(BASES.smtp, name)()
    pd.testing.assert_frame_equal(BASES, before)


def test_other_frames_have_no_accessor() -> None:
    with pytest.raises(AttributeError, match="this has no column basis, enhanced"):
        _ = pd.DataFrame({"code": [421], "count": [1]}).smtp
    assert not hasattr(pd.DataFrame({"a": [1]}), "smtp")


@pytest.mark.parametrize(
    ("method", "missing"), [("timeline", "time"), ("by_cause", "cause"), ("by_code", "direction")]
)
def test_a_column_that_a_method_needs_is_named(method: str, missing: str) -> None:
    with pytest.raises(UsageError, match=f"has no column {missing}$"):
        getattr(BASES.drop(columns=missing).smtp, method)()


def test_methods_are_offered_by_tab() -> None:
    assert "smtp" in dir(BASES)
    assert {name for name in dir(BASES.smtp) if not name.startswith("_")} == METHODS


@pytest.mark.parametrize(
    ("before", "registered"),
    [
        ("import pandas", False),
        ("import logscan.accessor", True),
        ("import logscan; logscan.read(LOG)", True),
    ],
)
def test_the_accessor_is_there_once_logscan_made_a_frame(before: str, registered: bool) -> None:
    code = (
        f"LOG = 'sample_logs/postfix.log'; {before}; import pandas; print(hasattr(pandas.DataFrame, 'smtp'))"
    )
    environment = {"PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(registered)


def test_every_method_shows_an_example() -> None:
    undocumented = [
        name for name in METHODS if ">>>" not in getattr(logscan.accessor.SmtpAccessor, name).__doc__
    ]
    assert not undocumented
