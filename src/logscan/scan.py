"""Sources → replies table: blocks on threads, passes in the order of the log, coverage counted."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.definitions import LogParser
from logscan.detection import HEAD, Detected, detect, named_parser, tried
from logscan.engine import ROW_SCHEMA, Block, Engine
from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput
from logscan.extraction import as_text
from logscan.layers import unwrap
from logscan.passes import PASSES, Group, Pass, Versions
from logscan.schema import SCHEMA
from logscan.sources import Source, find_sources
from logscan.timestamps import NO_TIME, Clock, zone_name
from logscan.transcripts import TranscriptReader

if TYPE_CHECKING:
    import pandas as pd

Paths = str | Path | BinaryIO | Sequence[str | Path | BinaryIO]

#: Bytes of a block: small enough for the caches, large enough that the work per block does not count.
BLOCK = 8 << 20
#: Blocks whose rows go through the passes together.
_GROUP_BLOCKS = 4
_EXAMPLES = 5


@dataclass(slots=True)
class InputReport:
    """What became of one source: its parser and why, how many lines it has and how many were understood.

    ``other`` counts lines of other programs; ``lines = understood + unparsed + other``.
    """

    source: str
    parser: str | None = None
    reason: str = ""
    lines: int = 0
    understood: int = 0
    unparsed: int = 0
    other: int = 0
    examples: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read: time window (half-open, UTC), forced parser, time zone and year of stamps that have none."""

    since: datetime | None = None
    until: datetime | None = None
    parser: str | None = None
    tz: str | None = None
    year: int | None = None
    postfix_version: str | None = None
    syslog_name: str | None = None
    columns: tuple[str, ...] | None = None


class Scan:
    """Reads sources once, as an iterable of RecordBatches in SCHEMA (``cause`` null); then ``inputs`` is complete.

    ``on_progress`` is called with the source's name and the number of bytes of each block that was read.
    """

    def __init__(
        self,
        paths: Paths | None,
        options: ScanOptions,
        on_progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self.options = options
        self.inputs: list[InputReport] = []
        self._progress = on_progress or (lambda name, size: None)
        self._tz = zone_name(options.tz)
        self._forced = named_parser(options.parser) if options.parser else None
        self._machines: dict[str, LogMachine] = {}
        self._sources = find_sources(_as_list(paths))
        #: Inputs that could not be read: a line each.
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for source in self._sources:
            report = InputReport(source.name)
            self.inputs.append(report)
            try:
                for table in self._read(source, report):
                    yield from self._finish(table, report)
            except UnreadableInput as error:
                report.error = str(error)
                self.problems.append(str(error))
            report.warnings.extend(source.warnings)

    def _read(self, source: Source, report: InputReport) -> Iterator[pa.Table]:
        head = source.head(HEAD)
        layer = unwrap(head)
        plain = layer.strip(head) if layer else head
        detected = self._forced or detect(plain)
        if detected is None:
            # Its lines are counted all the same, so that the report can say how much was not understood.
            report.reason = f"not recognised; tried {tried()}"
            for block in source.blocks(BLOCK):
                self._progress(source.name, len(block))
                count = block.count(b"\n") + (not block.endswith(b"\n"))
                report.lines += count
                report.unparsed += count
                report.examples += _examples(block, _EXAMPLES - len(report.examples))
            return
        report.parser, report.reason = detected.name, detected.reason
        blocks = self._stripped(source, layer.strip if layer else None)
        if detected.log_parser is None:
            yield from self._read_transcript(blocks, source, report, detected)
            return
        machine = self._machines.get(detected.name)
        if machine is None:
            machine = self._machines[detected.name] = LogMachine(detected.log_parser, self.options)
        clock = Clock(tz=self._tz, modified=source.modified, year=self.options.year)
        yield from machine.read(blocks, source.name, report, clock)

    def _stripped(self, source: Source, strip: Callable[[bytes], bytes] | None) -> Iterator[bytes]:
        for block in source.blocks(BLOCK):
            self._progress(source.name, len(block))
            yield strip(block) if strip else block

    def _read_transcript(
        self, blocks: Iterator[bytes], source: Source, report: InputReport, detected: Detected
    ) -> Iterator[pa.Table]:
        forced = detected.name if self._forced else None
        reader = TranscriptReader(blocks, source.name, forced, tz=ZoneInfo(self._tz), year=self.options.year)
        for batch in reader.batches():
            yield pa.Table.from_batches([batch])
        coverage = reader.coverage
        report.lines, report.understood = coverage.lines, coverage.understood
        report.unparsed, report.other = coverage.unparsed, coverage.other
        report.parser = coverage.parser or report.parser
        report.reason = coverage.reason or report.reason
        report.examples = list(coverage.examples)
        report.warnings.extend(coverage.warnings)

    def _finish(self, table: pa.Table, report: InputReport) -> Iterator[pa.RecordBatch]:
        """Rows of the window, as record batches."""
        since, until = self.options.since, self.options.until
        if since is not None or until is not None:
            time = table.column("time")
            keep = time.is_valid()
            if since is not None:
                keep = pc.and_(keep, pc.greater_equal(time, pa.scalar(since, time.type)).fill_null(False))
            if until is not None:
                keep = pc.and_(keep, pc.less(time, pa.scalar(until, time.type)).fill_null(False))
            table = table.filter(keep)
        for batch in table.combine_chunks().to_batches():
            if batch.num_rows:
                yield batch

    @property
    def understood(self) -> int:
        """Lines that some parser understood, over all inputs read so far."""
        return sum(report.understood for report in self.inputs)


def _examples(block: bytes, count: int) -> list[str]:
    if count <= 0:
        return []
    lines = block[: 500 * count].splitlines()[:count]
    return [line[:300].decode("utf-8", "replace") for line in lines if line.strip()]


def _as_list(paths: Paths | None) -> list[Any]:
    if paths is None:
        return []
    return list(paths) if isinstance(paths, list | tuple) else [paths]


class LogMachine:
    """One log parser at work: its engine, and its passes' memory, over all sources of its kind."""

    def __init__(self, parser: LogParser, options: ScanOptions) -> None:
        self.parser = parser
        self.engine = Engine(parser, columns=options.columns, service_prefix=options.syslog_name)
        self._passes: list[Pass] = [
            Versions(parser, options.postfix_version) if name == "versions" else PASSES[name](parser)
            for name in parser.passes
        ]
        self._lines = 0
        self._last_rows: pa.Table | None = None

    def read(
        self, blocks: Iterator[bytes], source: str, report: InputReport, clock: Clock
    ) -> Iterator[pa.Table]:
        """The rows of one source, group by group, in the columns of SCHEMA."""
        start = self._lines
        workers = os.cpu_count() or 1
        pending: deque[Future[Block]] = deque()
        group: list[tuple[int, Block]] = []
        self._last_rows = None
        with ThreadPoolExecutor(workers) as pool:
            exhausted = False
            while True:
                while not exhausted and len(pending) <= workers:
                    data = next(blocks, None)
                    if data is None:
                        exhausted = True
                        break
                    pending.append(pool.submit(self.engine.parse, data))
                if not pending:
                    break
                block = pending.popleft().result()
                group.append((self._lines, block))
                self._lines += block.lines
                _count(report, block)
                if len(group) == _GROUP_BLOCKS:
                    yield self._finish(group, source, clock, start)
                    group = []
            if group:
                yield self._finish(group, source, clock, start)

    def _finish(self, blocks: list[tuple[int, Block]], source: str, clock: Clock, start: int) -> pa.Table:
        """Rows of some blocks with times, through the passes; ``line`` counts within the source again."""
        rows = _with_offsets(blocks)
        rows = self._with_repeats(rows, [(base + at, n) for base, b in blocks for at, n in b.repeats])
        values = clock.resolve(np.asarray(rows.column("stamp")), np.asarray(rows.column("zone")))
        time = pa.array(values, mask=values == NO_TIME).cast(pa.timestamp("us", tz="UTC"))
        count = rows.num_rows
        rows = rows.drop_columns(["stamp", "zone"]).append_column("time", time)
        rows = rows.append_column("cause", pa.nulls(count, SCHEMA.field("cause").type))
        for name, value in (("parser", self.parser.name), ("source", source)):
            word = pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(count, np.int32)), pa.array([value], pa.string())
            )
            rows = rows.append_column(name, word)
        group = Group(rows.unify_dictionaries(), _contexts(blocks))
        for step in self._passes:
            step(group)
        rows = group.rows.select(SCHEMA.names)
        # Lines are counted from 1 in their own source.
        line = pc.add(pc.subtract(rows.column("line"), start), 1)
        return rows.set_column(rows.schema.get_field_index("line"), SCHEMA.field("line"), line).cast(SCHEMA)

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
            last = before.column("line")[-1]
            self._last_rows = before.filter(pc.equal(before.column("line"), last)).combine_chunks()
        return rows


def _count(report: InputReport, block: Block) -> None:
    report.lines += block.lines
    report.understood += block.understood
    report.unparsed += block.unparsed
    report.other += block.other
    report.examples += block.examples[: _EXAMPLES - len(report.examples)]


def _with_offsets(blocks: list[tuple[int, Block]]) -> pa.Table:
    index = ROW_SCHEMA.get_field_index("line")
    tables = [
        block.rows.set_column(index, ROW_SCHEMA.field(index), pc.add(block.rows.column("line"), base))
        for base, block in blocks
    ]
    return pa.concat_tables(tables)


def _contexts(blocks: list[tuple[int, Block]]) -> dict[str, pa.Table]:
    """What rules of other roles captured, by rule name."""
    tables: dict[str, list[pa.Table]] = {}
    for base, block in blocks:
        for found in block.contexts.values():
            for rule, columns in found:
                arrays = {n: pc.add(c, base) if n == "line" else as_text(c) for n, c in columns.items()}
                tables.setdefault(rule.name, []).append(pa.table(arrays))
    merged = {name: pa.concat_tables(found, promote_options="default") for name, found in tables.items()}
    return {name: table.sort_by("line") for name, table in merged.items()}


def scan(
    paths: Paths | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    parser: str | None = None,
    tz: str | None = None,
    year: int | None = None,
    postfix_version: str | None = None,
    syslog_name: str | None = None,
    columns: Iterable[str] | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> Scan:
    """Open sources to be read once; see ``Scan``.

    ``columns``: the columns that are wanted; others may stay null, and what only they need is not done.
    Raises ``UnreadableInput`` if there is nothing to read, ``UsageError`` for options that make no sense.
    """
    options = ScanOptions(
        since=_aware(since),
        until=_aware(until),
        parser=parser,
        tz=tz,
        year=year,
        postfix_version=postfix_version,
        syslog_name=syslog_name,
        columns=tuple(columns) if columns is not None else None,
    )
    return Scan(paths, options, on_progress)


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def iter_batches(paths: Paths | None = None, **options: Any) -> Iterator[pa.RecordBatch]:
    """The replies table in pieces, memory bounded; ``options`` as for ``read_table``.

    Causes are those that the replies themselves tell; greylisting that only shows in later lines is not marked.
    """
    from logscan.causes import assign_causes

    for batch in scan(paths, **options):
        yield from assign_causes(pa.Table.from_batches([batch])).to_batches()


def read_table(paths: Paths | None = None, **options: Any) -> pa.Table:
    """The replies of mail logs and SMTP transcripts as a pyarrow Table in the columns of ``logscan.SCHEMA``.

    ``paths``: one or several files, globs, folders, ``"-"`` or open binary files; None for this machine's own log.
    Options: ``since``, ``until`` (datetimes, the end excluded), ``parser`` (a name, or a parser file), ``tz`` (of stamps
    without zone; this machine's by default), ``year`` (of stamps without year), ``postfix_version``, ``syslog_name``.

    Raises ``UnreadableInput`` if an input cannot be read, ``NothingUnderstood`` if no line was understood.
    """
    from logscan.causes import assign_causes
    from logscan.greylisting import recognise

    reading = scan(paths, **options)
    batches = list(reading)
    check(reading)
    table = pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()
    return recognise(assign_causes(table))


def read(paths: Paths | None = None, **options: Any) -> pd.DataFrame:
    """``read_table`` as a pandas DataFrame: words are categories, times are UTC, texts are Arrow-backed strings.

    >>> import logscan
    >>> replies = logscan.read("sample_logs/postfix.log")  # doctest: +SKIP
    >>> replies[replies.code == 421].groupby("cause", observed=True)["count"].sum()  # doctest: +SKIP
    """
    from logscan.frame import to_pandas

    return to_pandas(read_table(paths, **options))


def check(reading: Scan) -> None:
    """Raise what a library call must not pass over: inputs that cannot be read, or of which nothing was understood."""
    if reading.problems:
        raise UnreadableInput("; ".join(reading.problems))
    if not reading.understood:
        raise nothing_understood(reading)


def nothing_understood(reading: Scan) -> LogscanError:
    """The error that says which inputs were not understood, and why."""
    names = ", ".join(f"{r.source} ({r.reason or 'empty'})" for r in reading.inputs) or "no input"
    return NothingUnderstood(f"nothing was understood: {names}")
