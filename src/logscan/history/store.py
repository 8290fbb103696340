"""A store: a Parquet dataset by day (UTC) that a manifest describes; one process at a time writes to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from logscan.atomic import make_folder, sync_folder
from logscan.errors import UnreadableInput, UsageError
from logscan.history.manifest import MANIFEST, DataFile, Manifest, load_manifest

_LOCK = "_lock"
#: How the data files of a store are named; only files of such a name are ever removed.
_PREFIX = "part-"


def default_folder() -> Path:
    """Where the history is kept if nobody says otherwise: below the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("logscan") / "store"


def existing(folder: Path) -> Manifest:
    """The manifest of a store that must be there; raises UnreadableInput if it is not, or cannot be read."""
    manifest = load_manifest(folder)
    if manifest is None:
        raise UnreadableInput(f"{folder}: no store; logscan ingest makes one")
    return manifest


class Store:
    """A store that this process may write to."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def commit(self, manifest: Manifest) -> None:
        """Let a manifest count, and remove what it does not name any more."""
        if manifest == self.manifest and (self.folder / MANIFEST).exists():
            return
        for folder in {(self.folder / file.path).parent for file in manifest.files}:
            sync_folder(folder)
        sync_folder(self.folder)
        manifest.save(self.folder)
        self.manifest = manifest
        self.tidy()

    def tidy(self) -> None:
        """Remove data files that the manifest does not name: those of a run that was ended, or merged ones."""
        named = {file.path for file in self.manifest.files}
        for path in sorted(self.folder.glob("date=*/*")):
            own = path.name.lstrip(".").startswith(_PREFIX) and path.suffix in (".parquet", ".tmp")
            if own and str(path.relative_to(self.folder)) not in named:
                path.unlink(missing_ok=True)
                with suppress(OSError):  # there are others in it
                    path.parent.rmdir()
        for path in self.folder.glob(f".{MANIFEST}.*.tmp"):
            path.unlink(missing_ok=True)


@contextmanager
def writable(folder: Path, waiting: Callable[[], object]) -> Iterator[Store]:
    """A store to write to, made if need be; ``waiting`` is called if another process is at it, which is waited for.

    If the block fails, what it wrote and did not commit is removed. Raises UsageError if it cannot be written
    or the folder holds something else, UnreadableInput for a store that cannot be understood.
    """
    make_folder(folder)
    with _locked(folder, waiting):
        manifest = load_manifest(folder)
        if manifest is None and _foreign(os.listdir(folder)):
            raise UsageError(f"{folder}: holds other files and is no store; name an empty or a new folder")
        store = Store(folder, manifest or Manifest())
        store.tidy()
        try:
            yield store
        except BaseException:
            store.tidy()
            raise


def _foreign(names: Collection[str]) -> bool:
    """Whether a folder without a manifest holds more than a first run that was ended leaves behind."""
    return any(not name.startswith((_LOCK, "date=", f".{MANIFEST}")) for name in names)


@contextmanager
def _locked(folder: Path, waiting: Callable[[], object]) -> Iterator[None]:
    try:
        lock = open(folder / _LOCK, "ab")  # noqa: SIM115  only this is to be caught
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from error
    with lock:  # closing it unlocks it, as the end of the process does
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def new_name() -> str:
    """A name for a data file that no other has."""
    return f"{_PREFIX}{secrets.token_hex(8)}.parquet"


def checksum_of(path: Path) -> str:
    """The checksum of a data file, as the manifest has it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def described(folder: Path, paths: Iterable[Path]) -> tuple[DataFile, ...]:
    """Data files of a store as its manifest names them."""
    return tuple(_described(folder, path) for path in sorted(paths))


def _described(folder: Path, path: Path) -> DataFile:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    place = metadata.schema.to_arrow_schema().get_field_index("time")
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    times = [
        column.statistics
        for column in (group.column(place) for group in groups)
        if column.statistics and column.statistics.has_min_max
    ]
    return DataFile(
        path=str(path.relative_to(folder)),
        rows=metadata.num_rows,
        bytes=path.stat().st_size,
        checksum=checksum_of(path),
        first=_iso(min((found.min for found in times), default=None)),
        last=_iso(max((found.max for found in times), default=None)),
    )


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else None
