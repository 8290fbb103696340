"""A report as text for a terminal: problems first, colour on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from logscan.rendering.contents import Contents, compose
from logscan.rendering.flags import Finding
from logscan.rendering.phrases import listed
from logscan.rendering.tables import Column, Table
from logscan.terminal import Line, drawn, sanitise, to_ascii

if TYPE_CHECKING:
    from logscan.reporting import Report

_GAP = "  "
_WIDEST = 36  # columns of a cell that is not in the wide column
_MOST_LINES = 2  # of a sentence that may hold names and texts of strangers


def to_text(report: Report, *, width: int, color: bool, ascii_only: bool, verbose: int) -> str:
    """The report in lines of at most ``width`` columns, with a line end after each."""
    lines = _Layout(width, ascii_only, verbose).lines(compose(report, verbose=verbose))
    return drawn(lines, color=color)


def plain_text(contents: Contents, *, width: int, ascii_only: bool = False, verbose: int = 0) -> str:
    """The same without colour, from contents that may have been shortened."""
    return drawn(_Layout(width, ascii_only, verbose).lines(contents), color=False)


@dataclass(frozen=True, slots=True)
class _Layout:
    width: int
    ascii_only: bool
    verbose: int

    def lines(self, contents: Contents) -> Iterator[Line]:
        """The whole report."""
        yield from self._head(contents)
        for finding in contents.findings:
            yield []
            yield from self._finding(finding)
        if contents.notes or contents.trends:
            yield []
        for note in contents.notes:
            yield from self._wrapped(note, "  ", most=_MOST_LINES)
        yield from self._trends(contents)
        if contents.has_inferred:
            yield [(self._fit("* = inferred, not in the log").rjust(self.width), "dim")]
        for table in contents.tables:
            yield []
            yield from self._table(table)
        yield from self._codes(contents.codes)
        yield from self._examples(contents.examples)
        for problem in (*contents.problems, *(contents.warnings if self.verbose else ())):
            yield []
            yield from ([(line, "yellow")] for line in wrap(self._clean(problem), self.width))

    def _head(self, contents: Contents) -> Iterator[Line]:
        left = self._fit(f"logscan  {contents.subject}  {contents.period}".rstrip())
        right = self._fit(contents.reading)
        room = self.width - cell_len(left) - cell_len(right)
        if room >= len(_GAP):
            yield [(left, "bold"), (" " * room, ""), (right, "dim")]
        else:
            yield [(left, "bold")]
            yield [(self._fit(f" {right}"), "dim")]
        if contents.totals:
            yield [(self._fit(" " + "   ".join(f"{label} {count}" for label, count in contents.totals)), "")]

    def _finding(self, finding: Finding) -> Iterator[Line]:
        """What happened and who took part, cut if long, since strangers chose their names; advice in full."""
        yield from self._wrapped(finding.title, "! ", "bold red", most=_MOST_LINES)
        yield from self._wrapped(finding.who, "    ", most=_MOST_LINES)
        if self.verbose:
            for paragraph in (*finding.details, finding.advice, finding.command):
                yield from self._wrapped(paragraph, "    ")
        else:
            yield from self._advice(finding)

    def _advice(self, finding: Finding) -> Iterator[Line]:
        """In full; the command that tells more stands behind it if that takes no line of its own."""
        *lines, last = self._wrapped(finding.advice, "    ")
        text = f"{last[0][0]} {finding.command}"
        yield from (*lines, [(text, "")] if cell_len(text) <= self.width else last)

    def _wrapped(self, text: str, lead: str, style: str = "", most: int | None = None) -> Iterator[Line]:
        """``text`` in lines of which the first begins with ``lead``; of more than ``most`` the rest is cut."""
        text = self._clean(text)
        room = self.width - len(lead)
        if cell_len(text) > len(text):  # textwrap counts characters; none takes more than two columns
            room //= 2
        lines = wrap(text, room, max_lines=most, placeholder=f" {self._ellipsis}", break_on_hyphens=False)
        for number, line in enumerate(lines):
            yield [(f"{' ' * len(lead) if number else lead}{line}", style)]

    def _trends(self, contents: Contents) -> Iterator[Line]:
        label_width = max((len(trend.label) for trend in contents.trends), default=0)
        for number, trend in enumerate(contents.trends):
            caption = listed((trend.axis if number == 0 else "", trend.peak))
            bars = to_ascii(trend.bars) if self.ascii_only else trend.bars
            label = trend.label.ljust(label_width)
            room = self.width - label_width - len(bars) - 2 * len(_GAP)
            yield [(f"  {label}  ", ""), (bars, "cyan"), (self._fit(f"  {caption}", room), "dim")]

    def _table(self, table: Table) -> Iterator[Line]:
        yield [(self._fit(table.title), "bold")]
        widths = self._widths(table)
        if len(table.columns) > 3:
            heading = tuple(column.heading for column in table.columns)
            yield [(self._cells(heading, table.columns, widths), "dim")]
        for row in table.rows:
            yield [(self._cells(row.cells, table.columns, widths), "")]
            if row.detail:
                indent = sum(widths[:-1]) + len(_GAP) * len(widths)
                yield [(self._fit(" " * indent + self._clean(row.detail)), "dim")]
        if table.note:
            yield [(self._fit(_GAP + table.note), "dim")]

    def _widths(self, table: Table) -> list[int]:
        """Columns as wide as their widest cell; the wide one takes what is left."""
        cells = zip(*(row.cells for row in table.rows), strict=True)
        widths = [
            min(max(cell_len(self._clean(cell)) for cell in (*column, heading.heading)), _WIDEST)
            for heading, column in zip(table.columns, cells, strict=True)
        ]
        wide = next(i for i, column in enumerate(table.columns) if column.wide)
        widths[wide] = max(0, widths[wide] + self.width - len(_GAP) * len(widths) - sum(widths))
        return widths

    def _cells(self, cells: Iterable[str], columns: Iterable[Column], widths: Iterable[int]) -> str:
        padded = []
        for cell, column, width in zip(cells, columns, widths, strict=True):
            text = self._fit(cell, width)
            blank = " " * (width - cell_len(text))
            padded.append(blank + text if column.number else text + blank)
        return self._fit(_GAP + _GAP.join(padded)).rstrip()

    def _codes(self, codes: Iterable[tuple[int, str]]) -> Iterator[Line]:
        for number, (code, name) in enumerate(codes):
            if number == 0:
                yield []
                yield [
                    (self._fit("What the codes mean"), "bold"),
                    (self._fit("  more: logscan explain CODE"), "dim"),
                ]
            yield [(self._fit(f"  {code}  {name}"), "")]

    def _examples(self, examples: Iterable[tuple[str, str]]) -> Iterator[Line]:
        """Lines in full, grouped by the file they are from."""
        for source, group in groupby(examples, key=itemgetter(0)):
            yield []
            yield [(self._fit(f"Lines of {source} that no rule understood"), "bold")]
            for _, line in group:
                for piece in wrap(self._clean(line), self.width - 6):
                    yield [(f"  {piece}", "")]

    def _fit(self, text: str, width: int | None = None) -> str:
        """``text``, harmless, cut with an ellipsis if it is wider than ``width``."""
        room = self.width if width is None else width
        text = self._clean(text)
        if cell_len(text) <= room:
            return text
        return set_cell_size(text, max(room - len(self._ellipsis), 0)) + self._ellipsis[:room]

    @property
    def _ellipsis(self) -> str:
        return "..." if self.ascii_only else "…"

    def _clean(self, text: str) -> str:
        return to_ascii(sanitise(text)) if self.ascii_only else sanitise(text)
