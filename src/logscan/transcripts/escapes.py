"""How tools write line ends and special characters inside one line; parser files name these escapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

_BACKSLASH = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {
    "r": "\r",
    "n": "\n",
    "t": "\t",
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}
_LINE_ENDS = re.compile(r"\r*\n|\r+")


def _backslash(text: str) -> str:
    return _BACKSLASH.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    body = match[1]
    if body[0] in "xu" and len(body) > 1:
        point = int(body[1:], 16)
        return "\ufffd" if 0xD800 <= point < 0xE000 else chr(point)
    if len(body) == 3:
        return chr(int(body, 8))
    return _SIMPLE.get(body, body)


def _unglue(text: str) -> str:
    """Put back the line ends that a multi-line reply lost: before each repetition of its code."""
    code = text[:3]
    if len(text) < 8 or text[3] != "-" or not code.isdecimal():
        return text
    starts = [0]
    for match in re.finditer(rf"{code}[ -]", text[4:]):
        starts.append(match.start() + 4)
        if match[0].endswith(" "):
            break
    ends = [*starts[1:], len(text)]
    return "\n".join(text[start:end].rstrip(", ") for start, end in zip(starts, ends, strict=True))


#: Escapes by the name that parser files use.
ESCAPES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "backslash": _backslash,  # \r\n, \t, \xNN as in C, Python, Ruby, Go
        "nl": lambda text: text.replace("[nl]", "\n"),  # hMailServer
        "crlf": lambda text: text.replace("<CRLF>", "\n"),  # lettre
        "bar": lambda text: text.replace(" | ", "\n"),  # packet lists
        "plus": lambda text: text.replace("+", " "),  # W3C extended logs
        "glued": _unglue,  # line ends lost
    }
)


def unescape(text: str, escapes: Sequence[str]) -> list[str]:
    """The protocol lines that one line of a transcript stands for, without their line ends."""
    for name in escapes:
        text = ESCAPES[name](text)
    lines = _LINE_ENDS.split(text)
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return [line.rstrip(" \t\r") for line in lines]
