"""A line on standard error that tells how far reading is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logscan.terminal import sanitise


@contextmanager
def progress(*, wanted: bool) -> Iterator[Callable[[str, int], None] | None]:
    """A function to be told which source is read and how many bytes of it were; None if nobody watches."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import FileSizeColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        FileSizeColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(source: str, size: int) -> None:
            bar.update(task, description=sanitise(source), advance=size)

        yield advance
