"""The replies table as a DataFrame: sensible types, and nothing lost on the way back or through files."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

import logscan
from logscan.errors import UsageError
from logscan.frame import from_pandas, to_pandas
from logscan.schema import SCHEMA
from reports import a_day
from tables import replies

SAMPLE = Path(__file__).parents[1] / "sample_logs" / "postfix.log"
DAY = a_day()
#: Replies of that day by code, as any tool must find them.
BY_CODE = {250: 121, 421: 20, 450: 1, 502: 12, 554: 32}

CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda frame: frame,
    "columns in another order": lambda frame: frame[frame.columns[::-1]],
    "time as index": lambda frame: frame.set_index("time"),
    "time in another zone": lambda frame: frame.assign(time=frame["time"].dt.tz_convert("Asia/Tokyo")),
    "time without zone": lambda frame: frame.assign(time=frame["time"].dt.tz_localize(None)),
    "time as text": lambda frame: frame.assign(time=frame["time"].astype(str)),
    "words as objects": lambda frame: frame.astype(dict.fromkeys(["direction", "basis", "cause"], object)),
    "codes as floats": lambda frame: frame.astype({"code": "Float64"}).astype({"code": float}),
    "put together": lambda frame: pd.concat([frame.iloc[:50], frame.iloc[50:]]),
    "with a column of anything": lambda frame: frame.assign(mine=[object()] * len(frame)),
}


def test_categories_are_those_that_there_are_whatever_came_first() -> None:
    causes = ("timeout", "dns", "timeout", "greylisting")
    frame = to_pandas(replies(*({"cause": cause} for cause in causes)).slice(0, 3))
    assert list(frame["cause"].cat.categories) == ["dns", "timeout"]
    assert list(frame["cause"]) == ["timeout", "dns", "timeout"]


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("time", pd.DatetimeTZDtype("us", "UTC")),
        ("direction", "category"),
        ("cause", "category"),
        ("code", pd.Int16Dtype()),
        ("count", pd.Int32Dtype()),
        ("size", pd.Int64Dtype()),
        ("delay", "float64"),
        ("text", pd.StringDtype("pyarrow")),
        ("sender", pd.StringDtype("pyarrow")),
    ],
)
def test_types_are_what_an_analyst_expects(column: str, dtype: Any) -> None:
    assert logscan.read(SAMPLE)[column].dtype == dtype


texts = st.none() | st.text(max_size=5)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.none() | st.integers(200, 599),
            "sender": texts,
            "cause": texts,
            "size": st.none() | st.integers(0, 2**62),
            "delay": st.none() | st.floats(allow_nan=False),
        }
    ),
    max_size=5,
)


@given(rows)
def test_whatever_a_table_holds_comes_back(rows: list[dict[str, Any]]) -> None:
    table = replies(*rows)
    back = from_pandas(to_pandas(table))
    assert back.schema.equals(SCHEMA)
    assert back.to_pylist() == table.to_pylist()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_report_is_the_same_from_a_frame(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    assert logscan.report(change(to_pandas(DAY))).to_json() == logscan.report(DAY).to_json()


@pytest.mark.parametrize(
    "part", [lambda frame: frame[frame["direction"] == "outbound"], operator.itemgetter(slice(10, 60))]
)
def test_a_part_is_reported_as_a_part(part: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    chosen = part(to_pandas(DAY))
    table = DAY.take(pa.array(chosen.index))
    assert 0 < table.num_rows < DAY.num_rows
    assert logscan.report(chosen).to_json() == logscan.report(table).to_json()


def test_an_empty_part_gives_an_empty_report() -> None:
    assert logscan.report(to_pandas(DAY).iloc[:0]).summary.replies == 0


def test_missing_columns_are_named() -> None:
    with pytest.raises(UsageError, match=r"needs the columns text, count$"):
        logscan.report(to_pandas(DAY).drop(columns=["count", "text"]))


def test_a_column_that_does_not_fit_is_named() -> None:
    with pytest.raises(UsageError, match=r"column code: .*many"):
        logscan.report(to_pandas(DAY).assign(code="many"))
    with pytest.raises(UsageError, match="column mine: "):
        logscan.write(to_pandas(DAY).assign(mine=[object()] * DAY.num_rows), "-", format="csv")


def test_two_columns_of_one_name_are_refused() -> None:
    frame = to_pandas(DAY)
    with pytest.raises(UsageError, match="more than one column code"):
        logscan.report(pd.concat([frame, frame[["code"]]], axis=1))


@pytest.mark.parametrize("written_by", ["pandas", "logscan"])
def test_the_report_is_the_same_after_parquet(tmp_path: Path, written_by: str) -> None:
    path = tmp_path / "replies.parquet"
    if written_by == "pandas":
        to_pandas(DAY).to_parquet(path)
    else:
        logscan.write(DAY, path)
    assert logscan.report(pd.read_parquet(path)).to_json() == logscan.report(DAY).to_json()


@pytest.mark.parametrize("written_by", ["pandas", "logscan"])
def test_the_report_is_the_same_after_csv_but_for_null_senders(tmp_path: Path, written_by: str) -> None:
    path = tmp_path / "replies.csv"
    if written_by == "pandas":
        to_pandas(DAY).to_csv(path, index=False)
    else:
        logscan.write(DAY, path)
    # pandas reads an empty text as missing.
    without_null_senders = to_pandas(DAY).replace({"sender": {"": pd.NA}})
    assert logscan.report(pd.read_csv(path)).to_json() == logscan.report(without_null_senders).to_json()


def _pandas(path: Path) -> dict[int, int]:
    frame = pd.read_parquet(path).query("basis != 'repeated'")
    return frame.groupby("code")["count"].sum().to_dict()


def _pyarrow(path: Path) -> dict[int, int]:
    table = ds.dataset(path, partitioning="hive").to_table(columns=["code", "count"])
    sums = table.filter(table["code"].is_valid()).group_by("code").aggregate([("count", "sum")])
    return dict(zip(sums["code"].to_pylist(), sums["count_sum"].to_pylist(), strict=True))


def _duckdb(path: Path) -> dict[int, int]:
    duckdb = pytest.importorskip("duckdb")
    files = f"{path}/*/*.parquet" if path.is_dir() else str(path)
    relation = duckdb.read_parquet(files, hive_partitioning=True)
    return dict(relation.filter("code IS NOT NULL").aggregate("code, sum(count)").fetchall())


def _polars(path: Path) -> dict[int, int]:
    polars = pytest.importorskip("polars")
    files = path / "*/*.parquet" if path.is_dir() else path
    frame = polars.read_parquet(files, hive_partitioning=True).drop_nulls("code")
    return dict(frame.group_by("code").agg(polars.col("count").sum()).iter_rows())


@pytest.mark.parametrize("partition_by", [None, "date"])
@pytest.mark.parametrize("reader", [_pandas, _pyarrow, _duckdb, _polars])
def test_other_tools_find_the_same_replies(
    tmp_path: Path, reader: Callable[[Path], dict[int, int]], partition_by: str | None
) -> None:
    path = tmp_path / ("replies" if partition_by else "replies.parquet")
    logscan.write(DAY, path, partition_by=partition_by)
    assert reader(path) == BY_CODE


def test_other_tools_read_times_as_times(tmp_path: Path) -> None:
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    path = tmp_path / "replies.parquet"
    logscan.write(DAY, path)
    earliest = min(DAY["time"].to_pylist())
    assert polars.read_parquet(path)["time"].min() == earliest
    moments = duckdb.read_parquet(str(path)).aggregate("epoch_us(min(time))").fetchall()
    assert moments == [(pa.scalar(earliest, DAY["time"].type).value,)]
