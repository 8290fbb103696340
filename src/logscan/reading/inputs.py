"""One input: a file, a stream or a command's output, read as blocks of whole lines."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, BinaryIO, cast

from logscan.errors import UnreadableInput
from logscan.reading.compression import Raw, decompressed
from logscan.reading.lines import SAMPLE, NotTextError, utf8, whole_lines

#: Plain data is read so many bytes at once: they are still in the processor's cache when they are looked at.
_PIECE = 1 << 18
#: Opens an input; True if what is read must be there again the next time.
_Opener = Callable[[bool], AbstractContextManager[Raw]]


@dataclass(slots=True, eq=False)
class Source:
    """A log to be read: decompressed, in UTF-8, with LF at the line ends.

    `name` is the path as given, - for standard input. `modified` is when it was last written, if known.
    `warnings` says what was odd about it; it is complete once `blocks` has ended. `identity` is the same for
    two names of one file. `size` is how many bytes are stored, if known, and `taken` how many of them `blocks`
    has read: both are those of the compressed file. `blocks` begins at byte `start` of the contents, and what it
    reads passes `tap`. `command` is what prints it, if it is a command's output. Where the input cannot be read,
    whatever reads it raises UnreadableInput.
    """

    name: str
    opener: _Opener = field(repr=False)
    modified: datetime | None = None
    identity: tuple[int, int] | None = None
    size: int | None = None
    taken: int = field(default=0, init=False)
    warnings: list[str] = field(default_factory=list)
    start: int = 0
    tap: Callable[[Iterator[bytes]], Iterator[bytes]] = field(default=iter, repr=False)
    command: tuple[str, ...] | None = None

    def magic(self, n: int) -> bytes:
        """Return the first `n` bytes as they are stored, which tell what kind of file it is."""
        with self.opener(True) as raw:
            read = self._guarded(raw.read, lambda _: None, count=False)
            magic = b""
            while len(magic) < n and (more := read(n - len(magic))):
                magic += more
        return magic

    @property
    def title(self) -> str:
        """The name as tables and reports can hold it: in a path, octets that are not UTF-8 become escapes."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def head(self, n: int = SAMPLE) -> bytes:
        """Return the first `n` bytes; `blocks` gives them again."""
        head = b""
        for block in self.peek(n):
            head += block
            if len(head) >= n:
                break
        return head[:n]

    def peek(self, size: int) -> Iterator[bytes]:
        """Yield what `blocks` will yield; of a pipe, what is peeked at is kept in memory."""
        return map(b"".join, self._blocks(size, peek=True, warn=lambda _: None))

    def blocks(self, size: int = 4 << 20) -> Iterator[bytes]:
        """Yield whole lines, about `size` bytes at once; only the last line may lack its line end."""
        return map(b"".join, self.blocks_in_pieces(size))

    def blocks_in_pieces(self, size: int) -> Iterator[Iterator[bytes]]:
        """Yield what `blocks` yields, each block as pieces, to be taken before the next block is asked for.

        So what is read need be copied but once, to where it is parsed.
        """
        return self._blocks(size, peek=False, warn=self.warnings.append)

    def contents(self, start: int, size: int) -> Iterator[bytes]:
        """Yield the contents from byte `start` on, decompressed and otherwise as they are."""
        with self.opener(True) as raw:
            read = self._guarded(raw.read, lambda _: None, count=False)
            yield from decompressed(raw._replace(read=read), size, lambda _: None, start)

    def _blocks(self, size: int, *, peek: bool, warn: Callable[[str], object]) -> Iterator[Iterator[bytes]]:
        try:
            with self.opener(peek) as raw:
                guarded = raw._replace(read=self._guarded(raw.read, warn, count=not peek))
                pieces = decompressed(guarded, min(size, _PIECE), warn, 0 if peek else self.start)
                yield from whole_lines(utf8(pieces if peek else self.tap(pieces), warn), size, warn)
        except NotTextError as error:
            raise UnreadableInput(f"{self.name}: not a text log but {error}") from error

    def _guarded(
        self, read: Callable[[int], bytes], warn: Callable[[str], object], *, count: bool
    ) -> Callable[[int], bytes]:
        """Return `read` with a failure after the first bytes made a warning and an early end."""
        started = failed = False

        def guarded(size: int) -> bytes:
            nonlocal started, failed
            if failed:
                return b""
            try:
                data = read(size)
            except OSError as error:
                reason = error.strerror or str(error)
                if not started:
                    raise UnreadableInput(f"{self.name}: {reason}") from error
                warn(f"reading stopped early: {reason}")
                failed = True
                return b""
            started = True
            if count:
                self.taken += len(data)
            return data

        return guarded


def file_source(path: str) -> Source:
    """Return the source for a path; where it leads to no file, one that raises UnreadableInput."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return unreadable_source(path, _why(path, error))
    if stat.S_ISREG(status.st_mode):
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return Source(path, _file(path), modified, (status.st_dev, status.st_ino), status.st_size)
    if stat.S_ISFIFO(status.st_mode):
        if path.startswith(("/dev/", "/proc/")):  # a shell's <(command): somebody writes to it already
            return Source(path, _pipe(open(path, "rb"), close=True))
        return unreadable_source(path, f"a named pipe, not a file; to read from it: logscan … - < {path}")
    return unreadable_source(path, "a device or socket, not a file")


def stream_source(stream: BinaryIO, name: str) -> Source:
    """Return the source for an open binary stream, which is read from where it stands and left open."""
    modified, size = None, None
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError):  # not a file of the operating system
        pass
    else:
        if stat.S_ISREG(status.st_mode):
            modified, size = datetime.fromtimestamp(status.st_mtime, UTC), status.st_size
    return Source(name, _seekable(stream) if stream.seekable() else _pipe(stream), modified, size=size)


def command_source(command: tuple[str, ...], name: str) -> Source:
    """Return the source for what a command prints."""

    @contextmanager
    def opened(_: bool) -> Iterator[Raw]:
        process = subprocess.Popen(  # noqa: S603 - no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output = cast(IO[bytes], process.stdout)  # PIPE was asked for

        def read(size: int) -> bytes:
            data = output.read(size)
            if not data and (exit_status := process.wait()):
                raise OSError(f"{os.path.basename(command[0])} ended with exit status {exit_status}")
            return data

        try:
            yield Raw(read, None)
        finally:
            output.close()
            process.terminate()
            process.wait()

    return Source(name, opened, command=command)


def unreadable_source(name: str, reason: str) -> Source:
    """Return a source that raises UnreadableInput when it is read."""

    def opened(_: bool) -> AbstractContextManager[Raw]:
        raise UnreadableInput(f"{name}: {reason}")

    return Source(name, opened)


def _file(path: str) -> _Opener:
    @contextmanager
    def opened(_: bool) -> Iterator[Raw]:
        try:
            stream = open(path, "rb", buffering=0)  # noqa: SIM115 - only this is to be caught
        except OSError as error:
            raise UnreadableInput(f"{path}: {_why(path, error)}") from error
        with stream:
            yield Raw(stream.read, stream.seek, stream)

    return opened


def _seekable(stream: BinaryIO) -> _Opener:
    start = stream.tell()

    @contextmanager
    def opened(_: bool) -> Iterator[Raw]:
        stream.seek(start)
        yield Raw(stream.read, lambda offset: stream.seek(start + offset), stream)

    return opened


def _pipe(stream: BinaryIO, *, close: bool = False) -> _Opener:
    kept: list[bytes] = []  # what was read but must be there again

    @contextmanager
    def opened(peek: bool) -> Iterator[Raw]:
        again = iter(kept.copy())

        def read(size: int) -> bytes:
            if data := next(again, b""):
                return data
            data = stream.read(size) or b""
            if peek:
                kept.append(data)
            return data

        yield Raw(read, None)
        if close and not peek:
            stream.close()

    return opened


def _why(path: str, error: OSError | ValueError) -> str:
    """Return why a path cannot be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        if os.path.islink(path):
            return f"a link to {os.readlink(path)}, which does not exist"
        return "no such file; check the name"
    if isinstance(error, PermissionError):
        return f"permission denied; read it {_who_may(path)}"
    return getattr(error, "strerror", None) or str(error)


def _who_may(path: str) -> str:
    """Return who may read a file, as far as its group tells: syslog's files are often the group adm's."""
    try:
        import grp

        status = os.stat(path)
        if status.st_mode & stat.S_IRGRP and status.st_gid:
            return f"as root or as a member of the group {grp.getgrgid(status.st_gid).gr_name}"
    except (ImportError, OSError, KeyError):
        pass
    return "as root"
