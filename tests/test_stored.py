"""What ``logscan export`` wrote is read like a log: whole or by time, and refused in one line if it is not right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import logscan
from logscan.cli import run
from logscan.errors import NothingUnderstood, UnreadableInput, UsageError
from logscan.scan import scan
from logscan.schema import SCHEMA
from tables import moment, replies

DAYS = replies(
    {"time": "2026-11-21T23:00:00", "code": 250, "command": "EOD", "direction": "outbound", "status": "sent"},
    {
        "time": "2026-11-22T10:00:00",
        "code": 421,
        "text": "Slow down",
        "cause": "rate_limit",
        "status": "deferred",
    },
    {"time": "2026-11-22T11:00:00", "code": 550, "text": "No such user here", "direction": "inbound"},
)
SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "events.parquet"
    logscan.write(DAYS, path)
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    logscan.write(DAYS, tmp_path / "days", partition_by="date")
    return tmp_path / "days"


def test_rows_come_back(table: Path) -> None:
    back = logscan.read_table(table)
    assert back.schema.equals(SCHEMA)
    assert back.drop_columns("cause").to_pylist() == DAYS.drop_columns("cause").to_pylist()
    with table.open("rb") as stream:
        assert logscan.read_table(stream).equals(back)


def test_a_cause_that_was_stored_stays_and_others_are_told(table: Path) -> None:
    assert logscan.read_table(table)["cause"].to_pylist() == [None, "rate_limit", "recipient_unknown"]


def test_a_dataset_is_read_day_by_day(dataset: Path) -> None:
    assert logscan.read_table(dataset).equals(
        logscan.read_table([dataset / "date=2026-11-21", dataset / "date=2026-11-22"])
    )
    assert [time.day for time in logscan.read_table(dataset)["time"].to_pylist()] == [21, 22, 22]


def test_days_outside_the_window_are_not_opened(dataset: Path) -> None:
    (dataset / "date=2026-11-21" / "replies.parquet").write_bytes(b"PAR1 damaged")
    reading = scan(dataset, since=SUNDAY)
    assert sum(batch.num_rows for batch in reading) == 2
    assert [report.lines for report in reading.inputs] == [2]
    with pytest.raises(NothingUnderstood, match="days from 2026-11-21 to 2026-11-22"):
        logscan.read_table(dataset, since=SUNDAY + timedelta(days=7))


def test_row_groups_outside_the_window_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    mark = {"logscan_schema": "1", "logscan_version": "0.1.0"}
    pq.write_table(DAYS.replace_schema_metadata(mark), path, row_group_size=1)
    told: list[int] = []
    rows = list(scan(path, since=moment("10:30"), on_progress=lambda _, done, total: told.append(done)))
    assert [row["code"] for batch in rows for row in batch.to_pylist()] == [550]
    assert len(told) == 1


def test_python_takes_the_words_of_the_command_line_for_times(dataset: Path) -> None:
    assert logscan.read_table(dataset, since="2026-11-22", tz="UTC") == logscan.read_table(
        dataset, since=SUNDAY
    )
    with pytest.raises(UsageError, match="no time that logscan understands"):
        logscan.read_table(dataset, until="whenever")


def test_only_wanted_columns_are_read(table: Path) -> None:
    batch = next(iter(scan(table, columns=["time", "code"])))
    assert batch.schema.equals(SCHEMA)
    assert batch["code"].to_pylist() == [250, 421, 550]
    assert batch["text"].null_count == 3


def test_only_lines_of_one_syslog_name_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    logscan.write(replies({"service": "postfix-out/smtp"}, {"service": "postfix/smtp"}, {}), path)
    assert logscan.read_table(path, syslog_name="postfix-out").num_rows == 1


def _newer(path: Path) -> None:
    pq.write_table(DAYS.replace_schema_metadata({"logscan_schema": "2"}), path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)


def _other_type(path: Path) -> None:
    place = SCHEMA.get_field_index("code")
    table = DAYS.set_column(place, "code", pa.array(["250", "421", "550"]))
    pq.write_table(table.replace_schema_metadata({"logscan_schema": "1"}), path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: pd.DataFrame({"a": [1]}).to_parquet(path), "none that logscan wrote"),
        (_newer, "a table of version 2"),
        (_cut, "a damaged Parquet file"),
        (_flipped, "a damaged Parquet file"),
        (_other_type, "the column code holds string, not int16"),
        (lambda path: logscan.write(DAYS.select(["time", "code"]), path), "lacks the columns host, parser"),
    ],
)
def test_what_is_not_right_is_told_in_one_line(
    table: Path, capsys: pytest.CaptureFixture[str], spoil: object, message: str
) -> None:
    spoil(table)  # type: ignore[operator]
    assert run(["report", str(table)]) == UnreadableInput.exit_status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_pipe_is_refused(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import sys

    reader, writer = os.pipe()
    os.write(writer, table.read_bytes()[:4000])
    os.close(writer)
    with open(reader, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(UnreadableInput, match="cannot be read from a pipe"):
            logscan.read_table("-")


def test_a_table_without_rows_is_no_empty_report(tmp_path: Path) -> None:
    logscan.write(DAYS.slice(0, 0), tmp_path / "none.parquet")
    assert run(["report", str(tmp_path / "none.parquet")]) == NothingUnderstood.exit_status


def test_the_report_says_how_many_rows_were_read(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(table), "--tz", "UTC"]) == 0
    assert "postfix 3 rows, 100 % understood" in capsys.readouterr().out
