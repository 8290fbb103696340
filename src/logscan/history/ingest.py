"""Ingesting: the new lines of logs become rows of a store, each line once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput
from logscan.history.journals import JournalPortion
from logscan.history.manifest import DataFile, KnownJournal, KnownLog, Manifest
from logscan.history.portions import Plan, Portion, plan
from logscan.history.store import Store, described, new_name, writable
from logscan.reading.inputs import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from logscan.scan import OnProgress, Scan

#: What is known of the logs that were read.
_Read = dict[Portion | JournalPortion, KnownLog | KnownJournal]


@dataclass(slots=True)
class Ingested:
    """What an ingest did: new lines and the rows they made, logs with new lines, what went wrong, what is odd."""

    lines: int = 0
    rows: int = 0
    logs: int = 0
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def ingest(
    folder: Path,
    sources: Callable[[], Sequence[Source]],
    *,
    keep: int | None = None,
    on_progress: OnProgress | None = None,
    waiting: Callable[[], object] = lambda: None,
    **options: Any,
) -> Ingested:
    """Append what is new in the logs to the store in ``folder``; days that ended ``keep`` days ago are dropped.

    ``sources`` is called when no other process writes to the store. ``options`` are those of ``ScanOptions``. A log
    that cannot be read, or that shrank, is told in ``problems`` and stays as it was; the others are ingested.
    Raises UsageError if the store cannot be written, and NothingUnderstood if no log was ever understood. Then, and
    if the process is ended at any moment, the store is as it was before.
    """
    today = datetime.now(UTC).date()
    with ExitStack() as stack:
        store = stack.enter_context(writable(folder, waiting))
        found = sources()
        planned = plan(found, store.manifest.logs, stack)
        result = Ingested(problems=planned.problems)
        try:
            read, files = _read(store, planned, result, today, on_progress, options)
            logs = _remembered(store.manifest.logs, planned, read, today)
            if not logs and not result.problems:
                reasons = "; ".join(result.warnings) or "the logs are empty"
                raise NothingUnderstood(f"nothing was understood: {reasons}")
            store.commit(_kept(Manifest((*store.manifest.files, *files), logs), keep, today))
        except LogscanError as error:
            raise type(error)(f"{error}; the store {folder} is as it was") from error
    return result


def _read(
    store: Store,
    planned: Plan,
    result: Ingested,
    today: date,
    on_progress: OnProgress | None,
    options: dict[str, Any],
) -> tuple[_Read, tuple[DataFile, ...]]:
    """Write the rows of new lines to files that do not count yet; the logs read, and the files."""
    if not planned.sources:
        return {}, ()
    from logscan.export import as_batches, write_days
    from logscan.scan import Scan, ScanOptions

    reading = Scan([source for _, source in planned.sources], ScanOptions(**options), on_progress)
    name = new_name()
    portions = [portion for portion, _ in planned.sources]
    result.rows = write_days(*as_batches(_rows(reading, portions)), store.folder, name)
    read: _Read = {}
    for portion, report in zip(portions, reading.inputs, strict=True):
        result.warnings += report.warnings if portion.is_new else ()
        if report.error:
            result.problems.append(report.error)
        elif portion.is_new and report.parser is None:
            result.warnings.append(f"{portion.source.name}: {report.reason}")
        elif portion.is_new:
            if (known := portion.as_known(today)) is not None:
                read[portion] = known
            result.lines += portion.new_lines
            result.logs += bool(portion.new_lines)
            result.warnings += [f"{portion.source.name}: {remark}" for remark in portion.remarks]
    return read, described(store.folder, store.folder.glob(f"date=*/{name}"))


def _rows(reading: Scan, portions: Sequence[Portion | JournalPortion]) -> Iterator[pa.RecordBatch]:
    """The rows of new lines, with causes and numbered as lines of the whole file."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from logscan.causes import assign_causes

    for batch in reading:
        portion = portions[len(reading.inputs) - 1]
        if portion.context_lines is None:  # its new lines are yet to come
            continue
        rows = pa.Table.from_batches([batch])
        rows = rows.filter(pc.greater(rows["line"], portion.context_lines))
        if not rows.num_rows:
            continue
        before = (portion.known.lines if portion.known else 0) - portion.context_lines
        place = rows.schema.get_field_index("line")
        rows = rows.set_column(place, rows.field(place), pc.add(rows["line"], before))
        yield from assign_causes(rows).combine_chunks().to_batches()
    if any(
        report.error for report, portion in zip(reading.inputs, portions, strict=True) if portion.new_lines
    ):
        raise UnreadableInput("; ".join(reading.problems))  # rows of half a log must not count


def _remembered(
    logs: Sequence[KnownLog | KnownJournal], planned: Plan, read: _Read, today: date
) -> tuple[KnownLog | KnownJournal, ...]:
    """The logs as they are known now; of those that are no longer there, what was known.

    Two files may go on with one log: a copy was made of it, and both were written to.
    """
    now = [(portion.known, known) for portion, known in read.items()]
    now += [(portion.known, known) for portion in planned.unchanged if (known := portion.as_seen(today))]
    gone = (log for log in logs if all(log is not before for before, _ in now))
    return (*gone, *(known for _, known in now))


def _kept(manifest: Manifest, keep: int | None, today: date) -> Manifest:
    """The manifest without days, and logs that were last seen, more than ``keep`` days ago."""
    if keep is None:
        return manifest
    first = today - timedelta(days=keep)
    return Manifest(
        tuple(file for file in manifest.files if file.day is None or file.day >= first),
        tuple(log for log in manifest.logs if date.fromisoformat(log.seen) >= first),
    )
