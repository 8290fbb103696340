"""Replies tables read back from the Parquet files that ``logscan export`` and ``logscan ingest`` write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from logscan import __version__
from logscan.coverage import InputReport
from logscan.errors import UnreadableInput
from logscan.logs.machine import ScanOptions
from logscan.reading.datasets import PARQUET_MAGIC
from logscan.reading.inputs import Source
from logscan.schema import SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def is_parquet(source: Source) -> bool:
    """Whether a source is a Parquet file, told by its first bytes."""
    return source.magic(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def read_stored(
    source: Source, options: ScanOptions, report: InputReport, advance: Callable[[], object]
) -> Iterator[pa.Table]:
    """The rows of a Parquet file, row group by row group, in SCHEMA; columns that are not wanted are null.

    Row groups without a row in the window are passed over; others are given whole. ``report`` counts the file's
    rows as lines. ``advance`` is called after each row group. Raises UnreadableInput for a file that is
    damaged, not logscan's, or of a later version.
    """
    report.parser, report.unit = "parquet", "row"
    names = [name for name in options.columns or SCHEMA.names if name in SCHEMA.names]
    with _opened(source, names) as file:
        report.lines, report.reason = file.metadata.num_rows, _about(file)
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if _may_hold(group, options.since, options.until):
                with _undamaged(source.name):
                    table = file.read_row_group(number, columns=names)
                source.taken = (source.size or 0) * (number + 1) // file.num_row_groups
                advance()
                yield _of_service(_whole(table), options.syslog_name)
            report.understood += group.num_rows


def about_stored(source: Source) -> str:
    """Who wrote a Parquet file; raises UnreadableInput where ``read_stored`` would at once."""
    with _opened(source, SCHEMA.names) as file:
        return _about(file)


@contextmanager
def _opened(source: Source, columns: list[str]) -> Iterator[pq.ParquetFile]:
    import pyarrow.parquet as pq

    with source.opener(False) as raw:
        if raw.stream is None:
            raise UnreadableInput(f"{source.name}: a Parquet file cannot be read from a pipe; name the file")
        with _undamaged(source.name):
            file = pq.ParquetFile(raw.stream, page_checksum_verification=True)
        _check(source.name, file.schema_arrow, columns)
        yield file


def _about(file: pq.ParquetFile) -> str:
    written_by = (file.schema_arrow.metadata or {}).get(b"logscan_version", b"").decode("utf-8", "replace")
    return f"written by logscan {written_by}" if file.metadata.num_rows else "no rows"


@contextmanager
def _undamaged(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableInput(f"{name}: a damaged Parquet file: {reason}") from error


def _check(name: str, schema: pa.Schema, wanted: list[str]) -> None:
    """Raise UnreadableInput unless the file has logscan's mark, in a version known here, and the wanted columns."""
    mark = schema.metadata or {}
    version = mark.get(b"logscan_schema")
    if version is None:
        raise UnreadableInput(f"{name}: a Parquet file, but none that logscan wrote")
    if not version.isdigit() or int(version) > SCHEMA_VERSION:
        raise UnreadableInput(
            f"{name}: a table of version {version.decode('ascii', 'replace')}, of which logscan {__version__} "
            f"knows nothing (it reads up to {SCHEMA_VERSION}); a newer logscan reads it"
        )
    missing = [column for column in wanted if column not in schema.names]
    if missing:
        raise UnreadableInput(f"{name}: lacks the columns {', '.join(missing)}; export whole tables")
    for column in wanted:
        found, meant = schema.field(column).type, SCHEMA.field(column).type
        if _plain(found) != _plain(meant):
            raise UnreadableInput(f"{name}: the column {column} holds {found}, not {meant}")


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _may_hold(group: pq.RowGroupMetaData, since: datetime | None, until: datetime | None) -> bool:
    """Whether a row group may have a row in the window; one without statistics may."""
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema == "time" and column.statistics and column.statistics.has_min_max:
            first, last = column.statistics.min, column.statistics.max
            return (since is None or last >= since) and (until is None or first < until)
    return True


def _whole(table: pa.Table) -> pa.Table:
    """The table in SCHEMA: nulls where it has no column."""
    columns = [
        table[name].cast(type_) if name in table.column_names else pa.nulls(table.num_rows, type_)
        for name, type_ in zip(SCHEMA.names, SCHEMA.types, strict=True)
    ]
    return pa.table(columns, schema=SCHEMA)


def _of_service(table: pa.Table, syslog_name: str | None) -> pa.Table:
    if syslog_name is None:
        return table
    service = table["service"].cast(pa.string())
    return table.filter(pc.starts_with(service, f"{syslog_name}/").fill_null(False))
