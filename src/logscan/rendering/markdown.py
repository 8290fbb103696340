"""A report in Markdown; what others wrote stands in code spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from logscan.codes.prose import escape_markdown
from logscan.rendering.contents import Contents, compose
from logscan.rendering.flags import Finding
from logscan.rendering.phrases import listed
from logscan.rendering.tables import Column, Table
from logscan.terminal import sanitise

if TYPE_CHECKING:
    from logscan.reporting import Report


def to_markdown(report: Report) -> str:
    """The report in GitHub's Markdown."""
    return "\n\n".join(_paragraphs(compose(report))) + "\n"


def _paragraphs(contents: Contents) -> Iterator[str]:
    yield f"# {_text(f'{contents.subject}: {contents.period}'.rstrip(': '))}"
    yield _text(contents.reading)
    if contents.totals:
        yield _text(listed(f"{label} {count}" for label, count in contents.totals))
    for finding in contents.findings:
        yield from _finding(finding)
    for note in contents.notes:
        yield _text(note)
    for trend in contents.trends:
        yield f"{_text(trend.label)} `{trend.bars}` {_text(listed((trend.axis, trend.peak)))}"
    if contents.has_inferred:
        yield r"\* = inferred, not in the log"
    for table in contents.tables:
        yield from _table(table)
    if contents.codes:
        yield "## What the codes mean"
        yield "\n".join(f"- **{code}** {_text(name)}" for code, name in contents.codes)
    for problem in (*contents.problems, *contents.warnings):
        yield f"**{_text(problem)}**"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"## {_text(finding.title)}"
    yield "\n".join(f"- {_code(line)}" for line in (finding.who, *finding.details) if line)
    yield f"{_text(finding.advice)} `{finding.command}`"


def _table(table: Table) -> Iterator[str]:
    yield f"## {_text(table.title)}"
    has_details = any(row.detail for row in table.rows)
    columns = (*table.columns, Column("more")) if has_details else table.columns
    lines = [
        [_text(column.heading) for column in columns],
        ["--:" if column.number else "---" for column in columns],
    ]
    for row in table.rows:
        cells = (*row.cells, row.detail) if has_details else row.cells
        lines.append(
            [
                _cell(cell) if column.quoted else _text(cell)
                for cell, column in zip(cells, columns, strict=True)
            ]
        )
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    if table.note:
        yield _text(table.note)


def _text(text: str) -> str:
    """``text`` as it stands; GitHub would make links of bare addresses too, unless they are written otherwise."""
    return escape_markdown(sanitise(text)).replace("://", "&#58;//").replace("www.", r"www\.")


def _cell(text: str) -> str:
    """``text`` as a code span in a table, where GitHub's Markdown wants bars escaped."""
    return _code(text).replace("|", r"\|")


def _code(text: str) -> str:
    """``text`` as a code span, in which nothing is markup, not even addresses and links."""
    text = sanitise(text)
    if not text.strip():
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"
