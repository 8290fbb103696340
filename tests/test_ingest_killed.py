"""An ingest that is killed at any moment loses no row and keeps none twice.

LOGSCAN_KILLS=200 kills so often; by default it is done a few times.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journals import FakeJournal
from logscan.history import journals
from logscan.history.ingest import ingest
from logscan.history.manifest import load_manifest
from logscan.reading.sources import Source, find_sources
from rotating import RotatingLog

KILLS = int(os.environ.get("LOGSCAN_KILLS", "8"))
#: What audit hooks hear of before something changes in a folder.
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
SEED = int(os.environ.get("LOGSCAN_SEED", "1"))


def rows(store: Path) -> list[dict[str, Any]]:
    """All rows of a store, but for the name that the log had when they were read."""
    manifest = load_manifest(store)
    if manifest is None:
        return []
    tables = [pq.ParquetFile(store / file.path).read() for file in manifest.files]
    whole = pa.concat_tables(tables).drop_columns("source").to_pylist()
    return sorted(whole, key=lambda row: (row["time"], row["line"], str(row)))


def files(folder: Path) -> Callable[[], list[Source]]:
    return lambda: find_sources(str(folder / "mail.log*"))


def run(sources: Callable[[], list[Source]], store: Path) -> None:
    done = ingest(store, sources, tz="UTC")
    assert done.problems == []


def killed(
    sources: Callable[[], list[Source]],
    store: Path,
    *,
    after: float | None = None,
    before: int | None = None,
) -> bool:
    """Ingest in a process that is killed after so many seconds, or before it changes so many things in the store.

    Returns whether it came to that.
    """
    with warnings.catch_warnings():
        # Python warns of forks beside threads; pyarrow's can be forked.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            if before is not None:
                sys.addaudithook(_killing(before, str(store)))
            run(sources, store)
            os._exit(0)
        finally:
            os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def _killing(changes: int, store: str) -> Callable[[str, tuple[Any, ...]], None]:
    """A hook that kills the process before the next change, after so many of them."""
    left = changes

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGES and str(arguments[0]).startswith(store):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def test_rows_equal_those_of_one_run(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311  repeatable, not secret
    (tmp_path / "log").mkdir()
    log = RotatingLog(tmp_path / "log", SEED)
    log.grow(20)
    started = time.monotonic()
    run(files(log.folder), tmp_path / "warm")
    longest = time.monotonic() - started
    kills = 0
    while kills < KILLS:
        log.grow(random.randrange(30))
        log.rotate()
        log.grow(random.randrange(30))
        if random.random() < 0.5:
            kills += killed(files(log.folder), tmp_path / "store", after=random.uniform(0, longest))
        else:
            kills += killed(files(log.folder), tmp_path / "store", before=random.randrange(30))
        if random.random() < 0.3:
            started = time.monotonic()
            run(files(log.folder), tmp_path / "store")
            longest = 0.8 * longest + 0.2 * (time.monotonic() - started)
    run(files(log.folder), tmp_path / "store")
    run(files(log.folder), tmp_path / "clean")
    kept, expected = rows(tmp_path / "store"), rows(tmp_path / "clean")
    assert len(kept) == len(expected)
    assert kept == expected
    named = {file.path for file in load_manifest(tmp_path / "store").files}  # type: ignore[union-attr]
    assert {
        str(path.relative_to(tmp_path / "store")) for path in (tmp_path / "store").rglob("*.parquet")
    } == named


def test_rows_of_a_journal_equal_those_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "STEP", 40)
    random = Random(SEED)  # noqa: S311  repeatable, not secret
    (tmp_path / "log").mkdir()
    journal, log = FakeJournal(tmp_path / "machine", monkeypatch), RotatingLog(tmp_path / "log", SEED)

    def grow(lines: int) -> None:
        log.grow(lines)
        journal.add(log.log.read_text())
        os.truncate(log.log, 0)

    grow(20)
    started = time.monotonic()
    run(find_sources, tmp_path / "warm")
    longest = time.monotonic() - started
    kills = 0
    while kills < KILLS:
        grow(random.randrange(60))
        if random.random() < 0.5:
            kills += killed(find_sources, tmp_path / "store", after=random.uniform(0, longest))
        else:
            kills += killed(find_sources, tmp_path / "store", before=random.randrange(30))
        if random.random() < 0.3:
            run(find_sources, tmp_path / "store")
    run(find_sources, tmp_path / "store")
    run(find_sources, tmp_path / "clean")
    assert rows(tmp_path / "store") == rows(tmp_path / "clean")
