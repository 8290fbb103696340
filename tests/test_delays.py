"""Delivery times: percentiles of mail that was sent, in all and by stage."""

from pathlib import Path

import pyarrow as pa
import pytest

from logscan.cli import run
from logscan.delays import STAGES, delays_of

SAMPLES = Path(__file__).parents[1] / "sample_logs"


def replies(*rows: tuple[str, float | None, str | None]) -> pa.Table:
    """Rows of a status, a delay and its stages, ``1/2/3/4``."""
    stages = [[float(part) for part in stages.split("/")] if stages else [None] * 4 for *_, stages in rows]
    columns = zip(STAGES, zip(*stages, strict=True), strict=True)
    return pa.table(
        {
            "status": pa.array([status for status, *_ in rows]).dictionary_encode(),
            "delay": pa.array([delay for _, delay, _ in rows], pa.float64()),
            **{name: pa.array(column, pa.float64()) for name, column in columns},
        }
    )


def test_half_and_most_of_the_mail_that_was_sent_in_all_and_by_stage() -> None:
    sent = [("sent", float(n), f"0/{n}/0.5/{n / 10}") for n in range(1, 101)]
    found = delays_of(replies(*sent, ("deferred", 9999.0, "9999/0/0/0")))
    assert [delay.stage for delay in found] == [None, *STAGES.values()]
    assert [(delay.half, delay.most) for delay in found] == [(50, 95), (0, 0), (50, 95), (0.5, 0.5), (5, 9.5)]
    assert {delay.deliveries for delay in found} == {100}


def test_stages_that_the_log_does_not_give_are_left_out() -> None:
    assert [delay.stage for delay in delays_of(replies(("sent", 2.0, None), ("sent", 4.0, None)))] == [None]
    assert delays_of(replies(("deferred", 2.0, "1/1/0/0"))) == ()
    assert delays_of(replies(("sent", 2.0, "1/1/0/0")).drop_columns(["delay", *STAGES])) == ()


@pytest.mark.parametrize(
    ("log", "stages"),
    [("postfix.log", ("in all", *STAGES.values())), ("exim_mainlog", ()), ("swaks.txt", ())],
)
def test_reports_in_full_tell_delivery_times_where_the_log_does(
    log: str, stages: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "-q", "--format", "markdown", str(SAMPLES / log)]) == 0
    text = capsys.readouterr().out
    assert tuple(stage for stage in ("in all", *STAGES.values()) if f"| {stage} |" in text) == stages
