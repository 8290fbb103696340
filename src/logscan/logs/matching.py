"""Which rule a message is, and what the rule's regexes capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.assembly import Found
from logscan.logs.definitions import Rule
from logscan.logs.dispatch import Prefix, may_begin
from logscan.logs.eights import Positions
from logscan.logs.extraction import extract
from logscan.logs.records import Records
from logscan.logs.rulesets import Candidate, RuleSet, alternation
from logscan.logs.services import Daemons

#: In so few texts a look for a rule's literals costs less than to set its regexes up.
_FEW_TEXTS = 4096
#: In place of the number of a prefix: the first word is no rule's prefix; or where it stands is not told for sure.
OTHER_WORD, ANY_WORD = -2, -1


class Matcher:
    """Tries rules on messages, by their service and the prefix that their first word is."""

    def __init__(self, rules: Sequence[Rule], prefixes: Sequence[Prefix]) -> None:
        self._rules = rules
        self._prefixes = prefixes

    @cache  # noqa: B019 - an engine lives as long as its scan
    def rules_for(self, daemon: str, number: int) -> RuleSet:
        """The rules of a service, of those whose lines may begin with a prefix, or with no rule's, or anyhow."""
        prefix = self._prefixes[number] if number >= 0 else None
        candidates = []
        for rule in self._rules:
            if rule.services and daemon not in rule.services:
                continue
            fitting = rule.alternatives
            if number != ANY_WORD:
                fitting = tuple(alternative for alternative in fitting if may_begin(alternative, prefix))
            if fitting:
                candidates.append(Candidate(rule, fitting))
        return RuleSet(candidates)

    def found(self, records: Records, daemons: Daemons, prefix: Positions) -> Iterator[Found]:
        """What the rules match, by the daemon of each record and the number of its prefix."""
        names, numbers = daemons
        group = numbers * (len(self._prefixes) - OTHER_WORD) + prefix - OTHER_WORD
        order = np.argsort(group, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            daemon = numbers[places[0]]
            if daemon >= 0:
                rules = self.rules_for(names[daemon], int(prefix[places[0]]))
                yield from self.match(rules, places, records.messages(places))

    def match(self, rules: RuleSet, places: Positions, texts: pa.Array) -> Iterator[Found]:
        """Which rule each message is, and what the rule's regexes capture."""
        for candidate in rules.also:
            # Most lines that hold the literal are another rule's too: look before taking apart.
            likely = pc.match_substring_regex(texts, alternation(candidate.rule.literals))
            if pc.any(likely).as_py():
                matched, columns = extract(texts.filter(likely), candidate.alternatives)
                if matched.any():
                    yield Found(candidate.rule, places[np.asarray(likely)][matched], columns)
        split = rules.split
        for candidate in split.seen:
            if not len(places):
                return
            if len(texts) < _FEW_TEXTS and not _holds_any(texts, candidate.rule.literals):
                continue
            matched, columns = extract(texts, candidate.alternatives)
            if matched.any():
                yield Found(candidate.rule, places[matched], columns)
                places, texts = places[~matched], texts.filter(pa.array(~matched))
        if split.unseen and len(places):
            # What this log has not shown yet is looked for all at once.
            likely = np.asarray(pc.match_substring_regex(texts, split.literals))
            if likely.any():
                places, texts = places[likely], texts.filter(pa.array(likely))
                for candidate in split.unseen:
                    if not _holds_any(texts, candidate.rule.literals):
                        continue
                    matched, columns = extract(texts, candidate.alternatives)
                    if matched.any():
                        rules.meet(candidate.rule)
                        yield Found(candidate.rule, places[matched], columns)
                        places, texts = places[~matched], texts.filter(pa.array(~matched))


def _holds_any(texts: pa.Array, literals: Iterable[str]) -> bool:
    """Whether any of the literals stands in any of the texts (or across two of them)."""
    data = b"" if texts.buffers()[2] is None else texts.buffers()[2].to_pybytes()
    return any(literal.encode() in data for literal in literals)
