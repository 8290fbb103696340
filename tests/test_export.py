"""Exported tables come back as they were, harmless to spreadsheets and terminals, and whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import logscan
from logscan.cli import run
from logscan.errors import UsageError
from logscan.frame import from_pandas, to_pandas
from logscan.schema import SCHEMA
from logscan.text_formats import delimited, json_lines
from logscan.writers import format_names
from tables import replies

ROWS = replies(
    {
        "time": "14:05:00.25",
        "code": 421,
        "enhanced": "4.7.0",
        "direction": "outbound",
        "sender": "",
        "delay": 0.5,
    },
    {
        "direction": "inbound",
        "command": "RCPT",
        "code": 550,
        "text": 'said "no", twice',
        "recipient": "a@example.org",
    },
    {"status": "deferred", "cause": "network", "delay": float("inf")},
)
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    'a"b',
    "a,b",
    "two\nlines",
    "\x1b[31mred",
    "",
    "配達 é 😀",
    "\\",
]


def batches() -> Iterator[pa.RecordBatch]:
    """ROWS one by one, each batch with dictionaries of its own."""
    for i in range(ROWS.num_rows):
        yield from pa.Table.from_pylist(ROWS.slice(i, 1).to_pylist(), SCHEMA).to_batches()


@pytest.mark.parametrize("name", ["replies.parquet", "replies.arrow"])
def test_columnar_files_come_back_with_schema_and_mark(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert logscan.write(batches(), path) == 3
    back = pq.read_table(path) if name.endswith("parquet") else pa.ipc.open_file(path).read_all()
    assert back.schema.equals(SCHEMA)
    assert back.to_pylist() == ROWS.to_pylist()
    mark = (pq.read_schema(path) if name.endswith("parquet") else back.schema).metadata
    assert mark[b"logscan_schema"] == b"1"
    assert mark[b"logscan_version"] == logscan.__version__.encode()


@pytest.mark.parametrize("name", ["all.parquet", "by-day"])
def test_parquet_tells_which_inputs_it_is_from_and_which_parsers_read_them(tmp_path: Path, name: str) -> None:
    log = Path(__file__).parents[1] / "sample_logs" / "postfix.log"
    days = ["--partition-by", "date"] if name == "by-day" else []
    assert run(["export", "-q", str(log), "-o", str(tmp_path / name), *days]) == 0
    for path in [tmp_path / name] if not days else sorted((tmp_path / name).rglob("*.parquet")):
        mark = pq.read_metadata(path).metadata
        inputs = json.loads(mark[b"logscan_inputs"])
        assert [(found["source"], found["parser"], found["unparsed"]) for found in inputs] == [
            (str(log), "postfix", 0)
        ]
        assert inputs[0]["lines"] == log.read_bytes().count(b"\n")
        (version,) = json.loads(mark[b"logscan_parsers"]).values()
        assert re.fullmatch(re.escape(logscan.__version__) + r"\+[0-9a-f]{8}", version)


def test_parquet_reads_as_the_same_dataframe(tmp_path: Path) -> None:
    logscan.write(to_pandas(ROWS), tmp_path / "replies.parquet")
    assert from_pandas(pd.read_parquet(tmp_path / "replies.parquet")).to_pylist() == ROWS.to_pylist()


def opened(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_json_lines_hold_iso_times_and_nulls(tmp_path: Path, name: str) -> None:
    logscan.write(batches(), tmp_path / name)
    lines = [json.loads(line) for line in opened(tmp_path / name).splitlines()]
    assert [line["time"] for line in lines] == [
        "2026-11-22T14:05:00.250000Z",
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00Z",
    ]
    assert [line["code"] for line in lines] == [421, 550, None]
    assert [line["delay"] for line in lines] == [0.5, None, None]
    assert list(lines[0]) == SCHEMA.names


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.tsv.zst"])
def test_delimited_text_tells_null_from_empty(tmp_path: Path, name: str) -> None:
    logscan.write(batches(), tmp_path / name)
    options = pa.csv.ParseOptions(delimiter="," if ".csv" in name else "\t")
    convert = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    back = pa.csv.read_csv(
        io.BytesIO(opened(tmp_path / name)), parse_options=options, convert_options=convert
    )
    assert back.column_names == SCHEMA.names
    assert back["sender"].to_pylist() == ["", None, None]
    assert back["text"].to_pylist() == [None, 'said "no", twice', None]
    assert back["time"][0].as_py() == datetime(2026, 11, 22, 14, 5, 0, 250000, UTC)


def test_formulas_get_an_apostrophe_and_other_text_does_not(tmp_path: Path) -> None:
    logscan.write(
        replies(*({"text": text, "helo": text, "host": text} for text in HOSTILE)), tmp_path / "a.csv"
    )
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for text, row in zip(HOSTILE, rows, strict=True):
        assert (
            row["text"]
            == row["helo"]
            == row["host"]
            == (f"'{text}" if text[:1] in "=+-@\t\r" and text else text)
        )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=5))
def test_any_text_survives_json_lines_as_ascii(texts: list[str | None]) -> None:
    (batch,) = replies(*({"text": text, "service": text} for text in texts)).to_batches()
    written = bytes(json_lines(batch))
    assert written.isascii()
    assert [json.loads(line)["text"] for line in written.splitlines()] == texts
    assert [json.loads(line)["service"] for line in written.splitlines()] == texts


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_no_control_character_but_line_ends_reaches_a_terminal_as_csv(texts: list[str]) -> None:
    (batch,) = replies(*({"text": text} for text in texts)).to_batches()
    shown = delimited(batch, ",", header=True, for_terminal=True).decode()
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in shown.replace("\n", ""))
    assert shown.count("\n") == len(texts) + 1


def test_days_become_partitions_that_a_second_run_replaces(tmp_path: Path) -> None:
    table = replies({"time": "23:59"}, {"time": "2026-11-23T00:00"}, {"time": "2026-11-23T12:00"})
    for _ in range(2):
        assert logscan.write(table, tmp_path, partition_by="date") == 3
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["date=2026-11-22/replies.parquet", "date=2026-11-23/replies.parquet"]
    days = pa.dataset.dataset(tmp_path, partitioning="hive").to_table(columns=["date"])["date"].to_pylist()
    assert days == ["2026-11-22", "2026-11-23", "2026-11-23"]


def test_rows_without_time_have_a_partition_of_their_own(tmp_path: Path) -> None:
    table = replies({"code": 421})
    table = table.set_column(0, SCHEMA.field("time"), pa.nulls(1, SCHEMA.field("time").type))
    logscan.write(table, tmp_path, partition_by="date")
    assert (tmp_path / "date=__HIVE_DEFAULT_PARTITION__" / "replies.parquet").exists()


@pytest.mark.parametrize("kind", format_names())
def test_no_rows_make_a_valid_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"replies.{kind}"
    assert logscan.write(iter(()), path) == 0
    if kind == "parquet":
        assert pq.read_table(path).schema.equals(SCHEMA)
    elif kind == "arrow":
        assert pa.ipc.open_file(path).read_all().num_rows == 0
    else:
        assert opened(path).count(b"\n") == (0 if kind.startswith("jsonl") else 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_failure_leaves_the_old_file_and_no_other(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "replies.csv"
    path.write_text("old")

    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches()
        raise error

    with pytest.raises(error):
        logscan.write(broken(), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["replies.csv"]
    assert path.read_text() == "old"


def test_replacing_follows_links_and_keeps_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    logscan.write(ROWS, link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.read_text().startswith('"time"')


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("replies.xlsx", {}, "tells no known format"),
        ("-", {}, "needs a format"),
        ("replies.csv", {"format": "parquet.gz"}, "unknown format"),
        ("missing/replies.csv", {}, "cannot be written"),
        ("out", {"partition_by": "host"}, "only by date"),
        ("out", {"partition_by": "date", "format": "csv"}, "only Parquet"),
    ],
)
def test_what_cannot_be_written_is_said(
    tmp_path: Path, path: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        logscan.write(ROWS, path if path == "-" else tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


def test_format_overrides_the_name(tmp_path: Path) -> None:
    logscan.write(ROWS, tmp_path / "replies.txt", format="jsonl")
    assert json.loads((tmp_path / "replies.txt").read_text().splitlines()[0])["code"] == 421


def test_dataframes_may_have_other_columns_or_fewer(tmp_path: Path) -> None:
    frame = to_pandas(ROWS)[["time", "code"]].assign(
        day=datetime(2026, 11, 22).date(), odd=[True, False, None]
    )
    logscan.write(frame, tmp_path / "a.jsonl")
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert first == {"time": "2026-11-22T14:05:00.250000Z", "code": 421, "day": "2026-11-22", "odd": True}


def test_dataframe_with_wrong_values_is_refused() -> None:
    with pytest.raises(UsageError, match="no replies table"):
        from_pandas(pd.DataFrame({"code": ["many"]}))


def test_rows_of_a_day_do_not_wait_for_the_end_of_the_log(tmp_path: Path) -> None:
    days = [replies({"time": f"2026-11-{day}T10:00:00"}) for day in (20, 21, 20)]
    logscan.write((batch for day in days for batch in day.to_batches()), tmp_path, partition_by="date")
    assert pq.ParquetFile(tmp_path / "date=2026-11-20" / "replies.parquet").num_row_groups == 2
