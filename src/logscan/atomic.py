"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from logscan.errors import UsageError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of ``path`` when the block ends well.

    Until then the content goes to a hidden file in the same folder, which is removed if the block fails;
    afterwards the content is on disk. A link is followed, and an existing file's permissions are kept. What
    is no regular file (a pipe, ``/dev/null``) is written to directly. Raises UsageError if it cannot be
    written, as when the disk is full.
    """
    target = Path(os.path.realpath(path))
    try:
        special = target.exists() and not target.is_file()
        stream = target.open("wb") if special else _create(target)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    if special:
        with stream:
            yield stream
        return
    hidden = Path(stream.name)
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        hidden.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        hidden.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it; raises UsageError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on disk, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _create(target: Path) -> BinaryIO:
    """A new hidden file beside ``target``, with the permissions that ``target`` has or would get."""
    hidden = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    stream = hidden.open("xb")
    with suppress(FileNotFoundError):
        hidden.chmod(target.stat().st_mode & 0o777)
    return stream
