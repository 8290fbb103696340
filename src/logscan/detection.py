"""Which parser a source is for, from its first bytes, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from logscan.errors import ParserError, UsageError
from logscan.logs.definitions import LogParser, load_definition, parse_definition, suggest
from logscan.parser_files import parser_files
from logscan.reading.layers import Layer, unwrap

#: How much of a source is looked at.
HEAD = 1 << 18
_LINES = 2000
#: A log may begin with lines of other programs; so few of a parser's own are enough …
_FEW = 0.002
#: … unless something looks like a transcript.
_MANY = 0.2


@dataclass(frozen=True, slots=True)
class Detected:
    """A parser for a source: a log parser, or the name of a transcript format; and why."""

    name: str
    log_parser: LogParser | None
    reason: str


@cache
def log_parsers() -> dict[str, LogParser]:
    """The log parsers: shipped ones, and the user's own in their place.

    Raises ``ParserError`` if a file is wrong.
    """
    found = {}
    for name, file in parser_files().items():
        found[name] = parse_definition(file.read_text(encoding="utf-8"), str(file))
    return found


def named_parser(name: str) -> Detected:
    """The parser of a name, or of a file ``….toml``.

    Raises ``UsageError`` for an unknown name, ``ParserError`` for a wrong file.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if "[dialogue]" in _text(path):
            return Detected(name, None, "named")
        return Detected(path.stem, load_definition(path), "named")
    parser = log_parsers().get(name)
    if parser is not None:
        return Detected(name, parser, "named")
    known = parser_files("transcripts")
    if name in known:
        return Detected(name, None, "named")
    hint = suggest(name, [*log_parsers(), *known], listing="logscan parsers list")
    raise UsageError(f"--parser {name}: unknown{hint}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ParserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ParserError(f"{path}: is not UTF-8 text") from None


def recognise(head: bytes, forced: Detected | None = None) -> tuple[Layer | None, Detected | None]:
    """What the lines of a source are wrapped in, and the parser for what is inside: ``forced``, if that is given."""
    layer = unwrap(head)
    return layer, forced or detect(layer.strip(head) if layer else head)


def detect(head: bytes) -> Detected | None:
    """The parser that the first bytes of a source call for; None if none does."""
    lines = head.decode("utf-8", "replace").splitlines()[:_LINES]
    lines = [line[:500] for line in lines if line.strip()]
    if not lines:
        return None
    best, best_hits, why = _best_log(lines)
    share = best_hits / len(lines)
    if best is not None and share >= _MANY:
        return Detected(best.name, best, f"{best_hits} of the first {len(lines)} lines show {why}")
    from logscan.transcripts.reader import detect_transcript

    transcript = detect_transcript(head)
    if transcript is not None:
        return Detected(transcript.name, None, transcript.reason)
    if best is not None and (share >= _FEW or best_hits >= 2):
        return Detected(best.name, best, f"{best_hits} of the first {len(lines)} lines show {why}")
    return None


def _best_log(lines: Iterable[str]) -> tuple[LogParser | None, int, str]:
    best: LogParser | None = None
    best_hits, why = 0, ""
    for parser in log_parsers().values():
        for sign in parser.detect:
            pattern = re.compile(sign.regex)
            hits = sum(1 for line in lines if pattern.search(line))
            if hits > best_hits:
                best, best_hits, why = parser, hits, sign.why
    return best, best_hits, why


def unrecognised(head: bytes) -> str:
    """Why nothing recognises a source that begins so."""
    if not head:
        return "empty"
    titles = ", ".join(parser.title for parser in log_parsers().values())
    return f"not recognised; tried {titles}, and {len(parser_files('transcripts'))} kinds of transcript"
