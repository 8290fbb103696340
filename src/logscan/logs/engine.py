"""Blocks of a log through one parser's rules: which lines matter, which rule each is, which columns it gives.

The engine knows no mail server. It keeps no state, so blocks may be parsed side by side and in any order; what needs
other lines is left to ``passes``. Nearly all lines have one form of header and a first word that tells which few rules
may fit; what remains is searched for the literals of all rules. Rules are tried in the order of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.coverage import MOST_EXAMPLES
from logscan.errors import ParserError
from logscan.logs.assembly import ROW_SCHEMA, Completion, add_header, assemble, in_order
from logscan.logs.columns import Columns
from logscan.logs.cutting import segments
from logscan.logs.definitions import LogParser, Rule
from logscan.logs.dispatch import (
    Prefix,
    Vocabulary,
    Words,
    letters_at,
    literal_prefixes,
    may_begin,
    rule_prefixes,
)
from logscan.logs.eights import Positions, Text
from logscan.logs.frames import FRAMES
from logscan.logs.headers import Headers
from logscan.logs.lines import Lines, split_lines
from logscan.logs.matching import ANY_WORD, OTHER_WORD, Matcher
from logscan.logs.projection import CAPTURED_FOR_PASSES, products, with_steps
from logscan.logs.records import Records, records_behind, split_records
from logscan.logs.repetitions import REPEATED, last_repeated, say_last_repeated, unfold_repeated
from logscan.logs.rulesets import alternation
from logscan.logs.services import Daemons, Services
from logscan.logs.steps import names_of, steps_in_order, unfold


@dataclass(slots=True)
class Block:
    """What one block of lines gave.

    ``rows`` in ROW_SCHEMA, in the order of lines; ``contexts`` by rule name, with ``line`` (from 0 within the block)
    and the captured columns; ``repeats``: (line, how many times) of lines that say
    the line before came again.
    """

    lines: int
    understood: int = 0
    unparsed: int = 0
    examples: list[str] = field(default_factory=list)
    rows: pa.Table = field(default_factory=lambda: ROW_SCHEMA.empty_table())
    contexts: dict[str, list[Columns]] = field(default_factory=dict)
    repeats: list[tuple[int, int]] = field(default_factory=list)

    @property
    def other(self) -> int:
        """Lines of other programs."""
        return self.lines - self.understood - self.unparsed


class Engine:
    """A parser ready to read blocks.

    ``columns``: the columns that are wanted (None: all); rules and steps that give no others are left out.
    ``service_prefix``: only services of this ``syslog_name`` are read.
    """

    def __init__(
        self, parser: LogParser, *, columns: Iterable[str] | None = None, service_prefix: str | None = None
    ) -> None:
        if parser.frame not in FRAMES:
            raise ParserError(f"{parser.path}: frame {parser.frame!r} is none of {', '.join(sorted(FRAMES))}")
        self.parser = parser
        self.frame = FRAMES[parser.frame]
        self._wanted = None if columns is None else with_steps(parser, {*columns, *CAPTURED_FOR_PASSES})
        self._services = Services(parser.services, service_prefix)
        self._rules = [rule for rule in parser.rules if self._is_wanted(rule)]
        self._completion = Completion(
            steps_in_order(parser.fields, {}, parser.fields), parser.values, self._wanted
        )
        shared = {name for alternatives in parser.fields.values() for name in names_of(alternatives)}
        self._own_steps = {
            # Own steps that a shared one leads to cannot wait until the shared ones come for all rules.
            rule.name: steps_in_order(
                names_of(rule.alternatives), rule.then, {} if shared.isdisjoint(rule.then) else parser.fields
            )
            for rule in self._rules
        }

    def _is_wanted(self, rule: Rule) -> bool:
        if self._wanted is None or rule.role != "message":
            return True
        return bool((products(rule, self.parser) - {"queue_id"}) & self._wanted)

    @cached_property
    def _prefixes(self) -> list[Prefix]:
        return rule_prefixes(self._rules)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self._rules, self._prefixes)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        """The prefixes of the rules, then those of lines that are understood although no rule is tried on them."""
        unwanted = rule_prefixes(rule for rule in self.parser.rules if rule not in self._rules)
        literals = [text for ignore in self.parser.ignores for text in ignore.literals]
        return Vocabulary([*self._prefixes, *unwanted, *literal_prefixes(literals, tagged=self.frame.tagged)])

    @cached_property
    def _known(self) -> str:
        """What stands in lines that are understood although no rule is tried on them."""
        literals = [text for ignore in self.parser.ignores for text in ignore.literals]
        unwanted = [rule for rule in self.parser.rules if rule not in self._rules]
        return alternation([*literals, *(text for rule in unwanted for text in rule.literals)])

    @cached_property
    def _interest(self) -> str:
        literals = dict.fromkeys(literal for rule in self._rules for literal in rule.literals)
        return alternation([*literals, REPEATED])

    @cached_property
    def _unprefixed(self) -> str:
        """What stands in lines of rules that may begin with any word, or repeat a line that may."""
        rules = [rule for rule in self._rules if any(may_begin(a, None) for a in rule.alternatives)]
        return alternation([REPEATED, *(literal for rule in rules for literal in rule.literals)])

    def parse(self, data: Text) -> Block:
        """Parse one block of whole lines."""
        lines = split_lines(self.frame.mend(data) if self.frame.mend else data)
        block = Block(len(lines))
        done = np.zeros(len(lines), bool)
        prefix = np.full(len(lines), ANY_WORD)
        told = np.zeros(len(lines), bool)
        headers = self.frame.headers(lines) if self.frame.headers else None
        if headers is not None:
            kept = np.flatnonzero(~say_last_repeated(lines, headers.message))
            headers = headers.at(kept) if len(kept) < len(headers) else headers
            told[headers.index] = True
            self._parse_told(lines, headers, prefix, block, done)
        rest = np.flatnonzero(~told)
        if len(rest):
            block.repeats = last_repeated(lines, rest)
            done[[line for line, _ in block.repeats]] = True
            rest = rest[~done[rest]]
            if self.frame.tagged:
                rest = self._own(lines, rest)
            hits = rest[lines.holding(rest, self._interest)]
            records = split_records(lines, hits, self.frame)
            self._apply(records, self._daemons(records), prefix, block, done)
            self._settle(
                lines, rest, lambda places: split_records(lines, rest[places], self.frame), block, done
            )
        block.understood += int(done.sum())
        return block

    def _parse_told(
        self,
        lines: Lines,
        headers: Headers,
        prefix: Positions,
        block: Block,
        done: npt.NDArray[np.bool_],
    ) -> None:
        """Parse lines whose headers are known: by their first words, and what those do not tell, by search."""
        daemons, numbers = self._numbered(
            segments(lines.data, *headers.spans["service"]) if "service" in headers.spans else None,
            len(headers),
        )
        if numbers.min(initial=0) < 0:
            headers, numbers = headers.at(own := np.flatnonzero(numbers >= 0)), numbers[own]
        word, sure = headers.words(lines)
        which, ignored = self._by_first_word(lines, headers.index, letters_at(lines, headers.index, word))
        done[headers.index[ignored]] = True
        # Without a rule's first word, only rules that may begin anyhow are left, or all where the word is in doubt.
        prefix[headers.index] = np.where(sure & (which < 0), OTHER_WORD, which)
        wanted = which >= 0
        for here, regex in ((~sure, self._interest), (sure, self._unprefixed)):
            places = np.flatnonzero(here & (which < 0) & ~ignored)
            wanted[places] = lines.holding(headers.index[places], regex)
        hits = np.flatnonzero(wanted)
        self._apply(records_behind(lines, headers.at(hits)), (daemons, numbers[hits]), prefix, block, done)
        doubtful = np.flatnonzero(~sure & (which >= 0) & ~done[headers.index])
        if len(doubtful):
            prefix[headers.index[doubtful]] = ANY_WORD
            hits = doubtful[lines.holding(headers.index[doubtful], self._interest)]
            self._apply(
                records_behind(lines, headers.at(hits)), (daemons, numbers[hits]), prefix, block, done
            )
        rest = headers.at(np.flatnonzero(~done[headers.index]))
        self._settle(lines, rest.index, lambda places: records_behind(lines, rest.at(places)), block, done)

    def _settle(
        self,
        lines: Lines,
        index: Positions,
        records: Callable[[Positions], Records],
        block: Block,
        done: npt.NDArray[np.bool_],
    ) -> None:
        """Of the lines at ``index`` that no rule took, tell those that are known from those that are not understood.

        ``records`` gives the records at some places of ``index``.
        """
        rest = np.flatnonzero(~done[index])
        if self._known and len(rest):
            found = lines.holding(index[rest], self._known)
            done[index[rest[found]]] = True
            rest = rest[~found]
        if len(rest):
            self._count_unparsed(lines, index[rest], records(rest), block)

    def _count_unparsed(self, lines: Lines, rest: Positions, records: Records, block: Block) -> None:
        """Tell lines of this parser's services that no rule knows from lines of other programs."""
        if self.frame.continuation and len(records) < len(rest):
            alone = np.setdiff1d(rest, records.index, assume_unique=True)
            goes_on = pc.match_substring_regex(lines.at(alone), self.frame.continuation)
            block.understood += pc.sum(goes_on).as_py()
        own = records.index[self._daemons(records)[1] >= 0]
        block.unparsed += len(own)
        block.examples += [lines.example(int(line)) for line in own[: MOST_EXAMPLES - len(block.examples)]]

    def _own(self, lines: Lines, places: Positions) -> Positions:
        """Those of some lines that belong to this parser's services."""
        places = places[lines.holding(places, self._services.sign)]
        records = split_records(lines, places, self.frame)
        return records.index[self._daemons(records)[1] >= 0]

    def _by_first_word(
        self, lines: Lines, index: Positions, words: Words
    ) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """The number of the prefix by which rules may match a line; lines known to tell of no reply."""
        which = np.full(len(index), ANY_WORD)
        ignored = np.zeros(len(index), bool)
        for number, places in self._vocabulary.found(words):
            if number >= len(self._prefixes):
                ignored[places] = True
                continue
            literals = self._prefixes[number].literals
            if literals is not None:
                # The others begin like a rule's lines and hold none of its literals.
                places = places[lines.holding(index[places], alternation(literals))]
            which[places] = number
        return which, ignored & (which < 0)

    def _daemons(self, records: Records) -> Daemons:
        """The daemons that wrote some records."""
        return self._numbered(records.columns.get("service"), len(records))

    def _numbered(self, services: pa.Array | None, count: int) -> Daemons:
        """The daemons that services name; without services all lines are of the one that needs no name."""
        return self._services.numbered(pa.nulls(count, pa.string()) if services is None else services)

    def _apply(
        self,
        records: Records,
        daemons: Daemons,
        prefix: Positions,
        block: Block,
        done: npt.NDArray[np.bool_],
    ) -> None:
        if not len(records):
            return
        counts = unfold_repeated(records)
        # What was repeated may begin with any word.
        prefix[records.index[list(counts)]] = ANY_WORD
        replies = []
        for part in self._matcher.found(records, daemons, prefix[records.index]):
            done[records.index[part.places]] = True
            unfold(part.columns, self._own_steps[part.rule.name], self._wanted)
            if part.rule.role == "reply":
                replies.append(part)
            else:
                columns = self._completion.of([part])
                add_header(columns, records, part.places)
                block.contexts.setdefault(part.rule.name, []).append(columns)
        if replies:
            rows = assemble(replies, self._completion.of(replies), records, counts)
            block.rows = in_order(block.rows, rows)
