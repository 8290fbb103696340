"""Streams told apart by their first bytes, and decompressed with bounded memory."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol, cast

import zstandard
from isal import igzip_lib

_INPUT = 1 << 16  # compressed bytes read at once
_OUTPUT = 1 << 16  # decompressed bytes asked for at once: fits the processor's cache
_XZ_MEMORY = 1 << 28  # above what xz -9 needs, below what a hostile file may ask for


class Raw(NamedTuple):
    """Bytes as they are stored: `read(n)` gives at most n, none at the end.

    `seek(n)` goes to the n-th byte; it is None for a pipe. `stream` is what pyarrow can read from, if there is one.
    """

    read: Callable[[int], bytes]
    seek: Callable[[int], object] | None
    stream: BinaryIO | None = None


class _Decoder(Protocol):
    """What bz2, lzma and igzip offer alike: one member (frame, stream) of a compressed file."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Zstd:
    """A zstd frame with the same interface.

    The library has no limit on output, so it gets small slices: at most 512 bytes, of which hostile data
    can make 16 MiB (four bytes stand for a block of 128 KiB, RFC 8878 section 3.1.1.2).
    """

    _SLICE = 1 << 9

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj(write_size=1 << 15)
        self._waiting = memoryview(b"")

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data) + bytes(self._waiting)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        waiting = memoryview(data) if data else self._waiting
        pieces, length = [], 0
        while waiting and length < max_length and not self._frame.eof:
            piece = self._frame.decompress(waiting[: self._SLICE])
            waiting = waiting[self._SLICE :]
            pieces.append(piece)
            length += len(piece)
        self._waiting = waiting
        return b"".join(pieces)


def _gzip() -> _Decoder:
    decoder: _Decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return decoder


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


@dataclass(frozen=True, slots=True)
class _Codec:
    name: str
    magic: tuple[bytes, ...]
    decoder: Callable[[], _Decoder]


_ZSTD_SKIPPABLE = tuple(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60))

_CODECS = (
    _Codec("gzip", (b"\x1f\x8b\x08",), _gzip),
    _Codec("bzip2", (b"BZh",), bz2.BZ2Decompressor),
    _Codec("xz", (b"\xfd7zXZ\0",), _xz),
    _Codec("zstd", (b"\x28\xb5\x2f\xfd", *_ZSTD_SKIPPABLE), _Zstd),
)
MAGIC_LENGTH = max(len(magic) for codec in _CODECS for magic in codec.magic)
_BROKEN = cast(
    tuple[type[Exception], ...], (igzip_lib.IsalError, lzma.LZMAError, zstandard.ZstdError, OSError)
)


class _DamageError(Exception):
    """A decoder refused its input."""


class _Input:
    """The stored bytes in pieces; knows where the latest piece begins.

    From `careful_from` on the pieces are single bytes.
    """

    def __init__(self, read: Callable[[int], bytes], *, careful_from: int | None = None) -> None:
        self.offset = 0
        self._read = read
        self._next = 0
        self._careful_from = careful_from

    def piece(self) -> bytes:
        size = _INPUT
        if self._careful_from is not None:
            size = min(size, max(1, self._careful_from - self._next))
        data = self._read(size)
        self.offset, self._next = self._next, self._next + len(data)
        return data

    def enough_to_tell(self, data: bytes = b"", *, padding: bytes = b"") -> bytes:
        """Return `data` without leading `padding`, and as much more as shows what it is.

        A pipe may give single bytes.
        """
        data = data.lstrip(padding)
        while len(data) < MAGIC_LENGTH and (more := self.piece()):
            data = (data + more).lstrip(padding)
        return data


def is_compressed(magic: bytes) -> bool:
    """Return whether what begins with these bytes (at least MAGIC_LENGTH) is compressed."""
    return any(magic.startswith(codec.magic) for codec in _CODECS)


def decompressed(raw: Raw, size: int, warn: Callable[[str], object], start: int = 0) -> Iterator[bytes]:
    """Yield the contents of `raw` from byte `start` on, whatever compressed it; plain data in pieces of up to `size`.

    What can be decoded before damage or an early end is yielded, and `warn` gets one sentence about it.
    """
    stored = _Input(raw.read)
    data = stored.enough_to_tell()
    codec = next((codec for codec in _CODECS if data.startswith(codec.magic)), None)
    if codec is None:
        if start and raw.seek:
            raw.seek(start)
            start, data = 0, raw.read(size)
        while data:
            yield data[start:]
            start = max(0, start - len(data))
            data = raw.read(size)
        return
    done = 0
    try:
        for piece in _members(codec, data, stored, warn):
            done += len(piece)
            if done > start:
                yield piece[max(0, start - done + len(piece)) :]
    except _DamageError as damage:
        if raw.seek:
            raw.seek(0)
            yield from _up_to_damage(codec, _Input(raw.read, careful_from=stored.offset), max(done, start))
        warn(f"the {codec.name} data is damaged ({damage}); what could be decoded before the damage was read")


def _members(codec: _Codec, data: bytes, stored: _Input, warn: Callable[[str], object]) -> Iterator[bytes]:
    """Yield the contents of each member (frame, stream); `data` comes before the rest of `stored`."""
    while data:
        if not data.startswith(codec.magic):
            warn(f"something else follows the {codec.name} data; it was not read")
            return
        decoder = codec.decoder()
        while not decoder.eof:
            if not data and decoder.needs_input and not (data := stored.piece()):
                warn(f"the {codec.name} data ends early, as of a copy cut short; all before that was read")
                return
            try:
                piece = decoder.decompress(data, _OUTPUT)
            except _BROKEN as error:
                raise _DamageError(error) from error
            data = b""
            if piece:
                yield piece
        data = stored.enough_to_tell(decoder.unused_data, padding=b"\0")  # tapes pad with NULs


def _up_to_damage(codec: _Codec, stored: _Input, done: int) -> Iterator[bytes]:
    """Yield, but for the first `done` bytes, what is decoded before the damage.

    A decoder that fails keeps what it had decoded in the same call, so `stored` goes byte by byte there.
    """
    try:
        for piece in _members(codec, stored.enough_to_tell(), stored, lambda _: None):
            if done < len(piece):
                yield piece[done:]
            done = max(0, done - len(piece))
    except _DamageError:
        return
