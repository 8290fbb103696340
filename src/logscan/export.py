"""Writes the replies table to files, batch by batch: they appear whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logscan import __version__
from logscan.atomic import make_folder, replacing
from logscan.errors import UsageError
from logscan.reading.datasets import NO_DAY
from logscan.schema import SCHEMA, SCHEMA_VERSION
from logscan.writers import About, ParquetRows, Write, format_names, known_format, writer

if TYPE_CHECKING:
    import pandas as pd

#: The mark of logscan in what it writes.
METADATA = {"logscan_schema": str(SCHEMA_VERSION), "logscan_version": __version__}


def write(
    replies: pd.DataFrame | pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch],
    path: str | PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the name that callers expect
    partition_by: str | None = None,
    about: About | None = None,
) -> int:
    """Write ``replies``, a DataFrame, a Table, or RecordBatches one by one; return how many rows there were.

    The format follows from the name's ending, or is ``format``: ``parquet``, ``arrow`` (an IPC file),
    ``csv``, ``tsv`` or ``jsonl`` (JSON Lines); the last three also compressed, as ``csv.gz`` or ``csv.zst``.
    The path ``-`` is standard output and needs ``format``. With ``partition_by="date"``, ``path`` is a folder
    that gets a Parquet file for each day (UTC), ``date=2026-11-22/replies.parquet``; it replaces an earlier
    file of the same day. ``about`` gives further metadata of Parquet files once all rows are written.

    In CSV and TSV a text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``,
    ``@``, tab or carriage return) gets a leading apostrophe. Raises UsageError if the format is unknown or
    the file cannot be written.
    """
    if partition_by is not None:
        if partition_by != "date" or format not in (None, "parquet"):
            raise UsageError("only Parquet can be partitioned, and only by date")
        return write_days(*as_batches(replies), Path(path), "replies.parquet", about)
    chosen = known_format(format) if format else format_of(path)
    schema, batches = as_batches(replies)
    with ExitStack() as stack:
        if str(path) == "-":
            stream, for_terminal = sys.stdout.buffer, sys.stdout.isatty()
        else:
            stream, for_terminal = stack.enter_context(replacing(Path(path))), False
        add = stack.enter_context(writer(chosen, stream, schema, for_terminal=for_terminal, about=about))
        return sum(_add(add, batch) for batch in batches)


def format_of(path: str | PathLike[str]) -> str:
    """The format that the ending of ``path`` names; raises UsageError if it names none."""
    name = Path(path).name.lower()
    found = next((known for known in format_names() if name.endswith(f".{known}")), None)
    if found is None:
        what = "standard output needs a format" if name == "-" else f"{path}: the name tells no known format"
        raise UsageError(f"{what}; known are {', '.join(format_names())}")
    return found


def _add(add: Write, batch: pa.RecordBatch) -> int:
    add(batch)
    return len(batch)


def as_batches(replies: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema, with logscan's mark in its metadata, and the batches."""
    if isinstance(replies, pa.RecordBatch):
        replies = pa.Table.from_batches([replies])
    elif not isinstance(replies, pa.Table) and hasattr(replies, "columns"):
        from logscan.frame import from_pandas

        replies = from_pandas(replies)
    if isinstance(replies, pa.Table):
        schema, batches = replies.schema, iter(replies.to_batches())
    else:
        batches = iter(replies)
        first = next(batches, None)
        schema = SCHEMA if first is None else first.schema
        batches = chain([] if first is None else [first], batches)
    schema = schema.with_metadata(METADATA)
    return schema, (batch.replace_schema_metadata(METADATA) for batch in batches)


def write_days(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], folder: Path, name: str, about: About | None = None
) -> int:
    """Write a file of this name into the folder of each day (UTC) of a dataset; return how many rows there were."""
    rows = 0
    with ExitStack() as stack:
        days: dict[str, ParquetRows] = {}
        for batch in batches:
            rows += len(batch)
            for day, part in _by_day(batch):
                if day not in days:
                    path = folder / f"date={day}" / name
                    make_folder(path.parent)
                    for other in days.values():
                        other.flush()  # logs seldom go back to a day, and what waits takes memory
                    days[day] = stack.enter_context(
                        ParquetRows(stack.enter_context(replacing(path)), schema, about)
                    )
                days[day].write(part)
    return rows


def _by_day(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """``batch`` cut by the UTC day of ``time``; rows without a time belong to Hive's default partition."""
    days = pc.floor_temporal(batch["time"], unit="day").cast(pa.timestamp("s")).cast(pa.date32())
    for day in pc.unique(days):
        if day.is_valid:
            yield str(day), batch.filter(pc.fill_null(pc.equal(days, day), False))
        else:
            yield NO_DAY, batch.filter(days.is_null())
