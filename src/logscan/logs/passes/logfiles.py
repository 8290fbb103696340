"""Log files: which of a server's files a row stands in, and lines that stand in two of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logscan.logs.definitions import LogParser
from logscan.logs.passes.hashing import Keys, hashes, mixed
from logscan.logs.passes.tables import Group, Int64, among, as_plain, put, whole
from logscan.logs.timestamps import NO_TIME

#: What two lines must have in common, besides the time, to be one line written twice.
_SAME = (
    "rule", "queue_id", "direction", "peer_ip", "peer_port", "command", "code", "enhanced", "sender", "recipient",
    "text",
)  # fmt: skip


class LogFiles:
    """Rows of log files, which have no syslog tag, get main, reject or panic as their service, by the file's name.

    By rules marked ``twice``, a line is written to two files, or comes twice through syslog; its row is kept once.
    """

    def __init__(self, parser: LogParser) -> None:
        self._twice = [rule.name for rule in parser.rules if rule.twice]
        self._seen: list[tuple[str, int, int, Keys]] = []
        self._source = ""
        #: Times and keys of the last second of the source, which may go on in the next group.
        self._tail: tuple[Int64, Keys] = (np.array([], np.int64), np.array([], np.uint64))

    def __call__(self, group: Group) -> None:
        """Amend the rows of a group."""
        rows = group.rows
        if not rows.num_rows:
            return
        source = str(rows.column("source")[0].as_py())
        if source != self._source:
            self._source, self._tail = source, (self._tail[0][:0], self._tail[1][:0])
        tagged = np.asarray(whole(rows.column("service").is_valid()))
        rows = put(rows, "service", np.flatnonzero(~tagged), kind_of(source))
        where = np.flatnonzero(among(rows.column("rule"), self._twice))
        if len(where):
            some = rows.select(["time", *_SAME]).take(pa.array(where))
            gone = self._repeated(some, kind_of(source), tagged[where])
            keep = np.ones(rows.num_rows, bool)
            keep[where[gone]] = False
            rows = rows.filter(pa.array(keep)) if gone.any() else rows
        group.rows = rows

    def _repeated(self, rows: pa.Table, kind: str, tagged: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which rows are of lines that were written before."""
        time = np.asarray(rows.column("time").cast(pa.int64()).fill_null(NO_TIME))
        times, keys = np.append(self._tail[0], time), np.append(self._tail[1], _keys(rows, time))
        latest = times == times[-1]
        self._tail = times[latest], keys[latest]
        numbers = _numbers(keys)[-len(time) :]
        # Lines alike are told apart by how many stand before them.
        keys = keys[-len(time) :] ^ mixed(numbers.astype(np.uint64))
        gone = np.where(tagged, numbers % 2 == 1, self._written(kind, time, keys))
        self._seen.append((kind, int(time.min()), int(time.max()), np.sort(keys)))
        return gone

    def _written(self, kind: str, time: Int64, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which lines another file has already shown."""
        result = np.zeros(len(keys), bool)
        for known in self._others(kind, time):
            result |= known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
        return result

    def _others(self, kind: str, time: Int64) -> Iterator[Keys]:
        first, last = int(time.min()), int(time.max())
        for other, begin, end, known in self._seen:
            if other != kind and begin <= last and first <= end:
                yield known


def kind_of(source: str) -> str:
    """Which of Exim's files a source is, by its name: ``reject``, ``panic``, or else ``main``.

    >>> kind_of("/var/log/exim4/rejectlog.1")
    'reject'
    """
    name = os.path.basename(source).lower()
    return next((kind for kind in ("reject", "panic") if kind in name), "main")


def _keys(rows: pa.Table, time: Int64) -> Keys:
    """A number for each row, equal for rows that are the same line."""
    keys = time.astype(np.uint64)
    for name in _SAME:
        column = whole(rows.column(name))
        encoded = column if pa.types.is_dictionary(column.type) else as_plain(column).dictionary_encode()
        words = np.append(hashes(encoded.dictionary), np.uint64(0))
        numbers = words[np.asarray(encoded.indices.fill_null(len(words) - 1))]
        keys = mixed(keys ^ numbers)
    return keys


def _numbers(keys: Keys) -> Int64:
    """For each key, how many equal ones stand before it."""
    order = np.argsort(keys, kind="stable")
    starts = np.concatenate(([True], np.diff(keys[order]) != 0))
    first = np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))
    numbers = np.empty(len(keys), np.int64)
    numbers[order] = np.arange(len(keys)) - first
    return numbers
