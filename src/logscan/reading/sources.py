"""What to read: paths, globs, folders, streams or this machine's own log, in reading order."""

from __future__ import annotations

import glob
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeAlias

from logscan.errors import UnreadableInput, UsageError
from logscan.reading.datasets import dataset_files
from logscan.reading.inputs import Source, command_source, file_source, stream_source, unreadable_source
from logscan.reading.places import MACHINE_FOLDERS, journal_command, machine_logs, mail_logs
from logscan.reading.repeats import without_repeats
from logscan.reading.rotation import reading_order

__all__ = ["Input", "Source", "find_sources"]

Input: TypeAlias = str | os.PathLike[str] | BinaryIO


def find_sources(paths: Input | Sequence[Input] = ()) -> list[Source]:
    """Return what to read for `paths`, the files of each rotated log from the oldest to the newest.

    A path is a file, a glob pattern, a folder (its mail logs, or its days as Parquet files), - for standard
    input or a binary stream. Without paths it is this machine's own mail logs, else its journal. A log that
    was given twice is read once. A path that leads nowhere has a source too: reading it raises
    UnreadableInput, as does a file that turns out to be unreadable, so that a caller can go on with the
    others. UnreadableInput is raised here only if there are no paths and no log is found, UsageError for a
    stream in text mode.
    """
    if isinstance(paths, str | os.PathLike) or not isinstance(paths, Sequence):
        paths = [paths]
    if not paths:
        return _machine_sources()
    if sum(path == "-" for path in paths) > 1:
        raise UsageError("standard input (-) can be read only once")
    sources = [source for number, path in enumerate(paths, 1) for source in _sources(path, number)]
    return without_repeats(reading_order(sources, lambda source: source.name))


def _machine_sources() -> list[Source]:
    if logs := machine_logs():
        return without_repeats(reading_order([file_source(log) for log in logs], lambda source: source.name))
    try:
        return [command_source(journal_command(), "journal")]
    except UnreadableInput as error:
        raise UnreadableInput(
            f"no mail log found in {', '.join(MACHINE_FOLDERS)} nor in the journal ({error}); "
            "name the file, or pipe it in: … | logscan report -"
        ) from error


def _sources(path: Input, number: int) -> Iterator[Source]:
    if not isinstance(path, str | os.PathLike):
        yield _stream(path, number)
        return
    path = os.path.expanduser(os.fspath(path))
    if path == "-":
        yield _standard_input()
    elif os.path.isdir(path):
        yield from _folder(path)
    elif not os.path.lexists(path) and glob.has_magic(path):
        hits = sorted(glob.glob(path, recursive=True))
        if not hits:
            yield unreadable_source(path, "no file matches this pattern")
        for hit in [hit for hit in hits if not os.path.isdir(hit)] or hits:
            yield from _sources(hit, number)
    else:
        yield file_source(path)


def _folder(path: str) -> Iterator[Source]:
    try:
        stored = _stored(path)
        logs = stored or dataset_files(path) or mail_logs(path)
    except OSError as error:
        yield unreadable_source(path, f"the folder cannot be listed ({error.strerror})")
        return
    except UnreadableInput as error:
        yield unreadable_source(path, str(error).removeprefix(f"{path}: "))
        return
    if stored == []:
        yield unreadable_source(path, "the store holds no rows yet")
        return
    if not logs:
        yield unreadable_source(
            path, f"no mail log in this folder; name the files themselves, as in {os.path.join(path, '*')}"
        )
    yield from map(file_source, logs)


def _stored(folder: str) -> list[str] | None:
    """Return the data files that count; None if the folder is no store of ``logscan ingest``."""
    from logscan.history.manifest import load_manifest

    manifest = load_manifest(Path(folder))
    return None if manifest is None else [os.path.join(folder, file.path) for file in manifest.files]


def _standard_input() -> Source:
    if sys.stdin is None or sys.stdin.isatty():
        return unreadable_source("-", "standard input is a terminal; pipe a log in, or name a file")
    return stream_source(sys.stdin.buffer, "-")


def _stream(stream: BinaryIO, number: int) -> Source:
    if not hasattr(stream, "read"):
        raise UsageError(f"{stream!r} is neither a path nor an open binary file")
    if isinstance(stream, io.TextIOBase):
        raise UsageError("a stream must be open in binary mode, as by open(path, 'rb')")
    name = getattr(stream, "name", None)
    return stream_source(stream, name if isinstance(name, str) else f"<stream {number}>")
