"""The store commands: what a store holds, whether it is whole, and fewer files in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from rich.filesize import decimal

from logscan.commands.history_options import store_folder
from logscan.commands.output import show, tell
from logscan.errors import UnreadableInput
from logscan.history.manifest import DataFile, KnownJournal, KnownLog
from logscan.history.store import existing, writable
from logscan.rendering.phrases import plural
from logscan.settings import Settings
from logscan.terminal import sanitise


def show_store(given: str | None, settings: Settings) -> int:
    """Print the days with their rows, and the logs with how far they were read."""
    folder = store_folder(given, settings)
    manifest = existing(folder)
    days = sorted(manifest.files, key=_day)
    _line(f"{folder}: {sum(file.rows for file in days):,} rows, {_size(days)}")
    _table(
        ("files", "rows", "size", "day (UTC)"),
        [_of_day(day, list(files)) for day, files in groupby(days, key=_day)],
    )
    _table(
        ("last seen", "lines", "bytes read", "log"),
        [_of_log(log) for log in manifest.logs],
    )
    return 0


def compact_store(given: str | None, settings: Settings) -> int:
    """Merge the files of each day, and return the exit status."""
    from logscan.history.upkeep import compact

    folder = store_folder(given, settings)
    existing(folder)
    with writable(folder, lambda: tell(f"{folder}: an ingest is at work; waiting for it")) as store:
        saved = compact(store)
        tell(f"{folder}: {plural(len(store.manifest.files), 'file')}, {saved:,} fewer than before")
    return 0


def verify_store(given: str | None, settings: Settings) -> int:
    """Check every file, tell what is damaged, and return the exit status."""
    from logscan.history.upkeep import verify

    folder = store_folder(given, settings)
    problems = verify(folder)
    for problem in problems:
        tell(problem)
    if problems:
        return UnreadableInput.exit_status
    files = existing(folder).files
    rows = plural(sum(file.rows for file in files), "row")
    _line(f"{folder}: {plural(len(files), 'file')} with {rows}: all whole")
    return 0


def _day(file: DataFile) -> str:
    return str(file.day or "without a time")


def _of_day(day: str, files: Sequence[DataFile]) -> tuple[str, ...]:
    return f"{len(files):,}", f"{sum(file.rows for file in files):,}", _size(files), day


def _of_log(log: KnownLog | KnownJournal) -> tuple[str, ...]:
    if isinstance(log, KnownLog):
        return log.seen, f"{log.lines:,}", f"{log.taken:,}", log.path
    until = datetime.fromisoformat(log.time).strftime(" up to %Y-%m-%d %H:%M:%S UTC") if log.time else ""
    return log.seen, f"{log.lines:,}", "", f"journal of machine {log.machine or 'without an id'}{until}"


def _size(files: Iterable[DataFile]) -> str:
    return decimal(sum(file.bytes for file in files))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, of which the last is text and may be of any width."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    _line("")
    for row in (headings, *rows):
        numbers = (cell.rjust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True))
        _line("  ".join((*numbers, row[-1])))


def _line(text: str) -> None:
    show(f"{sanitise(text)}\n")
