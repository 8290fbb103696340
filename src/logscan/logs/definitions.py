"""Log parsers as data: a TOML file becomes a frozen ``LogParser``, or an error that says where and why.

The format is described at the head of ``parsers/postfix.toml``, which is the file to copy.
Nothing in a parser file is executed.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from logscan.errors import ParserError

ROLES = ("reply", "message", "session", "version", "explains")

_PARSER_KEYS = {
    "name", "title", "about", "frame", "services", "detect", "passes", "fields", "values", "rule", "ignore",
}  # fmt: skip
_RULE_KEYS = {
    "name", "about", "services", "literal", "regex", "then", "set", "version", "role", "sample", "also",
    "explained_by", "unless_explained", "only_after", "repeats", "twice",
}  # fmt: skip
_GROUP = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class Detection:
    """One sign that a file is this parser's: a regex, and what it shows."""

    regex: str
    why: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to take a text apart: a RE2 regex, and what is constant when it matches.

    ``trim``: a sign to be taken off the end of the last group.
    """

    regex: str
    constants: Mapping[str, Any]
    trim: str | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of its groups, in order."""
        return _groups(self.regex)


@cache
def _groups(regex: str) -> tuple[str, ...]:
    return tuple(_GROUP.findall(regex))


@dataclass(frozen=True, slots=True)
class VersionChange:
    """Constants that hold for software older than ``below``."""

    below: tuple[int, ...]
    constants: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A log line and the rows that must come of it (none for a line to be ignored)."""

    line: str
    expect: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of line is found and taken apart, and what it proves."""

    name: str
    about: str
    services: tuple[str, ...]
    literals: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    then: Mapping[str, tuple[Alternative, ...]]
    constants: Mapping[str, Any]
    versions: tuple[VersionChange, ...]
    role: str
    samples: tuple[Sample, ...]
    also: bool
    explained_by: str | None
    unless_explained: bool
    only_after: str | None
    repeats: str | None
    twice: bool


@dataclass(frozen=True, slots=True)
class Ignore:
    """Lines that are understood and tell of no reply."""

    about: str
    services: tuple[str, ...]
    literals: tuple[str, ...]
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogParser:
    """Everything that is known about one kind of log."""

    name: str
    title: str
    about: str
    frame: str
    services: str
    detect: tuple[Detection, ...]
    passes: tuple[str, ...]
    fields: Mapping[str, tuple[Alternative, ...]]
    values: Mapping[str, Mapping[str, str]]
    rules: tuple[Rule, ...]
    ignores: tuple[Ignore, ...]
    path: str = field(default="", compare=False)


class _Reader:
    """Reads tables of one file; every complaint names the file and the place."""

    def __init__(self, path: str) -> None:
        self.path = path

    def fail(self, where: str, why: str) -> ParserError:
        return ParserError(f"{self.path}: {where}: {why}")

    def keys(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, list(known), 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise self.fail(where, f"unknown key {key!r}{hint}")

    def text(self, where: str, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.fail(where, f"{key!r} must be a text that is not empty")
        return value

    def texts(self, where: str, value: Any) -> tuple[str, ...]:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            raise self.fail(where, "must be a text or a list of texts")
        return tuple(values)

    def alternatives(self, where: str, value: Any) -> tuple[Alternative, ...]:
        found = []
        for item in value if isinstance(value, list) else [value]:
            table = {"regex": item} if isinstance(item, str) else item
            if not isinstance(table, dict):
                raise self.fail(where, "must be a regex, or a list of regexes and { regex, set } tables")
            self.keys(where, table, ("regex", "set", "trim"))
            regex = self.text(where, table, "regex")
            if "(?P<" not in regex and "(" in re.sub(r"\\.|\[[^\]]*\]|\(\?(?::|[a-z]+\))", "", regex):
                raise self.fail(where, "groups must be named, (?P<name>…), or not captured, (?:…)")
            found.append(Alternative(regex, table.get("set", {}), table.get("trim")))
        return tuple(found)

    def rule(self, table: Mapping[str, Any]) -> Rule:
        name = self.text("a rule", table, "name")
        where = f"rule {name!r}"
        self.keys(where, table, _RULE_KEYS)
        role = table.get("role", "reply")
        if role not in ROLES:
            raise self.fail(where, f"role {role!r} is none of {', '.join(ROLES)}")
        samples = []
        for sample in table.get("sample", ()):
            self.keys(f"{where}, a sample", sample, ("line", "expect"))
            expect = sample.get("expect", {})
            rows = expect if isinstance(expect, list) else [expect]
            samples.append(Sample(self.text(f"{where}, a sample", sample, "line"), tuple(rows)))
        if not samples:
            raise self.fail(where, "has no sample; add [[rule.sample]] with a line and what to expect of it")
        literals = self.texts(f"{where}, literal", table.get("literal"))
        return Rule(
            name=name,
            about=self.text(where, table, "about"),
            services=self.texts(f"{where}, services", table.get("services", [])),
            literals=literals,
            alternatives=self.alternatives(f"{where}, regex", table.get("regex")),
            then={k: self.alternatives(f"{where}, then.{k}", v) for k, v in table.get("then", {}).items()},
            constants=table.get("set", {}),
            versions=tuple(self.change(where, change) for change in table.get("version", ())),
            role=role,
            samples=tuple(samples),
            also=bool(table.get("also", False)),
            explained_by=table.get("explained_by"),
            unless_explained=bool(table.get("unless_explained", False)),
            only_after=table.get("only_after"),
            repeats=table.get("repeats"),
            twice=bool(table.get("twice", False)),
        )

    def change(self, where: str, table: Mapping[str, Any]) -> VersionChange:
        constants = {k: v for k, v in table.items() if k != "below"}
        return VersionChange(version_key(self.text(f"{where}, version", table, "below")), constants)

    def ignore(self, table: Mapping[str, Any]) -> Ignore:
        about = self.text("an ignore", table, "about")
        where = f"ignore {about!r}"
        self.keys(where, table, ("about", "services", "literal", "sample"))
        return Ignore(
            about,
            self.texts(f"{where}, services", table.get("services", [])),
            self.texts(f"{where}, literal", table.get("literal")),
            self.texts(f"{where}, sample", table.get("sample")),
        )


def version_key(version: str) -> tuple[int, ...]:
    """``"3.10.1"`` as ``(3, 10, 1)``, so that versions compare as versions."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def parse_definition(text: str, path: str) -> LogParser:
    """Read the text of a parser file.

    Raises ``ParserError`` with the file, the place and what is wrong.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParserError(f"{path}: not valid TOML: {error}") from None
    reader = _Reader(path)
    name = reader.text("the file", table, "name")
    reader.keys("the file", table, _PARSER_KEYS)
    rules = tuple(reader.rule(rule) for rule in table.get("rule", ()))
    if not rules:
        raise reader.fail("the file", "has no [[rule]]")
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise reader.fail(f"rule {rule.name!r}", "the name is used twice")
        seen.add(rule.name)
    return LogParser(
        name=name,
        title=reader.text("the file", table, "title"),
        about=reader.text("the file", table, "about"),
        frame=reader.text("the file", table, "frame"),
        services=reader.text("the file", table, "services"),
        detect=tuple(
            Detection(reader.text("detect", d, "regex"), reader.text("detect", d, "why"))
            for d in table.get("detect", ())
        ),
        passes=reader.texts("passes", table.get("passes", [])),
        fields={k: reader.alternatives(f"fields.{k}", v) for k, v in table.get("fields", {}).items()},
        values=table.get("values", {}),
        rules=rules,
        ignores=tuple(reader.ignore(ignore) for ignore in table.get("ignore", ())),
        path=path,
    )


def load_definition(path: Path) -> LogParser:
    """Read a parser file.

    Raises ``ParserError`` if it cannot be read or is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ParserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ParserError(f"{path}: is not UTF-8 text") from None
    return parse_definition(text, str(path))


def suggest(name: str, known: Sequence[str], *, listing: str) -> str:
    """What the user may have meant, as the end of an error message; ``listing`` says how to see all that is known."""
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; {listing} lists what is known"
