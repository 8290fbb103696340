"""A report as data: the JSON form, version 1."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from logscan import comparison
from logscan.codes.catalogue import explain
from logscan.summary import Kind, totals

if TYPE_CHECKING:
    from logscan.flagging.findings import Flag
    from logscan.reporting import Report

SCHEMA_VERSION = 1


def to_json(report: Report) -> str:
    """The report as JSON in ASCII: no control character of a log survives in it."""
    return json.dumps(to_data(report), indent=1) + "\n"


def to_data(report: Report) -> dict[str, Any]:
    """The report as dicts and lists."""
    kinds = [kind for kind in report.summary.kinds if kind.replied]
    periods = comparison.to_data(report.summary.kinds, report.earlier, report.top)
    return {
        "schema": SCHEMA_VERSION,
        "window": _span(report.window.start, report.window.end),
        "inputs": [
            {
                "source": source.source,
                "parser": source.parser,
                "lines": source.lines,
                "understood": source.understood,
                "unparsed": source.unparsed,
            }
            for source in report.inputs
        ],
        "replies": _replies(kinds),
        "flags": [_flag(flag) for flag in report.flags],
        **(
            {"comparison": [{**period, **_span(period["start"], period["end"])} for period in periods]}
            if periods
            else {}
        ),
        "catalogue": {
            str(code): explain(code).to_dict()
            for code in sorted({kind.code for kind in kinds if kind.code is not None})
        },
    }


def _replies(kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    """Counts by these columns; only those with basis ``logged`` or ``inferred`` were on the wire."""
    fields = ("direction", "code", "enhanced", "basis", "cause")
    return [dict(zip((*fields, "count"), row, strict=True)) for row in totals(kinds, *fields)]


def _flag(flag: Flag) -> dict[str, Any]:
    explanation = explain(flag.code or "4xx", direction=flag.direction)
    return {**flag.to_dict(), "explanation": explanation.to_dict()}


def _span(start: datetime | None, end: datetime | None) -> dict[str, str | None]:
    return {"start": _time(start), "end": _time(end)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
