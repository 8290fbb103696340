"""Rules applied to messages: regexes, what follows from a captured text, and values brought to their column's type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.definitions import Alternative
from logscan.logs.durations import seconds
from logscan.logs.tails import HEAD, tail_of
from logscan.replies import Reply, split_reply

Columns = dict[str, pa.Array]
#: So many words are renamed one by one; more, in the column's dictionary.
_FEW = 4
#: Among so many texts, those that come so often on average are taken apart once.
_MANY, _OFTEN = 256, 4
#: A regex that only one text matches.
_WHOLE = re.compile(r"\^([\w ,;:<>=@/-]*)\$")
NUMBERS = {"size": pa.int64(), "delay": pa.float64(), "peer_port": pa.int32(), "code": pa.int16()}
#: Where an empty text means that nothing is known (the empty sender is the null sender).
_NEVER_EMPTY = frozenset({"peer_name", "peer_ip", "peer_port", "helo", "sasl_username", "message_id"})


def extract(texts: pa.Array, alternatives: Sequence[Alternative]) -> tuple[npt.NDArray[np.bool_], Columns]:
    """Take texts apart by the first alternative that matches each.

    Returns which texts matched, and for those, in order, the captured columns (text, null where the
    alternative has no such group or the group took part in no match) and the alternatives' constants.
    """
    count = len(texts)
    matched = np.zeros(count, bool)
    parts: list[tuple[npt.NDArray[np.int64], Columns]] = []
    rest = np.arange(count)
    for alternative in alternatives:
        if not len(rest):
            break
        valid, columns = _captures(texts, alternative)
        hits = int(valid.sum())
        if not hits:
            continue
        for name, value in alternative.constants.items():
            columns[name] = constant(value, hits)
        parts.append((rest[valid], columns))
        matched[rest[valid]] = True
        if hits == len(rest):
            rest = rest[:0]
            break
        rest = rest[~valid]
        texts = texts.filter(pa.array(~valid))
    if not parts:
        return matched, {}
    if len(parts) == 1:
        return matched, parts[0][1]
    places = np.concatenate([part[0] for part in parts])
    order = pa.array(np.argsort(places, kind="stable"))
    names = dict.fromkeys(name for part in parts for name in part[1])
    merged = {}
    for name in names:
        pieces = [
            as_text(part[1][name]) if name in part[1] else pa.nulls(len(part[0]), pa.string())
            for part in parts
        ]
        merged[name] = pa.concat_arrays(pieces).take(order)
    return matched, merged


def _captures(texts: pa.Array, alternative: Alternative) -> tuple[npt.NDArray[np.bool_], Columns]:
    """Which texts match, and what the groups capture of those."""
    tail = tail_of(alternative.regex)
    columns: Columns = {}
    if tail and tail.whole:
        valid = _matching(texts, tail.regex)
        columns[tail.group] = texts if valid.all() else texts.filter(pa.array(valid))
    elif not alternative.groups:
        valid = _matching(texts, alternative.regex)
    else:
        found = pc.extract_regex(texts, tail.regex if tail else alternative.regex)
        valid = np.asarray(found.is_valid())
        if not valid.all():
            found, texts = found.filter(pa.array(valid)), texts.filter(pa.array(valid)) if tail else texts
        if tail:
            skip = np.asarray(pc.binary_length(found.field(HEAD)))
            columns[tail.group] = _tails(texts.view(pa.binary()), skip)
        columns |= {name: found.field(name) for name in alternative.groups if name not in columns}
    if columns and alternative.trim:
        last = alternative.groups[-1]
        columns[last] = _trimmed(columns[last], alternative.trim)
    return valid, columns


def _matching(texts: pa.Array, regex: str) -> npt.NDArray[np.bool_]:
    if regex == "^":
        return np.asarray(texts.is_valid())
    if (whole := _WHOLE.fullmatch(regex)) is not None:
        return np.asarray(pc.equal(texts, whole[1]).fill_null(False))
    return np.asarray(pc.match_substring_regex(texts, regex).fill_null(False))


def constant(value: Any, count: int) -> pa.Array:
    """``count`` times the same value; texts as a dictionary of one."""
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(count, np.int32)), pa.array([value], pa.string())
        )
    return pa.repeat(pa.scalar(value), count)


def as_text(column: pa.Array) -> pa.Array:
    """The column as plain text."""
    return column if column.type == pa.string() else column.cast(pa.string())


def _known(name: str, column: pa.Array) -> pa.Array:
    """The column with null for an empty text, where that means that nothing is known."""
    if name in _NEVER_EMPTY and column.type == pa.string() and pc.any(pc.equal(column, "")).as_py():
        return pc.if_else(pc.equal(column, ""), None, column)
    return column


def merge(columns: Columns, new: Columns, places: npt.NDArray[np.bool_]) -> None:
    """Put ``new`` (for the rows where ``places`` is true) into ``columns``; what is null in ``new`` changes nothing."""
    whole = bool(places.all())
    for name, values in new.items():
        old = columns.get(name)
        if whole and old is None:
            columns[name] = values
            continue
        values = _known(name, values)
        index = np.full(len(places), len(values), np.int64)
        index[places] = np.arange(len(values))
        padded = pa.concat_arrays([as_text(values), pa.nulls(1, pa.string())]).take(pa.array(index))
        columns[name] = padded if old is None else pc.coalesce(padded, as_text(old))


Steps = tuple[tuple[str, tuple[Alternative, ...]], ...]


def steps_in_order(
    names: Iterable[str],
    own: Mapping[str, tuple[Alternative, ...]],
    shared: Mapping[str, tuple[Alternative, ...]],
) -> Steps:
    """All steps that may follow from some captured names, each before those that it leads to.

    A rule's ``own`` step comes before the ``shared`` one of the same name; what it calls by that name goes on there.
    """
    order: list[tuple[str, tuple[Alternative, ...]]] = []
    seen: set[tuple[bool, str]] = set()

    def visit(name: str, *, first: bool) -> None:
        is_own = first and name in own
        alternatives = own[name] if is_own else shared.get(name)
        if alternatives is None or (is_own, name) in seen:
            return
        seen.add((is_own, name))
        for produced in names_of(alternatives):
            visit(produced, first=produced != name)
        order.insert(0, (name, alternatives))

    for name in names:
        visit(name, first=True)
    return tuple(order)


def names_of(alternatives: Iterable[Alternative]) -> Iterable[str]:
    """The columns that alternatives may give."""
    return dict.fromkeys(name for a in alternatives for name in (*a.groups, *a.constants))


def unfold(columns: Columns, steps: Steps, wanted: frozenset[str] | None) -> None:
    """Take captured texts further apart by the steps, in order; a step's column is dropped once used.

    ``wanted``: names of columns and steps that are needed; None for all.
    """
    for name, alternatives in steps:
        if name not in columns:
            continue
        texts = as_text(columns.pop(name))
        if wanted is not None and wanted.isdisjoint(names_of(alternatives)):
            continue
        there = np.flatnonzero(np.asarray(texts.is_valid())) if texts.null_count else None
        matched, new = _extract_distinct(
            texts if there is None else texts.take(pa.array(there)), alternatives
        )
        if there is not None:
            places = np.zeros(len(texts), bool)
            places[there[matched]] = True
            matched = places
        if new:
            merge(columns, new, matched)


def _extract_distinct(
    texts: pa.Array, alternatives: Sequence[Alternative]
) -> tuple[npt.NDArray[np.bool_], Columns]:
    """The same as ``extract``; texts that come many times, such as a relay, are taken apart once."""
    if len(texts) < _MANY:
        return extract(texts, alternatives)
    encoded = texts.dictionary_encode()
    if len(encoded.dictionary) > len(texts) // _OFTEN:
        return extract(texts, alternatives)
    known, columns = extract(encoded.dictionary, alternatives)
    index = np.asarray(encoded.indices)
    matched = known[index]
    places = pa.array((np.cumsum(known) - 1)[index[matched]])
    return matched, {name: values.take(places) for name, values in columns.items()}


def split_replies(columns: Columns) -> None:
    """Replace the column ``reply`` by ``code``, ``enhanced`` and ``text`` (RFC 5321 section 4.2, RFC 3463)."""
    replies = as_text(columns.pop("reply"))
    raw = replies.view(pa.binary())
    several = pc.or_kleene(
        pc.equal(pc.binary_slice(raw, 3, 4), b"-"),
        pc.invert(pc.match_substring_regex(replies, r"^[2-5]\d\d(?: |$)")),
    ).fill_null(False)
    code = pc.if_else(several, None, pc.binary_slice(raw, 0, 3)).view(pa.string()).cast(pa.int16())
    found = pc.extract_regex(
        pc.binary_slice(raw, 4, 16).view(pa.string()), r"^(?P<e>[245]\.\d{1,3}\.\d{1,3})(?: |$)"
    )
    enhanced = found.field("e")
    if enhanced.null_count == 0 and found.null_count:
        enhanced = pc.if_else(found.is_valid(), enhanced, None)
    skip = pc.add(pc.fill_null(pc.binary_length(enhanced), -1), 5)
    text = _tails(raw, np.asarray(skip))
    if pc.any(several).as_py():
        # Replies of several lines, and what only looks like one: seldom, and few of them differ.
        few = replies.filter(several).dictionary_encode()
        split = [_split_logged_reply(value) for value in few.dictionary.to_pylist()]
        where = np.flatnonzero(np.asarray(several))
        code = _replace(code, where, pa.array([s.code for s in split], pa.int16()).take(few.indices))
        enhanced = _replace(
            enhanced, where, pa.array([s.enhanced for s in split], pa.string()).take(few.indices)
        )
        text = _replace(text, where, pa.array([s.text for s in split], pa.string()).take(few.indices))
    new = {"code": code, "enhanced": enhanced, "text": text}
    for name, values in new.items():
        old = columns.get(name)
        columns[name] = values if old is None else pc.coalesce(values, old.cast(values.type))


def unquote_replies(columns: Columns) -> None:
    """Make the column ``quoted_reply``, in which a backslash protects quotes and backslashes, ``reply``."""
    quoted = as_text(columns.pop("quoted_reply"))
    plain = pc.replace_substring_regex(quoted, r"\\(.)", r"\1") if _holds(quoted, "\\") else quoted
    old = columns.get("reply")
    columns["reply"] = plain if old is None else pc.coalesce(plain, as_text(old))


def _holds(texts: pa.Array, fragment: str) -> bool:
    return bool(pc.any(pc.match_substring(texts, fragment)).as_py())


def _split_logged_reply(text: str) -> Reply:
    r"""A reply whose lines a log has joined: by one blank (Postfix) or the two characters ``\\n`` (Exim)."""
    text = text.replace("\\n", "\n")
    if re.match(r"[2-5]\d\d-", text) and "\n" not in text:
        head, code = text[:4], text[:3]
        rest, lines = text[4:], []
        while (more := rest.find(f" {head}")) >= 0:
            lines.append(head + rest[:more])
            rest = rest[more + 5 :]
        last = rest.rfind(f" {code} ")
        if last >= 0:
            lines += [head + rest[:last], rest[last + 1 :]]
        else:
            lines.append(head + rest)
        return split_reply("\n".join(lines))
    return split_reply(text)


def _tails(raw: pa.Array, skip: npt.NDArray[np.int64]) -> pa.Array:
    """Each text from its byte ``skip`` on."""
    starts, ends = _bounds(raw)
    tails = _cut(raw, np.minimum(starts + skip, ends), ends)
    return pc.if_else(raw.is_valid(), tails, None) if raw.null_count else tails


def _trimmed(texts: pa.Array, sign: str) -> pa.Array:
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
    if not len(texts):
        return pa.array([], pa.string())
    pairs = np.empty(2 * len(texts), np.int32)
    pairs[0::2], pairs[1::2] = starts, ends
    buffer = texts.buffers()[2] or pa.py_buffer(b"")
    every = pa.Array.from_buffers(pa.string(), len(pairs) - 1, [None, pa.py_buffer(pairs), buffer])
    # What lies between two texts is left behind.
    return every.take(pa.array(np.arange(0, len(pairs) - 1, 2)))


def _replace(column: pa.Array, places: npt.NDArray[np.int64], values: pa.Array) -> pa.Array:
    index = np.arange(len(column))
    index[places] = len(column) + np.arange(len(places))
    return pa.concat_arrays([column, values]).take(pa.array(index))


def rename_values(columns: Columns, values: Mapping[str, Mapping[str, str]]) -> None:
    """Bring words to the table's vocabulary (``END-OF-MESSAGE`` → ``EOD``); the empty new word means null."""
    for name, table in values.items():
        column = columns.get(name)
        if column is None:
            continue
        if len(table) <= _FEW and not pa.types.is_dictionary(column.type):
            # A column of many different texts, of which few are renamed.
            for old, new in table.items():
                hit = pc.equal(column, old)
                if pc.any(hit).as_py():
                    column = pc.if_else(hit, new or None, column)
            columns[name] = column
            continue
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        words = [table.get(word, word) or None for word in encoded.dictionary.to_pylist()]
        if None in words or len(set(words)) < len(words):
            columns[name] = pa.array(words, pa.string()).take(encoded.indices).dictionary_encode()
        else:
            columns[name] = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string()))


def _in_seconds(spans: pa.Array) -> pa.Array:
    """Spans of time with units (``1m3s``) as numbers of seconds; other texts as they are."""
    if not pc.any(pc.ends_with(spans, "s")).as_py():
        return spans
    encoded = spans.dictionary_encode()
    words = [
        word if (span := seconds(word)) is None else str(span) for word in encoded.dictionary.to_pylist()
    ]
    return pa.array(words, pa.string()).take(encoded.indices)


def typed(name: str, column: pa.Array, type_: pa.DataType) -> pa.Array:
    """The column in the type it has in the replies table; a text that is no number becomes null."""
    column = _known(name, column)
    if column.type == type_:
        return column
    if name in NUMBERS and not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        text = _in_seconds(as_text(column)) if name == "delay" else as_text(column)
        good = pc.match_substring_regex(text, r"^\d{1,15}(?:\.\d{1,9})?$")
        return pc.if_else(good, text, None).cast(pa.float64()).cast(type_, safe=False)
    if pa.types.is_dictionary(type_):
        if not pa.types.is_dictionary(column.type):
            column = as_text(column).dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            column.indices.cast(pa.int32()), column.dictionary.cast(pa.string())
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(type_)
