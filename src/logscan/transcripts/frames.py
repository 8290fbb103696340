"""Records of columns or JSON → one tab-separated line with the columns that a format names."""

from __future__ import annotations

import csv
import json
from typing import Any

from logscan.transcripts.formats import Columns

_JSON_DEPTH_LIMIT = 1 << 16


class FieldsFrame:
    """W3C extended and Exchange logs: a ``#Fields:`` line names the columns, which may stand in any order."""

    def __init__(self, columns: Columns) -> None:
        """Start with the usual order, for files whose head is missing."""
        self._columns = columns
        self._places = self._find(columns.default_header)

    def _find(self, header: tuple[str, ...]) -> list[int]:
        return [header.index(name) if name in header else -1 for name in self._columns.names]

    def line(self, text: str) -> str | None:
        """The chosen columns, joined by tabs; directives stay as they are."""
        if text.startswith("#"):
            if text.startswith("#Fields:"):
                names = text.removeprefix("#Fields:").replace(",", " ").split()
                self._places = self._find(tuple(name.strip() for name in names))
            return text
        if self._columns.separator == ",":
            try:
                values = next(csv.reader([text]), [])
            except csv.Error:
                return None
        else:
            values = text.split(self._columns.separator)
        if len(values) <= max(self._places, default=-1):
            values += [""] * (max(self._places) + 1 - len(values))
        return "\t".join(values[place].replace("\t", " ") if place >= 0 else "" for place in self._places)


class JsonFrame:
    """One JSON object a line, perhaps after a time stamp."""

    def __init__(self, columns: Columns) -> None:
        """Choose the members to keep."""
        self._names = columns.names

    def line(self, text: str) -> str | None:
        """The chosen members, joined by tabs; nothing if the line holds no object."""
        start = text.find("{")
        if start < 0 or len(text) > _JSON_DEPTH_LIMIT:
            return None
        try:
            record = json.loads(text[start:])
        except (ValueError, RecursionError):
            return None
        return "\t".join(_plain(record.get(name)) for name in self._names)


def make_frame(kind: str, columns: Columns) -> FieldsFrame | JsonFrame:
    """What takes the columns from the lines of a format; ``kind`` is its frame, ``json`` or another."""
    return JsonFrame(columns) if kind == "json" else FieldsFrame(columns)


def _plain(value: Any) -> str:
    return "" if value is None else str(value).replace("\t", " ")
