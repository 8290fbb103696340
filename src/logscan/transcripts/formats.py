"""Transcript formats as data: a TOML file becomes a frozen ``TranscriptFormat``, or an error that says why.

``docs/transcript-parsers.md`` describes the files. Nothing in them is executed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

from logscan.errors import ParserError
from logscan.parser_files import parser_files
from logscan.transcripts.dialogue import Body
from logscan.transcripts.escapes import ESCAPES

_TOP_KEYS = {"name", "title", "about", "frame", "detect", "columns", "dialogue", "sample"}
_FRAMES = ("dialogue", "fields", "exchange", "json")
_SPEAKING = ("client", "server", "either", "record")
_PATTERNS = (*_SPEAKING, "skip", "opens", "closes", "unsent", "replay", "quiet", "copies")
_OPTIONAL = ("prefix", "unfinished", "wrap")
_CHOICES = {
    "writer": ("client", "server", "either", "nobody"),
    "marks": ("fixed", "relative"),
    "unmarked": ("reply", "side", "text", "dialogue", "ignored"),
    "replies": ("lines", "whole"),
    "body": get_args(Body),
    "commands": ("any", "known"),
    "starts": ("anywhere", "dialogue", "opens"),
}
_DIALOGUE_KEYS = {*_PATTERNS, *_CHOICES, *_OPTIONAL, "time", "escapes", "row_length", "unfold"}


@dataclass(frozen=True, slots=True)
class Clue:
    """A line that only this format writes, what it shows, and how surely (10 sure, 3 likely, 1 weak)."""

    regex: re.Pattern[str]
    why: str
    weight: int


@dataclass(frozen=True, slots=True)
class TranscriptSample:
    """Lines of a transcript with the replies they show, as ``COMMAND code enhanced`` (``-`` for none)."""

    lines: str
    replies: tuple[str, ...]
    direction: str | None


@dataclass(frozen=True, slots=True)
class Columns:
    """How a record of columns or JSON becomes one tab-separated line for the patterns."""

    names: tuple[str, ...]
    separator: str
    default_header: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TranscriptFormat:
    """How one tool writes down SMTP dialogues."""

    name: str
    title: str
    about: str
    frame: str
    clues: tuple[Clue, ...]
    columns: Columns | None
    samples: tuple[TranscriptSample, ...]
    writer: str
    """Who wrote it: the client, the server, either (the marks are relative) or a bystander (``nobody``)."""
    marks: str
    """``relative`` marks say sent and received; which is the server's is voted for each session."""
    unmarked: str
    replies: str
    body: Body
    commands: str
    escapes: tuple[str, ...]
    time: str | None
    row_length: int
    starts: str
    """Where dialogue may begin: anywhere; at a first line that is dialogue, else at ``opens``; only at ``opens``."""
    unfold: bool
    """Whether a line that begins with a blank goes on with the line before (RFC 5322 section 2.2.3)."""
    prefix: re.Pattern[str] | None
    unfinished: re.Pattern[str] | None
    wrap: re.Pattern[str] | None
    client: tuple[re.Pattern[str], ...]
    server: tuple[re.Pattern[str], ...]
    either: tuple[re.Pattern[str], ...]
    record: tuple[re.Pattern[str], ...]
    skip: tuple[re.Pattern[str], ...]
    opens: tuple[re.Pattern[str], ...]
    closes: tuple[re.Pattern[str], ...]
    unsent: tuple[re.Pattern[str], ...]
    replay: tuple[re.Pattern[str], ...]
    quiet: tuple[re.Pattern[str], ...]
    copies: tuple[re.Pattern[str], ...]

    def weight_of(self, line: str) -> int:
        """How strongly one line speaks for this format."""
        return max((clue.weight for clue in self.clues if clue.regex.match(line)), default=0)


@cache
def transcript_formats() -> dict[str, TranscriptFormat]:
    """The known transcript formats by name, the user's in place of shipped ones.

    Raises ``ParserError`` for a file that is wrong.
    """
    return {name: load_transcript_format(file) for name, file in parser_files("transcripts").items()}


def load_transcript_format(file: Traversable | Path) -> TranscriptFormat:
    """One transcript format from its file; raises ``ParserError`` that names file, key and reason."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
        return parse_transcript_format(data)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ParserError) as error:
        raise ParserError(f"{file}: {error}") from None


def parse_transcript_format(data: Mapping[str, Any]) -> TranscriptFormat:
    """One transcript format from a parsed TOML file."""
    _only(data, _TOP_KEYS, "the file")
    dialogue = data.get("dialogue", {})
    _only(dialogue, _DIALOGUE_KEYS, "[dialogue]")
    frame = data.get("frame", "dialogue")
    if frame not in _FRAMES:
        raise ParserError(f"frame = {frame!r}: must be one of {', '.join(_FRAMES)}")
    chosen: dict[str, Any] = {}
    for key, allowed in _CHOICES.items():
        chosen[key] = dialogue.get(key, "fixed" if key == "marks" else allowed[0])
        if chosen[key] not in allowed:
            raise ParserError(f"dialogue.{key} = {chosen[key]!r}: must be one of {', '.join(allowed)}")
    if chosen["writer"] == "either" and "marks" not in dialogue:
        chosen["marks"] = "relative"
    escapes = tuple(dialogue.get("escapes", ()))
    for escape in escapes:
        if escape not in ESCAPES:
            raise ParserError(f"dialogue.escapes: {escape!r} is unknown; known are {', '.join(ESCAPES)}")
    patterns: dict[str, Any] = {key: _patterns(dialogue, key) for key in _PATTERNS}
    patterns |= {key: _optional(dialogue, key) for key in _OPTIONAL}
    return TranscriptFormat(
        name=_text(data, "name"),
        title=_text(data, "title"),
        about=_text(data, "about"),
        frame=frame,
        clues=tuple(_clue(entry) for entry in data.get("detect", ())),
        columns=_columns(data["columns"]) if "columns" in data else None,
        samples=tuple(_sample(entry) for entry in data.get("sample", ())),
        escapes=escapes,
        time=dialogue.get("time"),
        row_length=dialogue.get("row_length", 0),
        unfold=dialogue.get("unfold", False),
        **chosen,
        **patterns,
    )


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise ParserError(f"{where} has an unknown key {key!r}; known are {', '.join(sorted(known))}")


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ParserError(f"{key} is missing or no text")
    return value.strip()


def _compile(regex: str, key: str) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.DOTALL)
    except (re.error, TypeError) as error:
        raise ParserError(f"{key}: {regex!r} is no regular expression: {error}") from None


def _optional(table: Mapping[str, Any], key: str) -> re.Pattern[str] | None:
    return _compile(table[key], f"dialogue.{key}") if key in table else None


def _patterns(table: Mapping[str, Any], key: str) -> tuple[re.Pattern[str], ...]:
    value = table.get(key, [])
    regexes = [value] if isinstance(value, str) else value
    return tuple(_compile(regex, f"dialogue.{key}") for regex in regexes)


def _clue(entry: Mapping[str, Any]) -> Clue:
    _only(entry, {"regex", "why", "weight"}, "[[detect]]")
    return Clue(_compile(_text(entry, "regex"), "detect.regex"), _text(entry, "why"), entry.get("weight", 10))


def _columns(table: Mapping[str, Any]) -> Columns:
    _only(table, {"names", "separator", "header"}, "[columns]")
    return Columns(tuple(table["names"]), table.get("separator", ","), tuple(table.get("header", "").split()))


def _sample(entry: Mapping[str, Any]) -> TranscriptSample:
    _only(entry, {"lines", "replies", "direction"}, "[[sample]]")
    return TranscriptSample(_text_kept(entry, "lines"), tuple(entry["replies"]), entry.get("direction"))


def _text_kept(table: Mapping[str, Any], key: str) -> str:
    _text(table, key)
    return str(table[key])
