"""Blocks of bytes → clean, numbered lines, and the wrappers that stand around a pasted transcript."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

#: Longer lines are cut: no reply is that long (RFC 5321 section 4.5.3.1.5 allows 512 octets a line).
LONGEST_LINE = 1 << 18
#: Characters kept of a folded line before each further part.
_LONGEST_FOLD = 1 << 16

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_INVISIBLE = str.maketrans("", "", "\0\ufeff")
_CARRIAGE = re.compile(r"\r+")
_TAG = re.compile(r"</?(?:pre|br|code|p|div|span)\b[^<>]{0,200}>", re.IGNORECASE)
_HTML_SIGN = re.compile(r"&(?:lt|gt|amp|quot|#\d+);|<br ?/?>|</?pre\b")


class Line(NamedTuple):
    """One line and its number in the source, from 1."""

    number: int
    text: str


class LineReader:
    """Splits blocks into lines, in memory bounded by one block and ``LONGEST_LINE``."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        """Read lazily from ``blocks``, which may end anywhere."""
        self._blocks = blocks
        self.lines = 0
        self.cut = 0
        """How many lines were longer than ``LONGEST_LINE`` and lost their end."""

    def __iter__(self) -> Iterator[Line]:
        """Give each line without line end; parts between lone carriage returns are lines of one number."""
        for raw in self._raw_lines():
            if b"\r" in raw.rstrip(b"\r\n \t"):
                yield from self._carriage_returns(raw)
            else:
                self.lines += 1
                yield Line(self.lines, clean(raw))

    def _carriage_returns(self, raw: bytes) -> Iterator[Line]:
        has_line_feed = raw.endswith(b"\n")
        parts = _CARRIAGE.split(raw.decode("utf-8", "replace").rstrip("\r\n"))
        for part in parts:
            if not has_line_feed:  # a file whose line ends are carriage returns alone
                self.lines += 1
            yield Line(self.lines + has_line_feed, clean(part.encode("utf-8", "replace")))
        self.lines += has_line_feed

    def _raw_lines(self) -> Iterator[bytes]:
        rest: list[bytes] = []
        length = 0
        for block in self._blocks:
            start = 0
            while (end := block.find(b"\n", start) + 1) > 0:
                yield self._limited(rest, block[start:end])
                rest, length, start = [], 0, end
            if start < len(block):
                if length <= LONGEST_LINE:
                    rest.append(block[start : start + LONGEST_LINE + 1])
                length += len(block) - start
        if rest:
            yield self._limited(rest, b"")

    def _limited(self, rest: list[bytes], end: bytes) -> bytes:
        line = b"".join([*rest, end])
        if len(line) <= LONGEST_LINE:
            return line
        self.cut += 1
        return line[:LONGEST_LINE].rstrip(b"\r\n") + b"\n"


class Unfolder:
    """Joins each line with those after it that begin with a blank, as folded headers do (RFC 5322)."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._folded: Line | None = None

    def line(self, line: Line) -> Line | None:
        """Take a line; returns the one before, if that is whole now."""
        folded, self._folded = self._folded, line
        if folded is not None and line.text[:1] in (" ", "\t"):
            self._folded = Line(line.number, f"{folded.text[:_LONGEST_FOLD]}\n{line.text.strip()}")
            return None
        return folded

    def rest(self) -> Line | None:
        """The last line; null if there was none."""
        folded, self._folded = self._folded, None
        return folded


def clean(raw: bytes) -> str:
    """Text of a line as a terminal would show it: escape codes gone, backspaces carried out."""
    text = raw.decode("utf-8", "replace").rstrip("\r\n \t")
    if "\0" in text or "\ufeff" in text:
        text = text.translate(_INVISIBLE)
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\b" in text:
        shown: list[str] = []
        for character in text:
            if character != "\b":
                shown.append(character)
            elif shown:
                shown.pop()
        text = "".join(shown)
    return text


@dataclass(frozen=True, slots=True)
class Wrapper:
    """Something that a container, a tool or a mail program puts before each line, and perhaps behind it."""

    name: str
    regex: re.Pattern[str] | None
    tail: re.Pattern[str] | None = None
    #: Of so many lines, one may lack it.
    spared: int = 10

    def strip(self, text: str) -> str:
        """The line as it was before it was wrapped."""
        if self.regex is None:
            return html.unescape(_TAG.sub("", text)).rstrip()
        match = self.regex.match(text)
        if match is None:
            return text
        end = self.tail.search(text) if self.tail is not None else None
        return text[match.end() : end.start() if end is not None else None]


_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_STAMP = rf"(?:[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d|{_ISO}|\d\d:\d\d:\d\d(?:[.,]\d+)?)"
LOGGER = Wrapper(
    "log prefix",
    re.compile(
        rf"\[?{_STAMP}\]? +\[?(?:trace|debug|info|notice|warn|warning|error)\]?:? +(?:\[[\w.:-]+\] |[\w.-]+: )?",
        re.IGNORECASE,
    ),
    spared=2,
)
_WRAPPERS = (
    Wrapper("docker compose prefix", re.compile(r"[\w.-]+ +\| ?")),
    Wrapper("CRI prefix", re.compile(rf"{_ISO} std(?:out|err) [FP] ?")),
    Wrapper("grep -n prefix", re.compile(r"(?:[^\s:]+:)?\d+[:-]")),
    Wrapper("line numbers", re.compile(r" *\d+(?:\t| {1,2}(?! )|$)")),
    Wrapper(
        "syslog header", re.compile(rf"(?:<\d{{1,3}}>)?{_STAMP} [^\s/\[]+ [A-Za-z_][^\s:\[]*(?:\[\d+\])?: ?")
    ),
    LOGGER,
    Wrapper("time stamp", re.compile(rf"\[?{_STAMP}\]?(?:[ \t]|$)")),
    Wrapper(
        "Apache error log",
        re.compile(
            r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\] (?:\[[^\]]*\] ){1,4}"
            r"(?:PHP message: )?"
        ),
        re.compile(r"(?:\\r)?(?:\\n)?(?:, referer: \S*)?$"),
    ),
    Wrapper("mail quoting", re.compile(r"> ?")),
    Wrapper("mail quoting, twice", re.compile(r"> ?")),
    # What is quoted by indentation stands in prose that is not.
    Wrapper("indentation", re.compile(r" {3,4}|\t"), spared=4),
)
HTML = Wrapper("HTML", None)


def find_wrappers(lines: Sequence[str]) -> list[Wrapper]:
    """Wrappers that stand around nearly all of ``lines``, the outermost first."""
    found: list[Wrapper] = []
    lines = [line for line in lines if line.strip()]
    if sum(_HTML_SIGN.search(line) is not None for line in lines) > len(lines) // 10:
        found.append(HTML)
        lines = [stripped for line in lines if (stripped := HTML.strip(line))]
    while lines and len(found) < 4:
        for wrapper in _WRAPPERS:
            if wrapper not in found and _covers(wrapper, lines):
                found.append(wrapper)
                lines = [stripped for line in lines if (stripped := wrapper.strip(line)).strip()]
                break
        else:
            break
    return found


def _covers(wrapper: Wrapper, lines: Sequence[str]) -> bool:
    matches = [wrapper.regex.match(line) for line in lines if wrapper.regex is not None]
    misses = sum(match is None for match in matches)
    some = 2 if wrapper.name.startswith("mail quoting") else 0
    if misses > max(some, len(lines) // wrapper.spared) or 2 * misses > len(lines):
        return False
    if wrapper.name in ("grep -n prefix", "line numbers"):  # numbers must count up
        numbers = [int(re.findall(r"\d+", match[0])[-1][:9]) for match in matches if match is not None]
        return all(low < high for low, high in pairwise(numbers))
    return True


def strip_wrappers(text: str, wrappers: Sequence[Wrapper]) -> str:
    """The line without what stands around it."""
    for wrapper in wrappers:
        text = wrapper.strip(text)
    return text
