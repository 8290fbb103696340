"""A report's contents cut to the length that a mail may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from logscan.rendering.contents import Contents
from logscan.rendering.flags import Finding
from logscan.rendering.phrases import listed, plural
from logscan.rendering.tables import Row, Table
from logscan.terminal import sanitise

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many entries a list keeps, and how many characters a text that may come from a log."""

    entries: int
    characters: int


def shortened(contents: Contents, limits: Limits) -> Contents:
    """The contents within ``limits``; each list that lost entries says so, and cut texts end in an ellipsis."""
    cut = _Cut(limits)
    return replace(
        contents,
        subject=cut.text(contents.subject),
        reading=cut.text(contents.reading),
        findings=tuple(cut.finding(finding) for finding in cut.first(contents.findings)),
        notes=(*cut.left_out(contents.findings, "finding"), *contents.notes),
        tables=tuple(map(cut.table, contents.tables)),
        problems=(
            *map(cut.text, cut.first(contents.problems)),
            *cut.left_out(contents.problems, "problem"),
        ),
        warnings=(
            *map(cut.text, cut.first(contents.warnings)),
            *cut.left_out(contents.warnings, "warning"),
        ),
        examples=tuple((cut.text(name), cut.text(line)) for name, line in cut.first(contents.examples)),
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    limits: Limits

    def first(self, entries: Sequence[_Entry]) -> Sequence[_Entry]:
        return entries[: self.limits.entries]

    def left_out(self, entries: Sequence[Any], noun: str) -> tuple[str, ...]:
        missing = len(entries) - len(self.first(entries))
        return (f"{plural(missing, f'more {noun}')} not in this mail",) if missing else ()

    def text(self, text: str) -> str:
        # Sanitised first: that makes a text longer, up to sixfold.
        text = sanitise(text)
        most = self.limits.characters
        return text if len(text) <= most else f"{text[: most - 1]}…"

    def finding(self, finding: Finding) -> Finding:
        return replace(
            finding,
            title=self.text(finding.title),
            who=self.text(finding.who),
            details=tuple(map(self.text, finding.details)),
        )

    def table(self, table: Table) -> Table:
        return replace(
            table,
            rows=tuple(
                Row(tuple(map(self.text, row.cells)), self.text(row.detail)) for row in self.first(table.rows)
            ),
            note=listed((*self.left_out(table.rows, "row"), table.note)),
        )
