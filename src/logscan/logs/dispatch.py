"""Which rules a line may belong to, told by the first word of its message: dispatched, not searched.

Most regexes of a log parser begin with fixed letters (``reject: ``, ``client=``), at most after a queue id. The
bytes where a message's first word begins tell with a few array operations what a regex over every line would have to
find. Lines whose first word no rule begins with are searched all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import Alternative, Rule
from logscan.logs.eights import Positions
from logscan.logs.lines import Lines

Words = npt.NDArray[np.uint64]
_LETTERS = 16
_HEAD = 4
#: So few rules are tried at once, without a look at their literals first.
_FEW = 2
_ID_GROUP = re.compile(r"\(\?P<queue_id>(?:\[[^\]]*\])+\+\): |NOQUEUE: ")
_OPENING = re.compile(r"\(\?P<\w+>")
_CHOICE = re.compile(r"\(\?:([\w =<>-]+(?:\|[\w =<>-]+)+)\)")
_SPECIAL = set("([{.*+?|^$\\")


def letters_at(lines: Lines, index: Positions, places: Positions) -> Words:
    """Sixteen bytes from a place in each line at ``index`` on, as two numbers; 0 where the line ends before it."""
    there = places < lines.ends[index]
    return np.stack([np.where(there, lines.eights[places + offset], 0) for offset in (0, 8)])


@dataclass(frozen=True, slots=True)
class Prefix:
    """Fixed letters that messages of some rules begin with (at most sixteen), and what else must stand in the line."""

    letters: bytes
    literals: tuple[str, ...] | None = None

    def fits(self, other: str) -> bool:
        """Whether a message may begin with both."""
        letters = other.encode()[:_LETTERS]
        return letters.startswith(self.letters) or self.letters.startswith(letters)

    def found(self, words: Words) -> npt.NDArray[np.bool_]:
        """Which words begin with the letters."""
        result = _begins(words[0], self.letters[:8])
        if len(self.letters) > 8:
            result &= _begins(words[1], self.letters[8:])
        return result


def _begins(words: npt.NDArray[np.uint64], letters: bytes) -> npt.NDArray[np.bool_]:
    mask = np.uint64((1 << (8 * len(letters))) - 1)
    result: npt.NDArray[np.bool_] = (words & mask) == np.uint64(int.from_bytes(letters, "little"))
    return result


class Vocabulary:
    """Many prefixes looked for at once: by their first four letters, then each among the few words that share them."""

    def __init__(self, prefixes: Sequence[Prefix]) -> None:
        by_head: dict[int, list[int]] = {}
        self._short: list[int] = []
        for number, prefix in enumerate(prefixes):
            if len(prefix.letters) < _HEAD:
                self._short.append(number)
            else:
                by_head.setdefault(int.from_bytes(prefix.letters[:_HEAD], "little"), []).append(number)
        self._prefixes = prefixes
        self._heads = pa.array(list(by_head), pa.uint32())
        self._members = list(by_head.values())

    def found(self, words: Words) -> Iterator[tuple[int, Positions]]:
        """The number of each prefix that some words begin with, and the places of those words."""
        heads = pa.array((words[0] & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        which = np.asarray(pc.index_in(heads, value_set=self._heads).fill_null(-1)).astype(np.int16)
        order = np.argsort(which, kind="stable")
        bounds = np.searchsorted(which[order], np.arange(len(self._members) + 1))
        result: list[tuple[int, Positions]] = []
        for group, members in enumerate(self._members):
            places = order[bounds[group] : bounds[group + 1]]
            if len(places):
                some = words[:, places]
                result += [(number, places[self._prefixes[number].found(some)]) for number in members]
        result += [(number, np.flatnonzero(self._prefixes[number].found(words))) for number in self._short]
        # In the order of the prefixes, so that of two that a word begins with the later one counts.
        yield from sorted(
            ((number, places) for number, places in result if len(places)), key=lambda item: item[0]
        )


def prefixes_of(alternative: Alternative) -> list[str]:
    """The fixed letters with which messages of an alternative begin, after a queue id: one of some; none if any may."""
    letters = list(_fixed(alternative.regex))
    return letters if all(letters) else []


def may_begin(alternative: Alternative, prefix: Prefix | None) -> bool:
    """Whether an alternative's messages may begin with a prefix (None: with none that any rule has)."""
    letters = prefixes_of(alternative)
    return not letters or (prefix is not None and any(prefix.fits(text) for text in letters))


def _fixed(regex: str) -> Iterator[str]:
    if not regex.startswith("^"):
        return
    rest = regex[1:]
    if match := _ID_GROUP.match(rest):
        rest = rest[match.end() :]
    if match := _OPENING.match(rest):
        rest = rest[match.end() :]
    if match := _CHOICE.match(rest):
        tail = "" if rest[match.end() : match.end() + 1] in ("?", "*") else _letters(rest[match.end() :])
        for choice in match[1].split("|"):
            yield choice + tail
        return
    yield _letters(rest)


def _letters(regex: str) -> str:
    """The letters a regex begins with."""
    letters = []
    position = 0
    while position < len(regex):
        letter = regex[position]
        if letter == "\\" and position + 1 < len(regex) and not regex[position + 1].isalnum():
            letter = regex[position + 1]
            position += 1
        elif letter in _SPECIAL:
            break
        letters.append(letter)
        position += 1
    if position < len(regex) and regex[position] in "*?{":
        letters = letters[:-1]
    return "".join(letters)


def rule_prefixes(rules: Iterable[Rule]) -> list[Prefix]:
    """All prefixes of some rules, with literals where many share the letters and most such lines are none of theirs."""
    by_letters: dict[bytes, list[Rule]] = {}
    for rule in rules:
        for text in dict.fromkeys(
            text for alternative in rule.alternatives for text in prefixes_of(alternative)
        ):
            letters = text.encode()[:_LETTERS]
            by_letters.setdefault(letters, []).append(rule)
    result = []
    for letters, found in by_letters.items():
        literals = tuple(dict.fromkeys(literal for rule in found for literal in rule.literals))
        telling = any(literal.removeprefix(": ")[:_LETTERS] in letters.decode() for literal in literals)
        result.append(Prefix(letters, None if telling or len(found) <= _FEW else literals))
    return result


def literal_prefixes(literals: Sequence[str], *, tagged: bool) -> list[Prefix]:
    """Literals with which a message may begin, as prefixes: all, or those with the colon (``: removed``) before it."""
    prefixes = []
    for literal in literals:
        text = literal.removeprefix("]") if literal.startswith("]: ") else literal
        if tagged:
            text = text[2:] if text.startswith(": ") and len(text) > 5 else ""
        if text and text.isascii():
            prefixes.append(Prefix(text.encode()[:_LETTERS]))
    return prefixes
