"""Lines → records: header and message of the lines that may matter, without a Python object per line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import Columns, completed, replaced
from logscan.logs.cutting import segments
from logscan.logs.eights import Positions, Text
from logscan.logs.frames import Frame, HeaderForm
from logscan.logs.headers import Headers
from logscan.logs.lines import Lines
from logscan.logs.timestamps import NO_TIME, UTC_KNOWN, Int8, Int64, parse

#: What stands for a host that the line does not name (RFC 5424's NILVALUE).
_NO_HOST = "-"


@dataclass(slots=True)
class Records:
    """Lines with a header: ``index`` within the block, header columns, stamps.

    The messages behind the headers go from ``starts`` to ``ends`` in ``data``.
    """

    index: Positions
    columns: Columns
    stamps: list[tuple[Positions, str, pa.Array]]  # places in ``index``, form, texts
    data: Text
    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.index)

    def messages(self, places: Positions) -> pa.Array:
        """The texts of the messages at some places, which must ascend."""
        return segments(self.data, self.starts[places], self.ends[places])

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
                new, zone = parse(_without_priority(picked), form)
                # An inner stamp without zone says less than an outer one with zone.
                here = at[chosen]
                better = (values[here] == NO_TIME) | (zones[here] != UTC_KNOWN) | (zone == UTC_KNOWN)
                values[here[better]], zones[here[better]] = new[better], zone[better]
        return values[places], zones[places]


def _without_priority(stamps: pa.Array) -> pa.Array:
    """Stamps without a syslog priority (``<22>``, or ``<22>1 `` of RFC 5424) in front."""
    if pc.any(pc.starts_with(stamps, "<")).as_py():
        return pc.replace_substring_regex(stamps, r"^<\d+>(?:1 )?", "")
    return stamps


def _match(form: HeaderForm, texts: pa.Array) -> tuple[npt.NDArray[np.bool_], Columns, Positions]:
    """Which texts begin with the header, its groups for those, and its length in bytes for those."""
    found = pc.extract_regex(texts, form.regex)
    valid = np.asarray(found.is_valid())
    if not valid.all():
        found = found.filter(pa.array(valid))
    groups = {field.name: found.field(field.name) for field in found.type}
    spanning = [groups.pop("header")] if "header" in groups else list(groups.values())
    length = np.full(len(found), form.around, np.int64)
    for group in spanning:
        length += np.asarray(pc.binary_length(group))
    zone = groups.pop("zone", None)
    if zone is not None and pc.any(pc.not_equal(zone, "")).as_py():
        groups["stamp"] = pc.binary_join_element_wise(groups["stamp"], zone, " ")
    return valid, groups, length


def records_behind(lines: Lines, headers: Headers) -> Records:
    """The records of lines whose headers are known; host and service as dictionaries."""
    columns: Columns = {}
    for name, span in headers.spans.items():
        if name == "stamp":
            continue
        texts = segments(lines.data, *span)
        if name in ("host", "service"):
            encoded = texts.dictionary_encode()
            names = encoded.dictionary
            known = pc.if_else(pc.equal(names, _NO_HOST), None, names) if name == "host" else names
            columns[name] = pa.DictionaryArray.from_arrays(encoded.indices, known)
        else:
            columns[name] = pc.if_else(pc.equal(pc.binary_length(texts), 0), None, texts)
    stamps = []
    for number, form in enumerate(headers.forms):
        here = np.flatnonzero(headers.form == number)
        if len(here):
            starts, ends = headers.spans["stamp"]
            stamps.append((here, form, segments(lines.data, starts[here], ends[here])))
    return Records(
        headers.index, columns, stamps, lines.data, headers.message.copy(), lines.ends[headers.index]
    )


def split_records(lines: Lines, index: Positions, frame: Frame) -> Records:
    """Take the headers of the lines at ``index`` off; lines without a known header are left out."""
    parts: list[tuple[HeaderForm, Positions, Columns, Positions]] = []
    rest = index
    for form in frame.forms:
        if not len(rest):
            break
        valid, found, length = _match(form, lines.at(rest))
        if len(length):
            parts.append((form, rest[valid], found, length))
            rest = rest[~valid]
    if not parts:
        none = np.array([], np.int64)
        return Records(none, {}, [], lines.data, none, none)
    at = np.concatenate([part[1] for part in parts])
    order = np.argsort(at, kind="stable")
    places = np.empty(len(at), np.int64)
    places[order] = np.arange(len(at))
    columns: Columns = {}
    stamps = []
    wrapped = np.zeros(len(at), bool)
    done = 0
    for form, lines_of_form, found, _ in parts:
        here = places[done : done + len(lines_of_form)]
        done += len(lines_of_form)
        wrapped[here] = form.wraps
        if form.stamp:
            stamps.append((here, form.stamp, found["stamp"]))
        _add(columns, found, here, len(at), frame)
    starts = np.minimum(lines.starts[at] + np.concatenate([part[3] for part in parts]), lines.ends[at])[order]
    at = at[order]
    records = Records(at, columns, stamps, lines.data, starts, lines.ends[at])
    _take_inner(records, frame, np.flatnonzero(wrapped))
    hosts = records.columns.get("host")
    if hosts is not None and pc.any(unnamed := pc.equal(hosts, _NO_HOST)).as_py():
        records.columns["host"] = pc.if_else(unnamed, None, hosts)
    return records


def _take_inner(records: Records, frame: Frame, wrapped: Positions) -> None:
    """Take a further header off the messages that have one; its columns and stamp replace the outer ones."""
    for form in frame.inner:
        if not len(wrapped):
            break
        valid, found, length = _match(form, records.messages(wrapped))
        here = wrapped[valid]
        if not len(here):
            continue
        if form.stamp:
            records.stamps.append((here, form.stamp, found["stamp"]))
        _add(records.columns, found, here, len(records), frame)
        records.starts[here] = np.minimum(records.starts[here] + length, records.ends[here])
        wrapped = wrapped[~valid]


def _add(columns: Columns, found: Columns, places: Positions, count: int, frame: Frame) -> None:
    """Put what a form found into the columns, at ``places`` of ``count``; an empty text changes nothing."""
    for name in frame.columns:
        values = found.get(name)
        if values is None:
            continue
        empty = pc.equal(values, "")
        old = columns.get(name)
        if pc.any(empty).as_py():
            values = pc.if_else(empty, None, values)
        if len(places) < count or old is not None:
            values = replaced(pa.nulls(count, pa.string()), places, values)
            values = values if old is None else completed(values, old)
        columns[name] = values
