"""Texts cut by bytes, without an object for each: Arrow is told anew where they begin and end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.eights import Text


def tails(raw: pa.Array, skip: npt.NDArray[np.int64]) -> pa.Array:
    """Each text from its byte ``skip`` on."""
    starts, ends = _bounds(raw)
    tails = _cut(raw, np.minimum(starts + skip, ends), ends)
    return pc.if_else(raw.is_valid(), tails, None) if raw.null_count else tails


def trimmed(texts: pa.Array, sign: str) -> pa.Array:
    """The texts without the sign, where they end in it."""
    starts, ends = _bounds(texts)
    return _cut(texts, starts, ends - np.asarray(pc.ends_with(texts, sign)) * len(sign.encode()))


def _bounds(texts: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    return offsets[:-1], offsets[1:]


def _cut(
    texts: pa.Array, starts: npt.NDArray[np.integer[Any]], ends: npt.NDArray[np.integer[Any]]
) -> pa.Array:
    """The bytes from ``starts`` to ``ends`` of the texts' buffer; neither decreases."""
    return segments(texts.buffers()[2] or b"", starts, ends)


def segments(
    data: Text | pa.Buffer, starts: npt.NDArray[np.integer[Any]], ends: npt.NDArray[np.integer[Any]]
) -> pa.Array:
    """The texts ``data[start:end]``; starts and ends must not decrease."""
    if not len(starts):
        return pa.array([], pa.string())
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[0::2], offsets[1::2] = starts, ends
    every = pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    # Every other segment is what lies between two texts; take leaves it behind.
    return every.take(pa.array(np.arange(0, len(offsets) - 1, 2)))
