"""A page of headed sections, rendered as text, Markdown or HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest

from logscan.codes import prose

WIDTH = 80
_INDENT = "  "
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Prose:
    """Text in the catalogue's markup, with a label above it where one is needed."""

    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody else wrote: one sanitised line without markup."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the first cell naming the row."""

    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] = ()


Block = Prose | Quote | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What the renderers take."""

    title: str
    sections: tuple[Section, ...]
    lang: str
    """Language of the headings."""
    lead: str = ""
    """A sentence under the title."""


# ---- Text ----------------------------------------------------------------------------------------------


def as_text(page: Page, width: int = WIDTH) -> str:
    """Plain text of so many columns."""
    lines = prose.wrap(page.title, width) + (prose.wrap(page.lead, width) if page.lead else [])
    for section in page.sections:
        lines += ["", section.heading]
        for block in section.blocks:
            lines += (f"{_INDENT}{line}".rstrip() for line in _text_lines(block, width - len(_INDENT)))
    return "\n".join(lines)


def _text_lines(block: Block, width: int) -> list[str]:
    match block:
        case Prose(text, ""):
            return prose.wrap(text, width)
        case Prose(text, label):
            return [*prose.wrap(label, width), *_indented(text, width)]
        case Quote(text, label):
            return [label, *_indented(text, width)]
        case Table(rows, header):
            return _table_lines(([header] if header else []) + list(rows), width)


def _indented(text: str, width: int) -> list[str]:
    return [_INDENT + line for line in prose.wrap(text, width - len(_INDENT))]


def _table_lines(rows: list[tuple[str, ...]], width: int) -> list[str]:
    first = max(prose.display_width(row[0]) for row in rows)
    others = len(rows[0]) - 1
    widths = [first] + [(width - first) // others - len(_GAP)] * others
    lines = []
    for row in rows:
        cells = (prose.wrap(cell, room) for cell, room in zip(row, widths, strict=True))
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (prose.pad(part, room) for part, room in zip(parts, widths, strict=True))
            lines.append(_GAP.join(padded).rstrip())
    return lines


# ---- Markdown ------------------------------------------------------------------------------------------


def as_markdown(page: Page) -> str:
    """Markdown; what is not markup of the catalogue is escaped."""
    parts = [f"## {prose.to_markdown(page.title)}", prose.to_markdown(page.lead)]
    for section in page.sections:
        parts.append(f"### {section.heading}")
        parts += (part for block in section.blocks for part in _markdown_parts(block))
    return "\n\n".join(filter(None, parts)) + "\n"


def _markdown_parts(block: Block) -> Iterator[str]:
    match block:
        case Prose(text, label):
            if label:
                yield f"**{prose.to_markdown(label)}**"
            for is_list, lines in _runs(text):
                marks = (
                    f"- {prose.to_markdown(line)}" if is_list else prose.to_markdown(line) for line in lines
                )
                yield ("\n" if is_list else "\n\n").join(marks)
        case Quote(text, label):
            yield f"{label}:"
            yield f"> {prose.escape_markdown(text)}"
        case Table(rows, header):
            head = header or ("",) * len(rows[0])
            body: Iterable[Iterable[str]] = (map(prose.to_markdown, row) for row in rows)
            yield "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))


# ---- HTML ----------------------------------------------------------------------------------------------


def as_html(page: Page) -> str:
    """An HTML fragment; everything in it is escaped."""
    parts = [
        f'<section class="logscan-catalogue" lang="{page.lang}">',
        f"<h3>{prose.to_html(page.title)}</h3>",
    ]
    if page.lead:
        parts.append(f"<p>{prose.to_html(page.lead)}</p>")
    for section in page.sections:
        parts.append(f"<h4>{html.escape(section.heading)}</h4>")
        parts += (part for block in section.blocks for part in _html_parts(block))
    return "\n".join([*parts, "</section>"])


#: For a page shown by itself, where a notebook would set headings as large as its own, and tables to the right.
_STYLE = """
.logscan-catalogue { font: 14px/1.45 system-ui, sans-serif; max-width: 50rem; }
.logscan-catalogue h3 { font-size: 1.2em; font-weight: 600; margin: .3em 0; }
.logscan-catalogue h4 { font-size: 1em; font-weight: 600; margin: .9em 0 .2em; }
.logscan-catalogue :is(p, ul) { margin: .2em 0; }
.logscan-catalogue blockquote { margin: .2em 0; padding-left: .7em; border-left: 3px solid #8884; }
.logscan-catalogue table {
  border-collapse: collapse; table-layout: auto; margin: 0; color: inherit; font-size: inherit;
}
.logscan-catalogue.logscan-catalogue tbody tr { background: none; }
.logscan-catalogue.logscan-catalogue :is(th, td) {
  text-align: left; vertical-align: top; padding: .1em 1.2em .1em 0; font-weight: normal;
}
.logscan-catalogue th { opacity: .7; }
"""


def as_notebook_html(page: Page) -> str:
    """The fragment with a style of its own, which touches nothing else in a notebook."""
    return f"<style>{_STYLE}</style>\n{as_html(page)}"


def _html_parts(block: Block) -> Iterator[str]:
    match block:
        case Prose(text, label):
            if label:
                yield f"<p><strong>{prose.to_html(label)}</strong></p>"
            for is_list, lines in _runs(text):
                tag = "li" if is_list else "p"
                marked = "".join(f"<{tag}>{prose.to_html(line)}</{tag}>" for line in lines)
                yield f"<ul>{marked}</ul>" if is_list else marked
        case Quote(text, label):
            yield f"<p>{html.escape(label)}:</p><blockquote>{html.escape(text)}</blockquote>"
        case Table(rows, header):
            yield "<table>"
            if header:
                yield f"<tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in header)}</tr>"
            for name, *cells in rows:
                data = "".join(f"<td>{prose.to_html(cell)}</td>" for cell in cells)
                yield f"<tr><th>{html.escape(name)}</th>{data}</tr>"
            yield "</table>"


def _runs(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Neighbouring list items together, and neighbouring paragraphs together."""
    for is_list, lines in groupby(text.split("\n"), key=lambda line: line.startswith("- ")):
        yield is_list, [line.removeprefix("- ") for line in lines]
