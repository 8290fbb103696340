"""Who comes before whom: the last known entry before a row, the next row after an entry."""

from __future__ import annotations

import numpy as np

from logscan.logs.passes.tables import Int64


def latest_before(rows_key: Int64, rows_line: Int64, known_key: Int64, known_line: Int64) -> Int64:
    """For each row the last known entry of the same key on an earlier line (or the same), else -1.

    Both sides are in the order of lines.
    """
    if not len(known_key) or not len(rows_key):
        return np.full(len(rows_key), -1, np.int64)
    order = np.argsort(known_key, kind="stable")
    # Within a key the entries stay in the order of lines, so (key, line) is sorted and can be searched at once.
    first = min(int(known_line[0]), int(rows_line[0]))
    span = max(int(known_line[-1]), int(rows_line[-1])) - first + 2
    sorted_entries = known_key[order] * span + (known_line[order] - first)
    found = np.searchsorted(sorted_entries, rows_key * span + (rows_line - first), side="right") - 1
    candidate = order[np.maximum(found, 0)]
    good = (found >= 0) & (known_key[candidate] == rows_key) & (rows_key >= 0)
    return np.where(good, candidate, -1)


def next_after(key: Int64, line: Int64, rows_key: Int64, rows_line: Int64) -> Int64:
    """For each entry the first row of the same key on a later line, else -1."""
    order = np.argsort(rows_key, kind="stable")
    first = min(int(line.min(initial=0)), int(rows_line.min(initial=0)))
    span = max(int(line.max(initial=0)), int(rows_line.max(initial=0))) - first + 2
    searched = rows_key[order] * span + (rows_line[order] - first)
    found = np.searchsorted(searched, key * span + (line - first), side="right")
    candidate = order[np.minimum(found, len(order) - 1)]
    good = (found < len(order)) & (rows_key[candidate] == key)
    return np.where(good, candidate, -1)
