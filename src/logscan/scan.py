"""Sources → replies table: each source through the parser that its content calls for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from logscan.coverage import MOST_EXAMPLES, InputReport
from logscan.detection import HEAD, Detected, named_parser, recognise, unrecognised
from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput, UsageError
from logscan.logs.machine import LogMachine, ScanOptions
from logscan.logs.timestamps import Clock, zone_name
from logscan.reading.datasets import day_of, may_hold
from logscan.reading.lines import LONGEST_LINE
from logscan.reading.sources import Source, find_sources
from logscan.schema import SCHEMA, read_schema
from logscan.stored import is_parquet, read_stored
from logscan.windows import Moment, window

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Scan",
    "ScanOptions",
    "check",
    "iter_batches",
    "nothing_understood",
    "read",
    "read_table",
    "scan",
]

Paths = str | Path | BinaryIO | Sequence[str | Path | BinaryIO]

OnProgress = Callable[[str, int, int | None], None]

#: Bytes of a block: small enough for the caches, large enough that the work per block does not count.
BLOCK = 4 << 20
#: Years that a log may be of: from when Unix time begins, and so that a day more or less is still a date.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
#: A release or a snapshot, 3.9-20240101.
_VERSION = re.compile(r"\d+(\.\d+)*(-\S+)?", re.ASCII)


class Scan:
    """Reads sources once, in order, as an iterable of RecordBatches in SCHEMA (``cause`` null).

    What is wanted of REPORT_ONLY comes with them. Then ``inputs`` is complete.

    ``on_progress`` is called after each block with the source's name, how many bytes of all sources have been
    read, and how many there are, None if that is not known; both as they are stored.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        options: ScanOptions,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.options = options
        self.inputs: list[InputReport] = []
        self._on_progress = on_progress
        self._schema = read_schema(options.columns)
        self._tz = zone_name(options.tz)
        self._forced = named_parser(options.parser) if options.parser else None
        if options.year is not None and not _FIRST_YEAR <= options.year <= _LAST_YEAR:
            raise UsageError(f"--year {options.year}: no year between {_FIRST_YEAR} and {_LAST_YEAR}")
        if options.postfix_version and not _VERSION.fullmatch(options.postfix_version):
            raise UsageError(f"--postfix-version {options.postfix_version}: no version; write it like 3.7")
        self._machines: dict[str, LogMachine] = {}
        self._sources = sources
        sizes = [source.size for source in self._sources]
        self._total = None if None in sizes else sum(size for size in sizes if size is not None)
        #: Inputs that could not be read: a line each.
        self.problems: list[str] = []
        #: Days (UTC) of a dataset that lie outside the window: they were not even opened.
        self.passed_over: list[date] = []

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches()
        finally:
            for machine in self._machines.values():
                machine.close()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for source in self._sources:
            day = day_of(source.name)
            if day is not None and not may_hold(day, self.options.since, self.options.until):
                self.passed_over.append(day)
                continue
            report = InputReport(source.title)
            self.inputs.append(report)
            try:
                for table in self._read(source, report):
                    yield from self._finish(table, report)
            except UnreadableInput as error:
                report.error = str(error)
                self.problems.append(str(error))
            said = [*source.warnings, *report.warnings]
            report.warnings = [f"{source.title}: {warning}" for warning in said]

    def _read(self, source: Source, report: InputReport) -> Iterator[pa.Table]:
        if is_parquet(source):
            yield from read_stored(source, self.options, report, lambda: self._progress(source))
            return
        head = source.head(HEAD)
        layer, detected = recognise(head, self._forced)
        if detected is None:
            # Its lines are counted all the same, so that the report can say how much was not understood.
            report.reason = unrecognised(head)
            for block in source.blocks(BLOCK):
                self._progress(source)
                count = block.count(b"\n") + (not block.endswith(b"\n"))
                report.lines += count
                report.unparsed += count
                report.examples += _examples(block, MOST_EXAMPLES - len(report.examples))
            return
        report.parser, report.reason = detected.name, detected.reason
        blocks = self._stripped(source, layer.strip if layer else None)
        if detected.log_parser is None:
            yield from self._read_transcript(map(b"".join, blocks), report, detected)
            return
        machine = self._machines.get(detected.name)
        if machine is None:
            machine = self._machines[detected.name] = LogMachine(
                detected.log_parser, self.options, BLOCK + 2 * LONGEST_LINE
            )
        clock = Clock(tz=self._tz, modified=source.modified, year=self.options.year)
        yield from machine.read(blocks, source.title, report, clock)

    def _progress(self, source: Source) -> None:
        if self._on_progress:
            self._on_progress(source.title, sum(read.taken for read in self._sources), self._total)

    def _stripped(self, source: Source, strip: Callable[[bytes], bytes] | None) -> Iterator[Iterable[bytes]]:
        """The blocks of a source, each in pieces; without what wraps its lines."""
        for block in source.blocks_in_pieces(BLOCK):
            yield (strip(b"".join(block)),) if strip else block
            # Only now has the block been read.
            self._progress(source)

    def _read_transcript(
        self, blocks: Iterator[bytes], report: InputReport, detected: Detected
    ) -> Iterator[pa.Table]:
        from logscan.transcripts.reader import TranscriptReader

        forced = detected.name if self._forced else None
        reader = TranscriptReader(blocks, report, forced, tz=ZoneInfo(self._tz), year=self.options.year)
        for batch in reader.batches():
            yield pa.Table.from_batches([batch])

    def _finish(self, table: pa.Table, report: InputReport) -> Iterator[pa.RecordBatch]:
        """Rows of the window, as record batches; null where a source does not know a column."""
        for field in self._schema:
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(table.num_rows, field.type))
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


def scan(
    paths: Paths | None = None,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    parser: str | None = None,
    tz: str | None = None,
    year: int | None = None,
    postfix_version: str | None = None,
    syslog_name: str | None = None,
    columns: Iterable[str] | None = None,
    fork: bool = False,
    on_progress: OnProgress | None = None,
) -> Scan:
    """Open sources to be read once; see ``Scan``.

    ``columns``: the columns that are wanted; others may stay null, and what only they need is not done. ``fork``: large
    logs may be parsed by forked processes instead of threads; only for programs that run no other threads.
    Raises ``UnreadableInput`` if there is nothing to read, ``UsageError`` for options that make no sense.
    """
    zone = ZoneInfo(zone_name(tz))
    options = ScanOptions(
        since=_moment(since, zone),
        until=_moment(until, zone),
        parser=parser,
        tz=tz,
        year=year,
        postfix_version=postfix_version,
        syslog_name=syslog_name,
        columns=tuple(columns) if columns is not None else None,
        fork=fork,
    )
    return Scan(find_sources(_as_list(paths)), options, on_progress)


def _moment(when: Moment | None, zone: ZoneInfo) -> datetime | None:
    if isinstance(when, datetime):
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return window(since=when, tz=zone).since


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
    Parquet files that logscan wrote are read too, alone or as a folder with one for each day.
    Options: ``since`` and ``until`` (the end excluded; datetimes, in UTC unless they have a zone, or what the command
    line takes, as ``"2026-11-22 14:05"`` and ``"yesterday"``), ``parser`` (a name, or a parser file), ``tz`` of
    stamps without zone (this machine's by default), ``year`` of stamps without year, ``postfix_version``,
    ``syslog_name``.

    Raises ``UnreadableInput`` if an input cannot be read, ``NothingUnderstood`` if no line was understood.
    """
    from logscan.causes import assign_causes
    from logscan.flagging.greylisting import recognise

    reading = scan(paths, **options)
    batches = list(reading)
    check(reading)
    table = pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()
    return recognise(assign_causes(table))


def read(paths: Paths | None = None, **options: Any) -> pd.DataFrame:
    """``read_table`` as a pandas DataFrame: words are categories, times are UTC, texts are Arrow-backed strings.

    ``.smtp`` on it counts, explains and reports; see ``logscan.accessor``.

    >>> import logscan
    >>> replies = logscan.read("sample_logs/postfix.log")  # doctest: +SKIP
    >>> replies[replies.code == 421].groupby("cause", observed=True)["count"].sum()  # doctest: +SKIP
    """
    import logscan.accessor  # noqa: F401  it registers df.smtp
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
    if reading.passed_over and not reading.inputs:
        first, last = min(reading.passed_over), max(reading.passed_over)
        return NothingUnderstood(f"no rows of that time; there are days from {first} to {last}")
    names = ", ".join(f"{report.source} ({_why_not(report, reading.options)})" for report in reading.inputs)
    return NothingUnderstood(f"nothing was understood: {names or 'no input'}")


def _why_not(report: InputReport, options: ScanOptions) -> str:
    if report.parser and report.lines and options.syslog_name:
        return f"no {report.unit} of {options.syslog_name}"
    if report.parser and report.lines and options.parser:
        return f"no {report.unit} that {options.parser} knows"
    return report.reason or "empty"
