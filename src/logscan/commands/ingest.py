"""The ingest command."""

from __future__ import annotations

from collections.abc import Sequence

from logscan.commands.history_options import store_folder
from logscan.commands.options import ReadOptions
from logscan.commands.output import tell
from logscan.commands.progress import progress
from logscan.errors import UnreadableInput
from logscan.history.ingest import ingest
from logscan.reading.sources import find_sources
from logscan.settings import Settings


def run(
    paths: Sequence[str], options: ReadOptions, store: str | None, keep: int | None, settings: Settings
) -> int:
    """Ingest, tell what was new, and return the exit status."""
    folder = store_folder(store, settings)
    with progress(wanted=not (options.no_progress or options.quiet)) as advance:
        done = ingest(
            folder,
            lambda: find_sources(paths),
            keep=keep,
            on_progress=advance,
            waiting=lambda: tell(f"{folder}: another ingest is at work; waiting for it"),
            parser=options.parser,
            tz=options.tz,
            year=options.year,
            postfix_version=options.postfix_version,
            fork=True,
        )
    for problem in done.problems:
        tell(problem)
    if not options.quiet:
        for warning in done.warnings:
            tell(warning)
        tell(f"{folder}: {_new(done.lines, done.logs)}, {_counted(done.rows, 'row')}")
    return UnreadableInput.exit_status if done.problems else 0


def _new(lines: int, logs: int) -> str:
    return f"{_counted(lines, 'new line')} of {_counted(logs, 'log')}" if lines else "nothing new"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
