"""The causes of negative replies and the rules that tell them, as data/causes.toml states them."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from logscan.errors import LogscanError
from logscan.knowledge import text

#: What a rule can rest on, strongest first, and the confidence that its verdict deserves.
TIERS: Mapping[str, str] = MappingProxyType(
    {"provider": "high", "software": "high", "wording": "medium", "enhanced": "low", "code": "low"}
)

#: The cause of replies that no rule recognises.
UNKNOWN = "unknown"
_CONDITIONS = ("text", "regex", "code", "enhanced", "direction", "command", "rule")
_CODE = re.compile(r"[45](?:xx|\d\d)|none")
_ENHANCED = re.compile(r"[x45]\.\d{1,3}\.(?:\d{1,3}(?:-\d{1,3})?|\*)")


@dataclass(frozen=True, slots=True)
class CauseInfo:
    """One cause: what it means and what to do about it.

    ``group`` gathers causes that an administrator treats alike: capacity, throttling, lifecycle, session,
    faults, refusals, unclear.
    """

    key: str
    label: str
    meaning: str
    group: str
    advice_inbound: str
    advice_outbound: str


@dataclass(frozen=True, slots=True)
class CauseSample:
    """A reply whose cause a rule must tell."""

    text: str
    code: int | None = None
    enhanced: str | None = None
    direction: str | None = None
    command: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A reply that meets every stated condition has this cause. An empty condition is none.

    ``text`` holds literal fragments and ``regex`` RE2 expressions, of which one must occur in the
    normalised text; ``pattern`` is all of them as one RE2 expression, empty if there are none. ``code``
    holds reply codes (``421``), classes (``4xx``) or ``none`` for an attempt that got no reply; ``enhanced``
    holds ``4.7.0``, ``x.2.2`` (either class), ``5.7.606-649`` or ``x.6.*``. ``rule`` names rules of the log
    parsers.
    """

    name: str
    tier: str
    cause: str
    source: str
    confidence: str
    samples: tuple[CauseSample, ...]
    pattern: str
    text: tuple[str, ...]
    regex: tuple[str, ...]
    code: tuple[int | str, ...]
    enhanced: tuple[str, ...]
    direction: tuple[str, ...]
    command: tuple[str, ...]
    rule: tuple[str, ...]

    @property
    def has_gap(self) -> bool:
        """Tell whether an expression spans words: many such in one expression make RE2 very slow."""
        return any(".*" in expression for expression in self.regex)

    def accepts(self, column: str, value: Any) -> bool:
        """Tell whether ``value`` meets the condition on ``column``."""
        wanted = getattr(self, column)
        if not wanted:
            return True
        if column == "code":
            return (value in wanted or f"{value // 100}xx" in wanted) if value else "none" in wanted
        if column == "enhanced":
            return value is not None and any(_covers(pattern, value) for pattern in wanted)
        return value in wanted


def _covers(pattern: str, enhanced: str) -> bool:
    wanted, actual = pattern.split("."), enhanced.split(".")
    if len(actual) != 3 or wanted[0] not in ("x", actual[0]) or wanted[1] != actual[1]:
        return False
    first, dash, last = wanted[2].partition("-")
    if dash:
        return actual[2].isdecimal() and int(first) <= int(actual[2]) <= int(last)
    return first in ("*", actual[2])


def parse_causes(document: str) -> tuple[Mapping[str, CauseInfo], tuple[CauseRule, ...]]:
    """Read the causes and the rules, the rules in the order in which they are tried.

    Raises LogscanError if a tier or rule is misspelt, or a rule has no source or sample or a name twice given.
    """
    entries = tomllib.loads(document)
    causes = {key: CauseInfo(key=key, **entry) for key, entry in entries["cause"].items()}
    if surplus := set(entries) - {"cause", *TIERS}:
        raise LogscanError(f"causes: no such tier: {', '.join(sorted(surplus))}")
    rules = tuple(_rule(tier, entry) for tier in TIERS for entry in entries.get(tier, ()))
    for problem in _problems(causes, rules):
        raise LogscanError(f"causes: {problem}")
    return MappingProxyType(causes), rules


def _rule(tier: str, entry: dict[str, Any]) -> CauseRule:
    if surplus := set(entry) - {"name", "cause", "source", "confidence", "sample", *_CONDITIONS}:
        raise LogscanError(f"causes: rule {entry.get('name')}: no such key: {', '.join(sorted(surplus))}")
    pattern = [*map(re.escape, entry.get("text", ())), *(f"(?:{regex})" for regex in entry.get("regex", ()))]
    return CauseRule(
        name=entry["name"],
        tier=tier,
        cause=entry["cause"],
        source=entry["source"],
        confidence=entry.get("confidence", TIERS[tier]),
        samples=tuple(CauseSample(**sample) for sample in entry["sample"]),
        pattern="|".join(pattern),
        **{condition: tuple(entry.get(condition, ())) for condition in _CONDITIONS},
    )


def _problems(causes: Mapping[str, CauseInfo], rules: tuple[CauseRule, ...]) -> Iterator[str]:
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            yield f"two rules are named {rule.name}"
        if rule.cause not in causes:
            yield f"rule {rule.name}: no such cause: {rule.cause}"
        if rule.confidence not in ("high", "medium", "low"):
            yield f"rule {rule.name}: no such confidence: {rule.confidence}"
        if not rule.source or not rule.samples:
            yield f"rule {rule.name} needs a source and a sample"
        if not any(getattr(rule, condition) for condition in _CONDITIONS):
            yield f"rule {rule.name} has no condition"
        for code in rule.code:
            if not _CODE.fullmatch(str(code)):
                yield f"rule {rule.name}: no such code: {code}"
        for enhanced in rule.enhanced:
            if not _ENHANCED.fullmatch(enhanced):
                yield f"rule {rule.name}: no such enhanced code: {enhanced}"
        seen.add(rule.name)


@functools.cache
def load_causes() -> tuple[Mapping[str, CauseInfo], tuple[CauseRule, ...]]:
    """Return the shipped causes and rules."""
    return parse_causes(text("causes"))
