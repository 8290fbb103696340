"""The manifest of a store: which data files count, and how far each log was read. It alone is the truth.

It is one JSON file that is replaced as a whole, so a store is always as one ingest left it: files that the
manifest does not name are leftovers of a run that was ended.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from logscan.atomic import replacing
from logscan.errors import UnreadableInput
from logscan.reading.datasets import day_of

#: Hidden from those who read the folder as a dataset, as all names that begin so.
MANIFEST = "_manifest.json"
#: Version of a store's layout, and those that can be read: the first knew no journals.
VERSION = 2
_READABLE = (1, 2)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file: its path in the store, its size and BLAKE2b checksum, its rows and their first and last time.

    The times are ISO 8601 in UTC; None if no row has one.
    """

    path: str
    rows: int
    bytes: int
    checksum: str
    first: str | None
    last: str | None

    @property
    def day(self) -> date | None:
        """The day (UTC) of its rows; None for rows without a time."""
        return day_of(self.path)

    def may_hold(self, since: datetime | None, until: datetime | None) -> bool:
        """Whether it may have a row from ``since`` on and before ``until``."""
        if self.first is None or self.last is None:
            return since is None and until is None
        return (since is None or datetime.fromisoformat(self.last) >= since) and (
            until is None or datetime.fromisoformat(self.first) < until
        )


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log and how far it was read: ``taken`` bytes of its decompressed contents, which are ``lines`` whole lines.

    It is known again by its contents: checksums of its ``beginning`` up to some lengths, and of the ``end`` of
    what was taken. ``status`` (device, inode, size, time of change) tells that a file has not been touched since;
    None if it has to be looked at in any case. ``path`` is its latest name, ``seen`` the latest day it was there.
    """

    path: str
    taken: int
    lines: int
    beginning: dict[str, str]
    end: str
    status: tuple[int, ...] | None
    seen: str


@dataclass(frozen=True, slots=True)
class KnownJournal:
    """A machine's journal and how far it was read: up to an entry, the last of so many ``lines`` (its mail entries).

    The entry is found by its ``cursor``, and known again by the checksum of what it says (``entry``). ``time`` is
    when it was received (ISO 8601 in UTC), None if it does not tell. ``marks`` are cursors of entries before it, with
    their numbers: there reading may begin for context. ``seen`` is the latest day the journal was there.
    """

    machine: str
    cursor: str
    entry: str
    time: str | None
    lines: int
    marks: tuple[tuple[str, int], ...]
    seen: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a store holds."""

    files: tuple[DataFile, ...] = ()
    logs: tuple[KnownLog | KnownJournal, ...] = ()
    store: int = field(default=VERSION, kw_only=True)

    def within(self, since: datetime | None, until: datetime | None) -> list[DataFile]:
        """The files that may have rows from ``since`` on and before ``until``, in order of time."""
        chosen = [file for file in self.files if file.may_hold(since, until)]
        return sorted(chosen, key=lambda file: (file.first or "", file.path))

    def save(self, folder: Path) -> None:
        """Put it in the place of the store's manifest; from then on it counts."""
        with replacing(folder / MANIFEST) as stream:
            stream.write(json.dumps(asdict(self), indent=1).encode())


def load_manifest(folder: Path) -> Manifest | None:
    """The manifest of a store; None if the folder has none.

    Raises UnreadableInput if it is damaged, or of a version that this logscan does not know.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise UnreadableInput(
            f"{path if os.access(folder, os.X_OK, effective_ids=True) else folder}: permission denied"
        ) from error
    except OSError as error:
        raise UnreadableInput(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    version = data.get("store") if isinstance(data, dict) else None
    if version not in _READABLE:
        if version is None:
            raise _damaged(path, "it names no version")
        raise UnreadableInput(
            f"{folder}: a store of version {version}; this logscan knows versions up to {VERSION}"
        )
    try:
        return Manifest(
            tuple(DataFile(**_checked(file)) for file in data["files"]),
            tuple(map(_known, data["logs"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__} {error}") from error


def _damaged(path: Path, reason: str) -> UnreadableInput:
    return UnreadableInput(
        f"{path}: the manifest is damaged ({reason}); take it from a backup, or begin a new store"
    )


def _known(log: dict[str, Any]) -> KnownLog | KnownJournal:
    if "cursor" in log:
        marks = tuple((str(cursor), int(number)) for cursor, number in log["marks"])
        return KnownJournal(**{**log, "marks": marks})
    return KnownLog(**{**log, "status": log["status"] and tuple(log["status"])})


def _checked(file: dict[str, Any]) -> dict[str, Any]:
    """An entry whose path leads nowhere else than into the store."""
    parts = Path(file["path"]).parts
    if len(parts) != 2 or ".." in parts or not parts[0].startswith("date="):
        raise ValueError(f"{file['path']!r} is no file of a store")
    return file
