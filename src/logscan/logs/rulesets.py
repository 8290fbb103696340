"""The rules that may fit a group of lines, those the log has shown first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from logscan.logs.definitions import Alternative, Rule


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that may fit, and those of its alternatives that may."""

    rule: Rule
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Candidates that the log has shown, and those that it has not, with all literals of the latter."""

    seen: tuple[Candidate, ...]
    unseen: tuple[Candidate, ...]
    literals: str


class RuleSet:
    """The rules of one service: those that go with others (``also``), and the rest, ``split`` by what was seen.

    Which were seen is only remembered to try them first; a rule finds the same lines wherever it stands. Threads
    share this: a split is replaced as a whole, never changed.
    """

    def __init__(self, candidates: list[Candidate]) -> None:
        self.also = [candidate for candidate in candidates if candidate.rule.also]
        self._order = [candidate for candidate in candidates if not candidate.rule.also]
        self.split = self._by_names(frozenset())

    def _by_names(self, names: frozenset[str]) -> Split:
        seen = tuple(candidate for candidate in self._order if candidate.rule.name in names)
        unseen = tuple(candidate for candidate in self._order if candidate.rule.name not in names)
        literals = dict.fromkeys(literal for candidate in unseen for literal in candidate.rule.literals)
        return Split(seen, unseen, alternation(literals))

    def meet(self, rule: Rule) -> None:
        """Remember that the log has lines of this rule."""
        self.split = self._by_names(frozenset({rule.name, *(known.rule.name for known in self.split.seen)}))


def alternation(literals: Iterable[str]) -> str:
    """A regex that finds any of the literals."""
    return "|".join(re.escape(literal).replace("\\ ", " ") for literal in literals)
