"""Texts taken apart by regexes, of which the first that matches a text counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.errors import ParserError
from logscan.logs.columns import Columns, as_text, constant
from logscan.logs.cutting import tails, trimmed
from logscan.logs.definitions import Alternative, LogParser
from logscan.logs.tails import HEAD, tail_of

#: A regex that only one text matches.
_WHOLE = re.compile(r"\^([\w ,;:<>=@/-]*)\$")


def check_regexes(parser: LogParser) -> None:
    """Raise ``ParserError`` unless RE2 takes every regex of a parser."""
    named = [
        *((rule.name, step) for rule in parser.rules for step in (rule.alternatives, *rule.then.values())),
        *parser.fields.items(),
    ]
    for name, alternatives in named:
        for alternative in alternatives:
            try:
                pc.match_substring_regex(pa.array([""]), alternative.regex)
            except pa.ArrowInvalid as error:
                raise ParserError(f"{parser.path}: rule {name!r}: {str(error).split(';')[0]}") from None


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
            columns[tail.group] = tails(texts.view(pa.binary()), skip)
        columns |= {name: found.field(name) for name in alternative.groups if name not in columns}
    if columns and alternative.trim:
        last = alternative.groups[-1]
        columns[last] = trimmed(columns[last], alternative.trim)
    return valid, columns


def _matching(texts: pa.Array, regex: str) -> npt.NDArray[np.bool_]:
    if regex == "^":
        return np.asarray(texts.is_valid())
    if (whole := _WHOLE.fullmatch(regex)) is not None:
        return np.asarray(pc.equal(texts, whole[1]).fill_null(False))
    return np.asarray(pc.match_substring_regex(texts, regex).fill_null(False))
