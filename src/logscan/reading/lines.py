"""Decoded bytes of any origin made into blocks of whole lines of UTF-8 text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter

#: Longer lines are cut to this many bytes.
LONGEST_LINE = 1 << 20

#: What a file holds is judged by this many bytes, whatever the size of the blocks.
SAMPLE = 1 << 16

_MAGIC = (
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"\x1f\x9d", "packed with compress: run uncompress first"),
    (b"\x04\x22\x4d\x18", "packed with lz4: run lz4 -d first"),
    (b"\x1f\x8b\x08", "compressed twice: run gunzip first"),
    (b"LPKSHHRH", "a systemd journal: pipe in what journalctl -o json --file prints"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file inside another file: unpack it first"),
    (b"ARROW1", "an Arrow file"),
)
_TAR_MAGIC = slice(257, 262)  # POSIX.1-1988 ustar header

_HOLE = re.compile(rb"\0{4,}")  # what a crash, or copytruncate under an open file, leaves in a log
_CONTROLS = bytes(set(range(32)) - set(b"\a\b\t\n\v\f\r\x1b"))  # those that terminals do not write to logs
_CONTROL_SHARE = 0.05  # random bytes have twice as much
_FEW_CONTROLS = 8  # prove nothing, not even in a short file

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotTextError(Exception):
    """The bytes are no text; the message says what they seem to be."""


def utf8(pieces: Iterable[bytes], warn: Callable[[str], object]) -> Iterator[bytes]:
    """Yield the text of `pieces` as UTF-8: byte order marks and NULs dropped, UTF-16 converted, CR LF made LF.

    A file with CR and no LF at all (as classic Mac OS wrote) gets LF. Bytes that are not UTF-8 stay as
    they are. Raises NotTextError for what is no text.
    """
    pieces = iter(pieces)
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= SAMPLE:
            break
    sample = start[:SAMPLE]
    mark, encoding = _encoding(sample)
    pieces = chain((start[len(mark) :],), pieces)
    if encoding == "utf-8":
        if what := _what_else(sample):
            raise NotTextError(what)
    else:
        pieces = _converted(pieces, encoding)
    only_returns = b"\r" in sample and b"\n" not in sample
    nuls = 0
    waiting = b""  # a CR whose LF may come with the next piece
    for piece in pieces:
        if b"\0" in piece:
            nuls += piece.count(b"\0")
            piece = piece.replace(b"\0", b"")
        if only_returns:
            piece = piece.replace(b"\r", b"\n")
        if waiting or b"\r" in piece:
            piece = (waiting + piece).replace(b"\r\n", b"\n")
            waiting = b"\r" if piece.endswith(b"\r") else b""
            piece = piece.removesuffix(waiting)
        if piece:
            yield piece
    if waiting:
        yield waiting
    if nuls:
        warn(f"NUL bytes left out: {nuls:,}")


def encoding_of(sample: bytes) -> str:
    """Return the encoding of a text that begins so: `utf-8`, `utf-16-le` or `utf-16-be`."""
    return _encoding(sample)[1]


def _encoding(sample: bytes) -> tuple[bytes, str]:
    """Return the byte order mark, if any, and the encoding; bytes that are not UTF-16 count as UTF-8."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return mark, encoding
    even, odd = sample[::2], sample[1::2]
    if len(odd) >= 8:
        if odd.count(0) > 0.8 * len(odd) and even.count(0) < 0.05 * len(even):
            return b"", "utf-16-le"
        if even.count(0) > 0.8 * len(even) and odd.count(0) < 0.05 * len(odd):
            return b"", "utf-16-be"
    return b"", "utf-8"


def _converted(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def _what_else(sample: bytes) -> str | None:
    """Return what the bytes are if they are no text."""
    for magic, what in _MAGIC:
        if sample.startswith(magic):
            return what
    if sample[_TAR_MAGIC] == b"ustar":
        return "a tar archive: unpack it first"
    filled = _HOLE.sub(b"", sample)
    controls = len(filled) - len(filled.translate(None, _CONTROLS))
    return "binary data" if controls > max(_FEW_CONTROLS, _CONTROL_SHARE * len(filled)) else None


def whole_lines(
    pieces: Iterable[bytes], size: int, warn: Callable[[str], object]
) -> Iterator[Iterator[bytes]]:
    """Yield the text of `pieces` in blocks of about `size` bytes that end at a line end, each block in pieces.

    The pieces of a block are gone once the next block is asked for. Only the last block may lack its line end.
    Lines over LONGEST_LINE are cut, but keep their line end, so that line numbers stay true; a block has at most
    `size` + 2 * LONGEST_LINE bytes.
    """
    for _, block in groupby(_numbered(_shortened(pieces, warn), size), key=itemgetter(0)):
        yield (piece for _, piece in block)


def _numbered(pieces: Iterable[bytes], size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces with the number of the block that each belongs to, cut where a block ends."""
    number = length = 0
    for piece in pieces:
        length += len(piece)
        end = piece.rfind(b"\n") + 1 if length >= size else 0
        if end:
            yield number, piece[:end]
            number, piece = number + 1, piece[end:]
            length = len(piece)
        if piece:
            yield number, piece


def _shortened(pieces: Iterable[bytes], warn: Callable[[str], object]) -> Iterator[bytes]:
    """Yield the pieces, none longer than LONGEST_LINE, with every line cut to that."""
    length = cut = 0  # length: of the line that has not ended yet, before it was cut
    for piece in _divided(pieces, LONGEST_LINE):
        end = piece.find(b"\n")
        more = len(piece) if end < 0 else end
        left = max(0, LONGEST_LINE - length)
        cut += length <= LONGEST_LINE < length + more
        length = length + more if end < 0 else len(piece) - 1 - piece.rfind(b"\n")
        if more > left:
            piece = piece[:left] + piece[more:]
        if piece:
            yield piece
    if cut:
        warn(f"lines cut to {LONGEST_LINE:,} bytes: {cut:,}")


def _divided(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), length):
            yield piece[start : start + length]
