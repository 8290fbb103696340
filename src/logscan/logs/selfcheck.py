"""A log parser against its own samples: every rule shown to work, and no line claimed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from logscan.logs.columns import as_text
from logscan.logs.definitions import LogParser, Rule, Sample
from logscan.logs.engine import Block, Engine
from logscan.logs.extraction import check_regexes, extract
from logscan.logs.lines import split_lines
from logscan.logs.records import split_records


@dataclass(frozen=True, slots=True)
class Failure:
    """What a sample shows to be wrong."""

    rule: str
    line: str
    problem: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.problem}\n    in: {self.line}"


def check_parser(parser: LogParser) -> list[Failure]:
    """All that the samples of a parser show to be wrong; empty if it is right.

    Raises ``ParserError`` if a regex is not RE2.
    """
    check_regexes(parser)
    engine = Engine(parser)
    failures: list[Failure] = []
    for rule in parser.rules:
        for sample in rule.samples:
            failures.extend(_check_sample(engine, rule, sample))
    for ignore in parser.ignores:
        for line in ignore.samples:
            block = engine.parse(line.encode() + b"\n")
            if not any(literal in line for literal in ignore.literals):
                failures.append(Failure(ignore.about, line, "no literal of the entry stands in the line"))
            if block.rows.num_rows:
                names = block.rows.column("rule").unique().to_pylist()
                failures.append(
                    Failure(ignore.about, line, f"is no reply, yet {', '.join(names)} makes a row of it")
                )
            elif not block.understood:
                failures.append(
                    Failure(ignore.about, line, "is not understood: has it the header of this frame?")
                )
    return failures


def _check_sample(engine: Engine, rule: Rule, sample: Sample) -> Iterator[Failure]:
    def failure(problem: str) -> Failure:
        return Failure(rule.name, sample.line, problem)

    if not any(literal in message_of(engine, sample.line) for literal in rule.literals):
        yield failure("no literal of the rule stands in the message (what follows the header)")
    claims = claiming_rules(engine, sample.line)
    if rule.name not in claims:
        yield failure("the rule does not match" + (f"; {', '.join(claims)} does" if claims else ""))
        return
    others = [name for name in claims if name != rule.name and not _also(engine, name)]
    if others and not rule.also:
        yield failure(f"is claimed by {', '.join(others)} too; one line, one rule")
    got = found_rows(engine.parse(sample.line.encode() + b"\n"), rule)
    if len(got) != len(sample.expect):
        yield failure(f"gives {len(got)} rows, expected {len(sample.expect)}")
    for have, want in zip(got, sample.expect, strict=False):
        for column, value in want.items():
            if column not in have:
                yield failure(f"expects a column {column!r} that the rule does not give")
            elif not _same(have[column], value):
                yield failure(f"{column}: expected {value!r}, got {have[column]!r}")


def _also(engine: Engine, name: str) -> bool:
    return next(rule.also for rule in engine.parser.rules if rule.name == name)


def _same(have: Any, want: Any) -> bool:
    if isinstance(have, datetime):
        have = have.isoformat()
    if isinstance(want, int | float) and isinstance(have, str):
        have = float(have)
    return bool(have == want) or (have is None and want == "null")


def message_of(engine: Engine, line: str) -> str:
    """What follows the header of a line; empty if it has no header of the parser's frame."""
    records = split_records(split_lines(line.encode() + b"\n"), np.array([0]), engine.frame)
    return str(records.messages(np.arange(1))[0].as_py()) if len(records) else ""


def claiming_rules(engine: Engine, line: str) -> list[str]:
    """The names of the rules that match a line, whatever their order."""
    lines = split_lines(line.encode() + b"\n")
    records = split_records(lines, np.array([0]), engine.frame)
    names = []
    for daemon in engine._daemons(records)[0]:
        for rule in engine.parser.rules:
            if rule.services and daemon not in rule.services:
                continue
            if extract(records.messages(np.arange(1)), rule.alternatives)[0].any():
                names.append(rule.name)
    return names


def found_rows(block: Block, rule: Rule) -> list[Mapping[str, Any]]:
    """What a rule made of a block: its rows, or the columns it contributes to other rows."""
    if rule.role == "reply":
        return [row for row in block.rows.to_pylist() if row["rule"] == rule.name]
    rows: list[Mapping[str, Any]] = []
    for columns in block.contexts.get(rule.name, ()):
        table = pa.table({name: as_text(c) if name != "line" else c for name, c in columns.items()})
        rows.extend(table.to_pylist())
    return rows
