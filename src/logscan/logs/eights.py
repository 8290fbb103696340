"""Bytes of many lines looked at at once, eight bytes in one number: fixed shapes recognised, a sign found.

A block is seen as the numbers of eight bytes that begin at each of its bytes (low byte first). What a regex would
find byte by byte in each line, a few operations on arrays of such numbers tell of all lines together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

#: A block; what stands in memory shared with another process is not copied.
Text = bytes | memoryview
Bytes = npt.NDArray[np.uint8]
Eights = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WIDTH = 8
_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
#: What a letter of a shape stands for: ranges of bytes.
_CLASSES = {
    "0": ((0x30, 0x39),),
    "A": ((0x41, 0x5A),),
    "a": ((0x61, 0x7A),),
    "x": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
}


def eights(data: Text) -> Eights:
    """The eight bytes from each place of a block on; none of a block that is shorter."""
    return np.ndarray((max(0, len(data) - WIDTH + 1),), "<u8", buffer=data, strides=(1,))


class Shape:
    """Texts of one width: ``0`` stands for a digit, ``A`` and ``a`` for a letter, ``x`` for any of these.

    Every other sign stands for itself.

    >>> Shape("00:00").at(eights(b"at 10:45 or so"), np.array([0, 3])).tolist()
    [False, True]
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __len__(self) -> int:
        return len(self._pattern)

    @cached_property
    def _words(self) -> list[tuple[int, np.uint64, np.uint64, list[tuple[np.uint64, str]]]]:
        """Offset, mask and value of the signs that stand for themselves, and the mask of each class."""
        words = []
        for offset in range(0, len(self._pattern), WIDTH):
            signs = self._pattern[offset : offset + WIDTH]
            # The last word begins earlier, so that no byte behind the text is looked at.
            start = max(0, min(offset, len(self._pattern) - WIDTH))
            shift = offset - start
            mask = value = 0
            classes: dict[str, int] = {}
            for place, sign in enumerate(signs):
                bits = 8 * (place + shift)
                if sign in _CLASSES:
                    classes[sign] = classes.get(sign, 0) | 0x80 << bits
                else:
                    mask |= 0xFF << bits
                    value |= ord(sign) << bits
            members = [(np.uint64(bits), sign) for sign, bits in classes.items()]
            words.append((start, np.uint64(mask), np.uint64(value), members))
        return words

    def at(self, block: Eights, places: Positions) -> Mask:
        """Whether a text of this shape begins at each place; the shape, or eight bytes, must fit in the block."""
        result = np.ones(len(places), bool)
        for offset, mask, value, classes in self._words:
            seen = block[places + offset] if offset else block[places]
            result &= (seen & mask) == value
            for bits, sign in classes:
                result &= (_in_ranges(seen, _CLASSES[sign]) & bits) == bits
        return result


def _in_ranges(seen: Eights, ranges: tuple[tuple[int, int], ...]) -> Eights:
    """The high bit of each byte that is in one of the ranges of ASCII."""
    low = seen & ~_HIGH
    found = np.zeros_like(seen)
    for first, last in ranges:
        # No sum of seven bits and these passes eight bits, so bytes do not touch each other.
        found |= (low + np.uint64(0x80 - first) * _ONES) & ~(low + np.uint64(0x7F - last) * _ONES)
    return found & ~seen & _HIGH


def find(block: Eights, places: Positions, signs: bytes, reach: int) -> Positions:
    """Where from each place on the first of some signs stands, at most ``reach`` bytes ahead.

    Where there is none so near, a place past ``reach``, which must be in the block. Lines are not told apart: what is
    found may be behind the end.
    """

    def stands(seen: Eights) -> Eights:
        found = np.zeros_like(seen)
        for sign in signs:
            others = seen ^ (np.uint64(sign) * _ONES)
            # The lowest bit that is set is right; a borrow can only set bits above it.
            found |= (others - _ONES) & ~others
        return found & _HIGH

    return _first(block, places, stands, reach)


def past_digits(block: Eights, places: Positions, reach: int) -> Positions:
    """The places behind the digits that begin at each place; a place past ``reach`` where they do not end so soon."""
    return _first(block, places, lambda seen: ~_in_ranges(seen, _CLASSES["0"]) & _HIGH, reach)


def _first(block: Eights, places: Positions, stands: Callable[[Eights], Eights], reach: int) -> Positions:
    """The first byte from each place on whose high bit ``stands`` sets."""
    result = places
    searched, at = None, places
    for _ in range(0, reach, WIDTH):
        found = stands(block[at])
        hit = found != 0
        # The number of bits below the lowest one that is set, in bytes; all eight where none is.
        at = at + (np.bitwise_count((found & (~found + np.uint64(1))) - np.uint64(1)) >> 3)
        if searched is None:
            result = at
        else:
            result[searched] = at
        if hit.all():
            break
        left = np.flatnonzero(~hit)
        searched, at = left if searched is None else searched[left], at[left]
    return result
