"""The catalogue's light markup: list items and literal text, for terminals, HTML and Markdown.

A line that begins with ``- `` is a list item, text between backticks is literal, all else is plain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from unicodedata import east_asian_width

_ITEM = "- "
# Japanese signs that must not begin a line, and brackets that must not end one.
_CLOSING = "、。）」』：；！？ーぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_OPENING = "（「『"
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_MARKDOWN_START = re.compile(r"(\d*)([.)]|[+=-]+|#+)(?=\s|\Z)")  # a list item, a heading, a rule


def tidy(text: str) -> str:
    r"""One line for each paragraph and list item, without the line breaks inside them.

    >>> tidy("Two\nwords.\n- An\n  item.\n")
    'Two words.\n- An item.'
    """
    lines: list[str] = []
    for line in text.splitlines():
        piece = line.strip()
        if not lines or piece.startswith(_ITEM):
            lines.append(piece)
        else:
            lines[-1] = _join(lines[-1], piece)
    return "\n".join(filter(None, lines))


def _join(before: str, after: str) -> str:
    # Japanese is written without blanks.
    blank = "" if not before or not after or _is_wide(before[-1]) or _is_wide(after[0]) else " "
    return f"{before}{blank}{after}"


def _is_wide(character: str) -> bool:
    return east_asian_width(character) in "WF"


def display_width(text: str) -> int:
    """How many terminal columns ``text`` takes; most East Asian characters take two."""
    return sum(2 if _is_wide(character) else 1 for character in text)


def pad(text: str, width: int) -> str:
    """``text`` filled with blanks to ``width`` columns."""
    return text + " " * (width - display_width(text))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns; list items hang. A word that is longer stays whole.

    >>> wrap("- one two three", 9)
    ['- one two', '  three']
    """
    lines = []
    for paragraph in text.split("\n"):
        first, rest = (_ITEM, "  ") if paragraph.startswith(_ITEM) else ("", "")
        current, room = first, width
        for atom in _atoms(paragraph.removeprefix(_ITEM)):
            if current.strip(_ITEM) and display_width(current + atom.rstrip()) > room:
                lines.append(current.rstrip())
                current = rest
            current += atom
        lines.append(current.rstrip())
    return lines


def _atoms(text: str) -> Iterator[str]:
    """Pieces that a line break may separate: words with their blank, single East Asian characters."""
    atom = ""
    for character in text:
        if atom and _may_break(atom[-1], character):
            yield atom
            atom = ""
        atom += character
    yield atom


def _may_break(before: str, after: str) -> bool:
    if before == " " or after == " ":
        return before == " "
    return (_is_wide(before) or _is_wide(after)) and after not in _CLOSING and before not in _OPENING


def to_html(text: str) -> str:
    """Inline markup as HTML, everything else escaped."""
    return "".join(
        f"<code>{html.escape(piece)}</code>" if literal else html.escape(piece)
        for literal, piece in _pieces(text)
    )


def to_markdown(text: str) -> str:
    """Inline markup as Markdown, everything else escaped."""
    return "".join(f"`{piece}`" if literal else escape_markdown(piece) for literal, piece in _pieces(text))


def escape_markdown(text: str) -> str:
    """``text`` so that Markdown, and HTML inside Markdown, shows it as it stands."""
    escaped = _MARKDOWN.sub(r"\\\1", html.escape(text, quote=False))
    start = _MARKDOWN_START.match(escaped)
    return escaped if start is None else f"{start[1]}\\{escaped[start.start(2) :]}"


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    for number, piece in enumerate(text.split("`")):
        yield number % 2 == 1, piece
