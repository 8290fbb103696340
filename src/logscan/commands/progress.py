"""A bar on standard error that tells how far reading is, how fast it goes and how long it still takes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logscan.terminal import sanitise, wants_ascii

#: Seconds of reading that need no bar.
PATIENCE = 1.0


@contextmanager
def progress(*, wanted: bool) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A function for ``scan`` to tell how far it is; None if nobody watches."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        FileSizeColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    name = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    source_name = TextColumn("{task.description}", markup=False, table_column=name)
    drawn: list[ProgressColumn] = [] if wants_ascii(sys.stderr) else [BarColumn(bar_width=20)]
    of_known = [
        *drawn,
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    ]
    of_unknown = [FileSizeColumn(), TransferSpeedColumn(), TimeElapsedColumn()]
    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True, expand=True)
    task = bar.add_task("", total=None)

    def advance(source: str, done: int, total: int | None) -> None:
        bar.update(task, description=sanitise(os.path.basename(source)), completed=done, total=total)
        if not bar.live.is_started and time.monotonic() - began >= PATIENCE:
            bar.columns = (source_name, *(of_unknown if total is None else of_known))
            bar.start()

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
