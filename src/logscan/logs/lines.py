"""Blocks of a log → lines: where each is, without a Python object per line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.eights import Bytes, Eights, Positions, Text, eights

#: So many NULs follow a block's lines, so that what looks ahead from inside a line stays inside the data.
PADDING = 512
NULS = bytes(PADDING)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block: their text with the line end, and where each starts and its content ends.

    ``data`` holds them, and PADDING behind.
    """

    data: Text
    text: pa.Array
    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def eights(self) -> Eights:
        """The eight bytes from each place of the block on; see ``eights``."""
        return eights(self.data)

    @property
    def bytes(self) -> Bytes:
        """Each byte of the block."""
        return np.frombuffer(self.data, np.uint8)

    def at(self, places: Positions) -> pa.Array:
        """The text of some lines."""
        return self.text.take(pa.array(places)) if len(places) < len(self) else self.text

    def holding(self, places: Positions, regex: str) -> npt.NDArray[np.bool_]:
        """Which of some lines a regex finds something in."""
        if not len(places):
            return np.zeros(0, bool)
        return np.asarray(pc.match_substring_regex(self.at(places), regex))

    def example(self, index: int) -> str:
        """One line as text, cut to what a person wants to see."""
        return str(
            self.data[self.starts[index] : min(self.ends[index], self.starts[index] + 500)],
            "utf-8",
            "replace",
        )


def split_lines(data: Text) -> Lines:
    """Find the lines of a block (at most 2 GiB); bytes that are not UTF-8 become U+FFFD first.

    The block may be padded already, which spares a copy of it.
    """
    if np.frombuffer(data, np.uint8).max(initial=0) > 127:
        try:
            str(data, "utf-8")
        except UnicodeDecodeError:
            data = str(data, "utf-8", "replace").encode()
    if data[-PADDING:] != NULS:
        data = b"".join((data, NULS))
    raw = np.frombuffer(data, np.uint8, len(data) - PADDING)
    newlines = np.flatnonzero(raw == 10)
    open_end = bool(len(raw)) and raw[-1] != 10
    count = len(newlines) + open_end
    offsets = np.empty(count + 1, np.int32)
    offsets[0] = 0
    offsets[1 : len(newlines) + 1] = newlines + 1
    ends = np.empty(count, np.int64)
    ends[: len(newlines)] = newlines
    if open_end:
        offsets[-1] = len(raw)
        ends[-1] = len(raw)
    starts = offsets[:-1].astype(np.int64)
    if count:
        ends -= (ends > starts) & (raw[ends - 1] == 13)
    text = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return Lines(data, text, starts, ends)
