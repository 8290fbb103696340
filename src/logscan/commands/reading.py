"""What the commands that read logs share: reading the sources, telling how it went, the exit status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from logscan.causes import assign_causes
from logscan.commands.options import ReadOptions
from logscan.commands.output import tell
from logscan.commands.progress import progress
from logscan.coverage import InputReport
from logscan.errors import UnreadableInput, UsageError
from logscan.flagging.greylisting import recognise
from logscan.history.store import existing
from logscan.known_peers import KnownPeers, Site
from logscan.logs.timestamps import zone_name
from logscan.scan import Scan, check, scan
from logscan.schema import SCHEMA, read_schema
from logscan.selection import Selection
from logscan.summary import REPORT_COLUMNS
from logscan.windows import Window, window

if TYPE_CHECKING:
    from logscan.flagging.flags import FlagOptions
    from logscan.pseudonyms import Pseudonyms
    from logscan.reporting import Report


class Reading:
    """One run over the sources, from options to exit status.

    Raises UsageError for options that make no sense, before anything is read.
    """

    def __init__(self, options: ReadOptions, site: Site, columns: Sequence[str] | None = None) -> None:
        self._options = options
        self._site = site
        self._known = KnownPeers()
        self.tz = zone_name(options.tz)
        self.window: Window = window(options.since, options.until, options.on, tz=ZoneInfo(self.tz))
        self._columns = columns
        self._scan: Scan | None = None
        codes = (options.code or "").replace(",", " ").lower().split()
        if options.code is not None and not codes:
            raise UsageError("--code names no code (421, 5xx, 4.7.0 or 4.7.x)")
        self._selection = Selection(codes, options.direction, options.peer or ())
        self._pseudonyms = _pseudonyms(options, site)
        if options.store is not None and options.paths:
            raise UsageError(f"--store {options.store} is read instead of a PATH; name the one or the other")
        self._store = None if options.store is None else Path(options.store).expanduser()
        #: What could not be read of other times in the store.
        self._problems: list[str] = []
        self._manifest = None if self._store is None else existing(self._store)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, without causes; then what went wrong is told.

        Raises UnreadableInput or NothingUnderstood at the end if no line was understood, unless ``empty_ok``.
        """
        options = self._options
        with progress(wanted=not (options.no_progress or options.quiet)) as advance:
            self._scan = scan(
                options.paths if self._store is None else self._files(self.window.since, self.window.until),
                since=self.window.since,
                until=self.window.until,
                parser=options.parser,
                tz=self.tz,
                year=options.year,
                postfix_version=options.postfix_version,
                syslog_name=options.syslog_name,
                columns=self._columns,
                fork=True,
                on_progress=advance,
            )
            yield from self._scan
        if not self._scan.understood and not options.empty_ok:
            check(self._scan)
        if not options.quiet:
            inputs = self.inputs
            errors = (report.error for report in inputs if report.error)
            for message in (*errors, *(warning for report in inputs for warning in report.warnings)):
                tell(message)

    def table(self) -> pa.Table:
        """The wanted rows with causes, greylisting by behaviour included."""
        every = read_schema(self._columns)
        schema = every if self._columns is None else pa.schema([every.field(name) for name in self._columns])
        batches = (batch.select(schema.names) for batch in self.batches())
        table = pa.Table.from_batches(batches, schema).unify_dictionaries()
        replies = recognise(assign_causes(table))
        known = self._site.known_in(replies)
        shown = self._shown(replies)
        self._known = known.under(self._pseudonyms.of_host) if self._pseudonyms else known
        return shown

    def report(self, replies: pa.Table, *, top: int, flags: FlagOptions) -> Report:
        """The report on ``replies``, which ``table`` gave: inputs, window and zone are this reading's.

        With a store, earlier periods are compared with, and earlier days tell what to expect.
        """
        from logscan.history.past_days import compared, past
        from logscan.reporting import report

        manifest = self._manifest
        zone, now = ZoneInfo(self.tz), datetime.now(UTC)

        return report(
            replies,
            inputs=self.inputs,
            since=self.window.since,
            until=self.window.until,
            tz=self.tz,
            top=top,
            flag_options=flags,
            known=self._known,
            earlier=compared(manifest, self.window, zone, now, self._stored) if manifest else (),
            past=past(manifest, self.window, self._stored) if manifest else None,
        )

    def _stored(self, since: datetime, until: datetime) -> pa.Table:
        """The wanted rows of another time in the store, as far as reports count them."""
        reading = scan(
            self._files(since, until),
            since=since,
            until=until,
            syslog_name=self._options.syslog_name,
            columns=REPORT_COLUMNS,
        )
        rows = pa.Table.from_batches(list(reading), SCHEMA)
        for problem in reading.problems:
            if problem not in self._problems:
                self._problems.append(problem)
                tell(problem)
        return self._selection.of(recognise(assign_causes(rows.unify_dictionaries())))

    def _files(self, since: datetime | None, until: datetime | None) -> list[Path]:
        """The store's files of some time; the store itself if there are none, which tells what it has."""
        if self._store is None or self._manifest is None:
            return []
        return [self._store / file.path for file in self._manifest.within(since, until)] or [self._store]

    def stream(self) -> Iterator[pa.RecordBatch]:
        """The wanted rows with the causes that each reply tells by itself, as they are read."""
        for batch in self.batches():
            yield from self._shown(assign_causes(pa.Table.from_batches([batch]))).to_batches()

    def _shown(self, replies: pa.Table) -> pa.Table:
        """The wanted rows; with pseudonyms only now that causes, which names may tell, are known."""
        wanted = self._selection.of(replies)
        return self._pseudonyms.of_table(wanted) if self._pseudonyms else wanted

    @property
    def inputs(self) -> list[InputReport]:
        """How each source was read, once it was."""
        inputs = self._scan.inputs if self._scan else []
        return [self._pseudonyms.of_input(report) for report in inputs] if self._pseudonyms else inputs

    @property
    def status(self) -> int:
        """The exit status: 3 if an input could not be read."""
        problems = self._problems or (self._scan and self._scan.problems)
        return UnreadableInput.exit_status if problems else 0


def _pseudonyms(options: ReadOptions, site: Site) -> Pseudonyms | None:
    if not (options.anonymize or options.anonymize_keep_network):
        return None
    from logscan.pseudonyms import Pseudonyms

    return Pseudonyms.of_run(site.domains, site.anonymize_key, keep_networks=options.anonymize_keep_network)
