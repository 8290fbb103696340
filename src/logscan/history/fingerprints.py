"""Logs are known again by what they say, not by name or inode: rotation renames, copies and compresses them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from hashlib import blake2b

from logscan.history.manifest import KnownLog
from logscan.reading.inputs import Source

#: How much of the beginning, and of the end of what was taken, is compared.
SPAN = 1 << 16
#: The beginning has checksums up to these lengths, so that a log that was cut is recognised too.
_LENGTHS = tuple(1 << power for power in range(6, 17, 2))
#: Two logs may begin alike by chance, but not so far.
_TELLING = 1 << 10


class Likeness(Enum):
    """What a file has in common with a log that is known."""

    OTHER = "nothing"
    SAME = "all that was taken, and perhaps more follows"
    SHORTER = "its whole contents are the beginning of what was taken"
    REWRITTEN = "the beginning, but then it goes on differently"


def checksum(data: bytes) -> str:
    """A short checksum of some bytes."""
    return blake2b(data, digest_size=16).hexdigest()


def beginning_of(head: bytes, taken: int) -> dict[str, str]:
    """The checksums of the beginning of a log, by length; ``head`` holds its first SPAN bytes, or all of them."""
    head = head[: min(taken, SPAN)]
    lengths = {*(length for length in _LENGTHS if length <= len(head)), len(head)}
    return {str(length): checksum(head[:length]) for length in sorted(lengths)}


def likeness(source: Source, head: bytes, known: KnownLog) -> Likeness:
    """Compare a file, whose first SPAN bytes are ``head``, with a log that is known."""
    common = [length for length in map(int, known.beginning) if length <= len(head)]
    alike = [length for length in common if checksum(head[:length]) == known.beginning[str(length)]]
    if not alike:
        return Likeness.OTHER
    if len(alike) < len(common):
        return Likeness.REWRITTEN if max(alike) >= _TELLING else Likeness.OTHER
    first = max(0, known.taken - SPAN)
    end = _first(source.contents(first, SPAN), known.taken - first)
    if len(end) < known.taken - first:
        return Likeness.SHORTER
    return Likeness.SAME if checksum(end) == known.end else Likeness.REWRITTEN


def best_match(source: Source, head: bytes, logs: Iterable[KnownLog]) -> tuple[Likeness, KnownLog | None]:
    """The log that a file goes on with: of several the one that was read furthest."""
    best: tuple[Likeness, KnownLog | None] = Likeness.OTHER, None
    for known in sorted(logs, key=lambda log: -log.taken):
        found = likeness(source, head, known)
        if found is Likeness.SAME:
            return found, known
        if found is not Likeness.OTHER and best[1] is None:
            best = found, known
    return best


def _first(pieces: Iterable[bytes], length: int) -> bytes:
    """The first ``length`` bytes, as far as there are so many."""
    data = b""
    for piece in pieces:
        data += piece
        if len(data) >= length:
            break
    return data[:length]


def head_of(source: Source) -> bytes:
    """The first SPAN bytes of a file's contents, as far as it has so many."""
    return _first(source.contents(0, SPAN), SPAN)
