"""Builds small replies tables from short dicts, so that a test shows only what it is about.

>>> replies({"time": "14:05", "code": 421, "direction": "outbound"}).num_rows
1
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from logscan.schema import SCHEMA

DAY = "2026-11-22"


def replies(*rows: dict[str, Any], **common: Any) -> pa.Table:
    """A table in SCHEMA; each row is a dict of the columns that matter, ``common`` holds for all rows.

    ``time`` may be a datetime, an ISO string, or ``14:05`` and ``14:05:06`` for UTC on 22 November 2026
    (the default is noon). A row without ``basis`` is logged, without ``count`` stands for one reply; rows are
    numbered as lines of ``mail.log`` unless they say otherwise.
    """
    unknown = {name for row in (*rows, common) for name in row} - set(SCHEMA.names)
    assert not unknown, f"no such columns: {sorted(unknown)}"
    defaults = {"time": "12:00", "parser": "postfix", "basis": "logged", "count": 1, "source": "mail.log"}
    filled = [{**defaults, "line": number, **common, **row} for number, row in enumerate(rows, 1)]
    for row in filled:
        row["time"] = moment(row["time"])
    return pa.Table.from_pylist(filled, schema=SCHEMA)


def moment(time: datetime | str) -> datetime:
    """The datetime meant by ``time`` as ``replies`` takes it."""
    if isinstance(time, datetime):
        return time
    return datetime.fromisoformat(time if "-" in time else f"{DAY}T{time}").replace(tzinfo=UTC)
