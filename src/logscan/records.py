"""Blocks of a log → records: header and message of the lines that may matter, without a Python object per line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.frames import Frame, HeaderForm
from logscan.timestamps import NO_TIME, UTC_KNOWN, Int8, Int64, parse

Positions = npt.NDArray[np.int64]
HEADER_COLUMNS = ("host", "service", "pid", "queue_id")


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block: their text with the line end, and where each starts and its content ends."""

    data: bytes
    text: pa.Array
    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)

    def example(self, index: int) -> str:
        """One line as text, cut to what a person wants to see."""
        raw = self.data[self.starts[index] : min(self.ends[index], self.starts[index] + 500)]
        return raw.decode("utf-8", "replace")


def split_lines(data: bytes) -> Lines:
    """Find the lines of a block (at most 2 GiB); bytes that are not UTF-8 become U+FFFD first."""
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            data = data.decode("utf-8", "replace").encode("utf-8")
    raw = np.frombuffer(data, np.uint8)
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
    if b"\r" in data:
        returns = (ends > starts) & (raw[np.maximum(ends - 1, 0)] == 13)
        ends = ends - returns
    text = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return Lines(data, text, starts, ends)


@dataclass(slots=True)
class Records:
    """Lines with a header: ``index`` within the block, header columns, stamps, and the message's text."""

    index: Positions
    columns: dict[str, pa.Array]
    stamps: list[tuple[Positions, str, pa.Array]]  # places in ``index``, form, texts
    message: pa.Array

    def __len__(self) -> int:
        return len(self.index)

    def times(self, places: Positions) -> tuple[Int64, Int8]:
        """Values and zones (see ``timestamps.parse``) of the records at ``places``."""
        values = np.full(len(self), NO_TIME, np.int64)
        zones = np.full(len(self), UTC_KNOWN, np.int8)
        wanted = np.zeros(len(self), bool)
        wanted[places] = True
        for at, form, texts in self.stamps:
            chosen = np.flatnonzero(wanted[at])
            if len(chosen):
                picked = texts.take(pa.array(chosen)) if len(chosen) < len(at) else texts
                values[at[chosen]], zones[at[chosen]] = parse(_without_priority(picked), form)
        return values[places], zones[places]


def _without_priority(stamps: pa.Array) -> pa.Array:
    """Stamps without a syslog priority (``<22>``, or ``<22>1 `` of RFC 5424) in front."""
    if pc.any(pc.starts_with(stamps, "<")).as_py():
        return pc.replace_substring_regex(stamps, r"^<\d+>(?:1 )?", "")
    return stamps


def segments(data: bytes, starts: Positions, ends: Positions) -> pa.Array:
    """The texts ``data[start:end]``; starts and ends must not decrease."""
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[0::2] = starts
    offsets[1::2] = ends
    # Every other segment is what lies between two texts; take leaves it behind.
    if not len(starts):
        return pa.array([], pa.string())
    every = pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return every.take(pa.array(np.arange(0, len(offsets) - 1, 2)))


def _match(form: HeaderForm, texts: pa.Array) -> tuple[npt.NDArray[np.bool_], pa.Array, Positions]:
    """Which texts begin with the header, its groups for those, and its length in bytes for those."""
    found = pc.extract_regex(texts, form.regex)
    valid = np.asarray(found.is_valid())
    if not valid.all():
        found = found.filter(pa.array(valid))
    length = np.full(len(found), form.around, np.int64)
    for group in found.flatten():
        length += np.asarray(pc.binary_length(group))
    return valid, found, length


def split_records(lines: Lines, index: Positions, frame: Frame) -> Records:
    """Take the headers of the lines at ``index`` off; lines without a known header are left out."""
    parts: list[tuple[Positions, dict[str, pa.Array], Positions, str]] = []
    rest = index
    for form in frame.forms:
        if not len(rest):
            break
        texts = lines.text.take(pa.array(rest)) if len(rest) < len(lines) else lines.text
        valid, found, length = _match(form, texts)
        if len(found):
            columns = {name: found.field(name) for name in (f.name for f in found.type)}
            parts.append((rest[valid], columns, length, form.stamp or ""))
            rest = rest[~valid]
    if not parts:
        empty = np.array([], np.int64)
        return Records(empty, {}, [], pa.array([], pa.string()))
    at = np.concatenate([part[0] for part in parts])
    length = np.concatenate([part[2] for part in parts])
    columns = {
        name: pa.concat_arrays([part[1].get(name, pa.nulls(len(part[0]), pa.string())) for part in parts])
        for name in HEADER_COLUMNS
        if any(name in part[1] for part in parts)
    }
    order = np.argsort(at, kind="stable") if len(parts) > 1 else np.arange(len(at))
    if len(parts) > 1:
        columns = {name: column.take(pa.array(order)) for name, column in columns.items()}
    places = np.empty(len(at), np.int64)
    places[order] = np.arange(len(at))
    stamps, done = [], 0
    for part in parts:
        stamps.append((places[done : done + len(part[0])], part[3], part[1]["stamp"]))
        done += len(part[0])
    at, length = at[order], length[order]
    starts = np.minimum(lines.starts[at] + length, lines.ends[at])
    records = Records(at, columns, stamps, segments(lines.data, starts, lines.ends[at]))
    for forms in frame.inner:
        starts = _inner(records, forms, lines, starts)
    return records


def _inner(records: Records, forms: tuple[HeaderForm, ...], lines: Lines, starts: Positions) -> Positions:
    """Take a further header off the messages that have one; its columns and stamp replace the outer ones."""
    for form in forms:
        valid, found, length = _match(form, records.message)
        if not len(found):
            continue
        here = np.flatnonzero(valid)
        for name in (f.name for f in found.type):
            if name == "stamp":
                records.stamps.append((here, form.stamp or "", found.field(name)))
            elif name != "pid" or pc.any(pc.greater(pc.binary_length(found.field(name)), 0)).as_py():
                records.columns[name] = _scatter(records.columns.get(name), here, found.field(name), len(records))
        starts = starts.copy()
        starts[here] = np.minimum(starts[here] + length, lines.ends[records.index[here]])
        records.message = segments(lines.data, starts, lines.ends[records.index])
    return starts


def _scatter(column: pa.Array | None, places: Positions, values: pa.Array, count: int) -> pa.Array:
    """``column`` (nulls if none) with ``values`` put at ``places``."""
    if column is None:
        column = pa.nulls(count, pa.string())
    take = np.arange(count)
    take[places] = count + np.arange(len(places))
    return pa.concat_arrays([column, values]).take(pa.array(take))
