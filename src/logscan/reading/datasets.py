"""Folders of Parquet files, one subfolder for each day (UTC), as ``logscan export --partition-by date`` writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

#: What a Parquet file begins with.
PARQUET_MAGIC = b"PAR1"
#: The subfolder of rows without a time, as Hive calls it.
NO_DAY = "__HIVE_DEFAULT_PARTITION__"
_PARTITION = re.compile(rf"date=(?P<day>\d{{4}}-\d\d-\d\d|{NO_DAY})")


def dataset_files(folder: str) -> list[str]:
    """The Parquet files of a dataset, or of one day of it, in the order of days; none if it is no dataset.

    Raises OSError if a folder cannot be listed.
    """
    if _PARTITION.fullmatch(os.path.basename(os.path.abspath(folder))):
        return list(_parquet_files(folder))
    days = sorted(name for name in os.listdir(folder) if _PARTITION.fullmatch(name))
    return [path for day in days for path in _parquet_files(os.path.join(folder, day))]


def _parquet_files(folder: str) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        if name.endswith(".parquet") and not name.startswith((".", "_")):
            yield os.path.join(folder, name)


def day_of(path: str) -> date | None:
    """The day (UTC) whose rows a file of a dataset holds; None for a file of any other kind."""
    partition = _PARTITION.fullmatch(os.path.basename(os.path.dirname(path)))
    if partition is None or partition["day"] == NO_DAY or not path.endswith(".parquet"):
        return None
    try:
        return date.fromisoformat(partition["day"])
    except ValueError:  # 2026-02-30
        return None


def may_hold(day: date, since: datetime | None, until: datetime | None) -> bool:
    """Whether a day (UTC) has a moment from ``since`` on and before ``until``."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (until is None or start < until) and (since is None or start + timedelta(days=1) > since)
