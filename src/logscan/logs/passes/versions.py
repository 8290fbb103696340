"""The version that wrote the log, where a reply's code depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from logscan.logs.definitions import LogParser, Rule, version_key
from logscan.logs.passes.tables import Group, Int64, among, put, whole


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
        versions = [rule.name for rule in self.parser.rules if rule.role == "version"]
        said = [
            event for name in versions if name in group.contexts for event in group.contexts[name].to_pylist()
        ]
        where = np.flatnonzero(among(group.rows.column("rule"), list(rules)))
        if not len(where):
            for event in said:
                self._hear(event)
            return
        some = group.rows.select(["rule", "host", "line"]).take(pa.array(where))
        rule, host = (whole(some.column(name).unify_dictionaries()) for name in ("rule", "host"))
        rule_code, host_code = np.asarray(rule.indices), np.asarray(host.indices.fill_null(-1))
        line = np.asarray(some.column("line"))
        changes: list[tuple[Int64, dict[str, Any]]] = []
        start = 0
        # From one change of version to the next, each rule's rows of each host have the same codes.
        for event in [*said, None]:
            end = len(where) if event is None else int(np.searchsorted(line, event["line"]))
            for code, hosted in np.unique(np.stack([rule_code[start:end], host_code[start:end]]), axis=1).T:
                on = host.dictionary[int(hosted)].as_py() if hosted >= 0 else None
                version = self.known.get(on) or (version_key(self.given) if self.given else None)
                change = _older(rules[rule.dictionary[int(code)].as_py()], version)
                if change:
                    here = (rule_code[start:end] == code) & (host_code[start:end] == hosted)
                    changes.append((where[start:end][here], change))
            if event is not None:
                self._hear(event)
            start = end
        if changes:
            group.rows = _apply(group.rows, changes)

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


def _apply(rows: pa.Table, changes: list[tuple[Int64, dict[str, Any]]]) -> pa.Table:
    keep = np.ones(rows.num_rows, bool)
    for places, change in changes:
        for name, value in change.items():
            if name == "drop":
                keep[places] = False
            else:
                rows = put(rows, name, places, None if value == "" else value)
    return rows if keep.all() else rows.filter(pa.array(keep))
