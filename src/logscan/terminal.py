"""What may reach a terminal: no control characters, colour only where it is wanted, ASCII where asked."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from typing import IO, Any, TypeAlias

#: Pieces of text, each with its style in rich's words.
Line: TypeAlias = list[tuple[str, str]]

# C0 and C1 controls, characters that reorder, join or hide text, line separators, and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Columns: of what is piped, and the limits on a terminal: tables need some room, and sentences no more.
_USUAL, _FEWEST, _MOST = 80, 50, 120

_SPACES = {"\n": " ", "\r": " ", "\t": " "}

# What the reports draw with, and what stands for it where only ASCII is welcome.
_ASCII = str.maketrans(
    {
        "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
        "·": "-", "–": "-", "—": "-", "→": "->", "←": "<-", "…": "...", "≥": ">=", "×": "x",
        "’": "'", "‘": "'", "“": '"', "”": '"', "\N{NO-BREAK SPACE}": " ",
    }
)  # fmt: skip


def sanitise(text: str) -> str:
    r"""``text`` on one line, its control and formatting characters made visible.

    Log text is written by strangers: an escape sequence in it must not move the cursor, set the window's
    title or turn the reading direction around.

    >>> sanitise("a\x1b[31mb\nc")
    'a\\x1b[31mb c'
    """
    return _UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    return _SPACES.get(character) or ascii(character)[1:-1]


def to_ascii(text: str) -> str:
    r"""``text`` in ASCII: drawing characters by their likes, all else as ``\xe9`` and the like."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def drawn(lines: Iterable[Line], *, color: bool) -> str:
    """The lines with a line end after each, in their styles or without."""
    if not color:
        return "".join(f"{''.join(text for text, _ in line).rstrip()}\n" for line in lines)
    from rich.console import Console
    from rich.text import Text

    output = io.StringIO()
    console = Console(file=output, force_terminal=True, color_system="standard", no_color=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True, highlight=False)
    return output.getvalue()


def wants_color(stream: IO[Any], choice: str = "auto", environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to colour what goes to ``stream``.

    ``choice`` is ``auto``, ``always`` or ``never``. ``auto`` colours terminals, unless NO_COLOR is set to
    anything (see no-color.org) or TERM is ``dumb``.
    """
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def wants_ascii(stream: IO[Any], environment: Mapping[str, str] = os.environ) -> bool:
    """Whether ``stream``'s encoding or the user's locale leaves only ASCII."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    return locale in ("C", "POSIX") or not encoding.startswith("utf")


def columns(stream: IO[Any] | None) -> int:
    """How wide to write for ``stream``: as wide as the terminal within limits, else (None: a file) 80 columns."""
    if stream is None or not stream.isatty():
        return _USUAL
    return min(max(shutil.get_terminal_size((_USUAL, 0)).columns, _FEWEST), _MOST)
