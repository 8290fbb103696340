"""The catalogue's entries: read from TOML when first needed, found by code.

A code without an entry gets what its digits say (RFC 5321 section 4.2, RFC 3463 section 2), and no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from logscan.errors import UsageError
from logscan.knowledge import load
from logscan.terminal import sanitise

LANGUAGES = ("en", "ja")

Entry = Mapping[str, Any]

_BASIC = re.compile(r"([2-5])([0-9])[0-9]")
_CLASS = re.compile(r"([2-5])xx|([245])\.x\.x")
_ENHANCED = re.compile(r"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")
_SUBJECT_RANGE = re.compile(r"X\.(\d+)\.(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class Code:
    """A reply code (421), an enhanced status code (4.7.0) or a class (4xx)."""

    text: str
    first: int
    topic: int | None = None
    detail: int | None = None

    @property
    def is_enhanced(self) -> bool:
        """Whether this is an enhanced status code."""
        return self.detail is not None

    @property
    def value(self) -> int | str:
        """The code as a number where it is one."""
        return int(self.text) if self.text.isdigit() else self.text


def parse_code(code: int | str) -> Code:
    """What kind of code this is.

    Raises UsageError if no SMTP server could send it: RFC 5321 section 4.2 allows 200 to 599, RFC 3463
    section 2 the first digits 2, 4 and 5.
    """
    text = str(code).strip().lower()
    if match := _BASIC.fullmatch(text):
        return Code(text, int(match[1]), int(match[2]))
    if match := _ENHANCED.fullmatch(text):
        return Code(text, *map(int, match.groups()))
    if match := _CLASS.fullmatch(text):
        first = match[1] or match[2]
        return Code(f"{first}xx", int(first))
    shown = sanitise(text)[:40]
    if text.isascii() and text.isdigit():
        raise UsageError(f"{shown} is not an SMTP reply code: those run from 200 to 599.")
    raise UsageError(
        f"{shown!r} is neither a reply code (421), nor an enhanced code (4.7.0), nor a class (4xx)."
    )


def words(lang: str) -> Mapping[str, Mapping[str, str]]:
    """Headings, labels and sentences in ``lang``. Raises UsageError for a language that is not known."""
    if lang not in LANGUAGES:
        raise UsageError(f"no such language: {sanitise(lang)[:40]} (known: {', '.join(LANGUAGES)})")
    found: Mapping[str, Mapping[str, str]] = load("words")[lang]
    return found


def find_entry(code: Code, lang: str = "en") -> Entry | None:
    """The entry written for ``code``; an enhanced code's entry serves all its classes."""
    if code.is_enhanced:
        return _find_enhanced(code.topic, code.detail)
    return _translated(load("catalogue").get(code.text), "code", code.text, lang)


def _find_enhanced(subject: int | None, detail: int | None) -> Entry | None:
    entries = load("enhanced")
    exact: Entry | None = entries.get(f"X.{subject}.{detail}")
    return exact or next(
        (entries[key] for key, covered in _ranges() if covered[0] == subject and detail in covered[1]), None
    )


@cache
def _ranges() -> tuple[tuple[str, tuple[int, range]], ...]:
    found = ((key, _SUBJECT_RANGE.fullmatch(key)) for key in load("enhanced"))
    return tuple(
        (key, (int(match[1]), range(int(match[2]), int(match[3]) + 1))) for key, match in found if match
    )


def find_pair(a: Code, b: Code, lang: str = "en") -> Entry | None:
    """The comparison written for two codes, in whatever order they come."""
    key = "-".join(sorted((a.text, b.text)))
    return _translated(load("comparisons").get(key), "comparison", key, lang)


def _translated(entry: Entry | None, kind: str, key: str, lang: str) -> Entry | None:
    if entry is None or lang == "en":
        return entry
    return {**entry, **load(f"catalogue.{lang}")[kind].get(key, {})}


def fallback_entry(code: Code, lang: str = "en") -> Entry:
    """What the digits of an unlisted code tell."""
    parent = find_entry(Code(f"{code.first}xx", code.first), lang) or {}
    sentences = words(lang)["sentences"]
    topic = topic_of(code, lang)
    if code.is_enhanced:
        opening, known, unknown = "unknown_enhanced", "subject", "no_subject"
    else:
        opening, known, unknown = "unknown_basic", "topic", "no_topic"
    about = sentences[known].format(topic=topic) if topic else sentences[unknown]
    return {
        **parent,
        "name": sentences["unknown_name"],
        "status": "unknown",
        "commands": [],
        "rfc": ["RFC 3463 §2"] if code.is_enhanced else ["RFC 5321 §4.2"],
        "description": "\n".join((sentences[opening], f"- {parent['description'].strip()}", f"- {about}")),
        "see_also": [f"{code.first}xx"],
    }


def topic_of(code: Code, lang: str) -> str | None:
    """What the second digit, or the subject of an enhanced code, is about; null for a class."""
    return words(lang)["subjects" if code.is_enhanced else "topics"].get(str(code.topic))


def resolve(reference: str, first: int) -> str:
    """A ``see_also`` reference as a code: ``X.7.1`` with the first digit at hand, or one it is used with."""
    if not reference.startswith("X."):
        return reference
    _, subject, detail = reference.split(".")
    entry = _find_enhanced(int(subject), int(detail)) or {}
    classes = entry.get("classes") or [first]
    return f"{first if first in classes else classes[0]}.{subject}.{detail}"
