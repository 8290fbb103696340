"""The version that wrote the log, where a reply's code depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.definitions import LogParser, Rule, version_key
from logscan.passes.tables import Group, set_column, whole


@dataclass(slots=True)
class Versions:
    """Rows whose code depends on the software's version get that of the version which wrote the log.

    The version is the last that the log named for the host before the row, else ``given``, else a current one.
    """

    parser: LogParser
    given: str | None = None
    known: dict[str | None, tuple[int, ...]] = field(default_factory=dict)

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rules = {rule.name: rule for rule in self.parser.rules if rule.versions}
        said = [
            group.contexts[r.name]
            for r in self.parser.rules
            if r.role == "version" and r.name in group.contexts
        ]
        events = [event for table in said for event in table.to_pylist()]
        rows = group.rows
        hit = whole(pc.is_in(rows.column("rule").cast(pa.string()), pa.array(list(rules), pa.string())))
        where = np.flatnonzero(np.asarray(hit))
        changes: list[tuple[int, Mapping[str, Any]]] = []
        if len(where):
            some = rows.select(["rule", "host", "line"]).take(pa.array(where)).to_pylist()
            position = 0
            for place, row in zip(where, some, strict=True):
                while position < len(events) and events[position]["line"] < row["line"]:
                    self._hear(events[position])
                    position += 1
                version = self.known.get(row["host"]) or (version_key(self.given) if self.given else None)
                change = _older(rules[row["rule"]], version)
                if change:
                    changes.append((int(place), change))
            events = events[position:]
        for event in events:
            self._hear(event)
        if changes:
            group.rows = _apply(rows, changes)

    def _hear(self, event: Mapping[str, Any]) -> None:
        self.known[event.get("host")] = version_key(event["version"])


def _older(rule: Rule, version: tuple[int, ...] | None) -> dict[str, Any]:
    """The constants that hold for an older version, those of the oldest change last."""
    constants: dict[str, Any] = {}
    if version is not None:
        for change in sorted(rule.versions, key=lambda c: c.below, reverse=True):
            if version < change.below:
                constants |= change.constants
    return constants


def _apply(rows: pa.Table, changes: list[tuple[int, Mapping[str, Any]]]) -> pa.Table:
    for name in dict.fromkeys(name for _, change in changes for name in change if name != "drop"):
        values = rows.column(name).to_pylist()
        for place, change in changes:
            if name in change:
                values[place] = change[name] if change[name] != "" else None
        plain = rows.schema.field(name).type
        plain = plain.value_type if pa.types.is_dictionary(plain) else plain
        rows = set_column(rows, name, pa.array(values, plain))
    dropped = [place for place, change in changes if change.get("drop")]
    if dropped:
        keep = np.ones(rows.num_rows, bool)
        keep[dropped] = False
        rows = rows.filter(pa.array(keep))
    return rows
