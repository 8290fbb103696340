"""Texts as numbers of 64 bits, without a Python object per text."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logscan.logs.eights import WIDTH, eights

Keys = npt.NDArray[np.uint64]
_PRIME = np.uint64(0x9E3779B97F4A7C15)
#: Another one in each run, so that nobody can write texts that share a number.
_SEED = np.uint64(secrets.randbits(64))


def mixed(keys: Keys) -> Keys:
    """The numbers with their bits spread over all of them."""
    keys = keys * _PRIME
    keys ^= keys >> np.uint64(29)
    return keys


def hashes(texts: pa.Array) -> Keys:
    """A number for each text; null counts as the empty text. Equal texts have equal ones within a run."""
    binary = texts.cast(pa.string()).view(pa.binary())
    offsets = np.frombuffer(binary.buffers()[1], np.int32, len(binary) + 1, binary.offset * 4).astype(
        np.int64
    )
    data = binary.buffers()[2]
    block = eights((data.to_pybytes() if data else b"") + bytes(WIDTH))
    starts, lengths = offsets[:-1], np.diff(offsets)
    keys = mixed(lengths.astype(np.uint64) ^ _SEED)
    live = np.flatnonzero(lengths > 0)
    done = 0
    while len(live):
        left = np.minimum(lengths[live] - done, WIDTH).astype(np.uint64)
        word = block[starts[live] + done] & (~np.uint64(0) >> (np.uint64(8) * (np.uint64(WIDTH) - left)))
        keys[live] = mixed(keys[live] ^ word)
        done += WIDTH
        live = live[lengths[live] > done]
    return keys
