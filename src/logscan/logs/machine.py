"""One log parser at work: blocks on all cores, passes in the order of the log, coverage counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.coverage import MOST_EXAMPLES, InputReport
from logscan.logs.assembly import ROW_SCHEMA
from logscan.logs.columns import as_text, constant
from logscan.logs.definitions import LogParser
from logscan.logs.engine import Block, Engine
from logscan.logs.extraction import check_regexes
from logscan.logs.passes import PASSES, Group, Pass, Versions
from logscan.logs.passes.tables import set_column
from logscan.logs.projection import READ_BY_PASSES
from logscan.logs.timestamps import NO_TIME, Clock
from logscan.logs.workers import Workers
from logscan.parser_files import shipped
from logscan.schema import read_schema

#: The rows of so many lines go through the passes together.
_GROUP_LINES = 60_000


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read: time window (half-open, UTC), forced parser, time zone and year of stamps that have none.

    ``columns``: those that are wanted; None for all. ``fork``: whether forked processes may parse.
    """

    since: datetime | None = None
    until: datetime | None = None
    parser: str | None = None
    tz: str | None = None
    year: int | None = None
    postfix_version: str | None = None
    syslog_name: str | None = None
    columns: tuple[str, ...] | None = None
    fork: bool = False


class LogMachine:
    """One log parser at work: its engine, and its passes' memory, over all sources of its kind.

    ``largest``: the most bytes that blocks are to have.
    """

    def __init__(self, parser: LogParser, options: ScanOptions, largest: int = 1 << 20) -> None:
        self.parser = parser
        self.engine = Engine(parser, columns=options.columns, service_prefix=options.syslog_name)
        if not shipped(parser.path):
            # The shipped parsers' regexes are proven by their tests; checking them takes a fifth of a second.
            check_regexes(parser)
        self._passes: list[Pass] = [
            Versions(parser, options.postfix_version) if name == "versions" else PASSES[name](parser)
            for name in parser.passes
        ]
        self._schema = read_schema(options.columns)
        wanted = {*(options.columns or self._schema.names), *READ_BY_PASSES, "stamp", "zone"}
        self._kept = [name for name in ROW_SCHEMA.names if name in wanted]
        self._workers = Workers(self.engine.parse, largest, fork=options.fork)
        self._lines = 0
        self._last_rows: pa.Table | None = None

    def read(
        self, blocks: Iterable[Iterable[bytes]], source: str, report: InputReport, clock: Clock
    ) -> Iterator[pa.Table]:
        """The rows of one source, group by group, in SCHEMA and what else is wanted; each block comes in pieces."""
        start = self._lines
        group: list[tuple[int, Block]] = []
        self._last_rows = None
        for block in self._workers.parsed(blocks):
            group.append((self._lines, block))
            self._lines += block.lines
            _count(report, block)
            if sum(block.lines for _, block in group) >= _GROUP_LINES:
                yield self._finish(group, source, clock, start)
                group = []
        if group:
            yield self._finish(group, source, clock, start)

    def close(self) -> None:
        """End what parses; nothing more can be read."""
        self._workers.close()

    def _finish(self, blocks: list[tuple[int, Block]], source: str, clock: Clock, start: int) -> pa.Table:
        """Rows of some blocks with times, through the passes; ``line`` counts within the source again."""
        rows = _with_offsets(blocks, self._kept)
        rows = self._with_repeats(rows, [(base + at, n) for base, b in blocks for at, n in b.repeats])
        values = clock.resolve(np.asarray(rows.column("stamp")), np.asarray(rows.column("zone")))
        time = pa.array(values, mask=values == NO_TIME).cast(pa.timestamp("us", tz="UTC"))
        rows = rows.drop_columns(["stamp", "zone"]).append_column("time", time)
        for name, value in (("parser", self.parser.name), ("source", source)):
            rows = rows.append_column(name, constant(value, rows.num_rows))
        group = Group(rows.unify_dictionaries().combine_chunks(), _contexts(blocks))
        for step in self._passes:
            step(group)
        rows = group.rows
        # Lines are counted from 1 in their own source.
        rows = set_column(rows, "line", pc.subtract(rows.column("line"), start - 1))
        return pa.Table.from_arrays(
            [
                rows.column(field.name)
                if field.name in rows.schema.names
                else pa.nulls(rows.num_rows, field.type)
                for field in self._schema
            ],
            schema=self._schema,
        )

    def _with_repeats(self, rows: pa.Table, repeats: list[tuple[int, int]]) -> pa.Table:
        """Rows for ``last message repeated N times``: those of the line before once more, counted N times."""
        before = rows if self._last_rows is None else pa.concat_tables([self._last_rows, rows])
        if repeats:
            line = np.asarray(before.column("line"))
            copies = [rows]
            for at, times in repeats:
                same = before.filter(pa.array(line == at - 1))
                if same.num_rows:
                    index = same.schema.get_field_index("count")
                    count = pc.multiply(same.column("count"), pa.scalar(times, pa.int32()))
                    same = same.set_column(index, "count", count)
                    index = same.schema.get_field_index("line")
                    copies.append(same.set_column(index, "line", pa.array([at] * same.num_rows, pa.int64())))
            rows = pa.concat_tables(copies)
            rows = rows.take(pa.array(np.argsort(np.asarray(rows.column("line")), kind="stable")))
        if before.num_rows:
            line = np.asarray(before.column("line"))
            self._last_rows = before.slice(np.searchsorted(line, line[-1])).combine_chunks()
        return rows


def _count(report: InputReport, block: Block) -> None:
    report.lines += block.lines
    report.understood += block.understood
    report.unparsed += block.unparsed
    report.other += block.other
    report.examples += block.examples[: MOST_EXAMPLES - len(report.examples)]


def _with_offsets(blocks: list[tuple[int, Block]], names: list[str]) -> pa.Table:
    """Some columns of the blocks' rows, with lines counted over all that was read."""
    return pa.concat_tables(
        set_column(rows, "line", pc.add(rows.column("line"), base))
        for base, rows in ((base, block.rows.select(names)) for base, block in blocks)
    )


def _contexts(blocks: list[tuple[int, Block]]) -> dict[str, pa.Table]:
    """What rules of other roles captured, by rule name."""
    tables: dict[str, list[pa.Table]] = {}
    for base, block in blocks:
        for name, found in block.contexts.items():
            for columns in found:
                arrays = {n: pc.add(c, base) if n == "line" else as_text(c) for n, c in columns.items()}
                tables.setdefault(name, []).append(pa.table(arrays))
    merged = {name: pa.concat_tables(found, promote_options="default") for name, found in tables.items()}
    return {name: table.sort_by("line") for name, table in merged.items()}
