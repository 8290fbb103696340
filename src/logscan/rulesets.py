"""The rules that may fit a group of lines, those the log has shown first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from logscan.definitions import Rule


@dataclass(frozen=True, slots=True)
class Split:
    """Rules that the log has shown, and those that it has not, with all literals of the latter."""

    seen: tuple[Rule, ...]
    unseen: tuple[Rule, ...]
    literals: str


class RuleSet:
    """The rules of one service: those that go with others (``also``), and the rest, ``split`` by what was seen.

    Which were seen is only remembered to try them first; a rule finds the same lines wherever it stands. Threads
    share this: a split is replaced as a whole, never changed.
    """

    def __init__(self, rules: list[Rule]) -> None:
        self.also = [rule for rule in rules if rule.also]
        self._order = [rule for rule in rules if not rule.also]
        self.split = self._by_names(frozenset())

    def _by_names(self, names: frozenset[str]) -> Split:
        seen = tuple(rule for rule in self._order if rule.name in names)
        unseen = tuple(rule for rule in self._order if rule.name not in names)
        return Split(seen, unseen, alternation(literal for rule in unseen for literal in rule.literals))

    def meet(self, rule: Rule) -> None:
        """Remember that the log has lines of this rule."""
        self.split = self._by_names(frozenset({rule.name, *(known.name for known in self.split.seen)}))


def alternation(literals: Iterable[str]) -> str:
    """A regex that finds any of the literals."""
    return "|".join(re.escape(literal).replace("\\ ", " ") for literal in literals)
