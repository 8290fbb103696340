"""Why a reply was negative: replies get the cause of the first rule that applies to them.

The rules are data (``data/causes.toml``). A log repeats few replies many times, so every rule is tried
on distinct replies only, after what differs from message to message has been folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.cause_rules import UNKNOWN, CauseInfo, CauseRule, load_causes

__all__ = ["TAXONOMY", "Cause", "assign_causes", "cause_info", "likely_cause", "normalise"]

TAXONOMY: Mapping[str, CauseInfo]
TAXONOMY, _RULES = load_causes()

_KEYS = list(TAXONOMY)
#: The cause of each rule as a position in _KEYS, and at the end that of replies no rule applies to.
_VERDICTS = np.array([*(_KEYS.index(rule.cause) for rule in _RULES), _KEYS.index(UNKNOWN)], np.int32)

#: Columns besides the text that rules may ask for.
_CONDITIONS = ("code", "enhanced", "direction", "command", "rule")

#: Outcomes of rows without any code that need no explanation.
_DELIVERED = ("sent", "deliverable")

#: What differs from reply to reply without telling anything: e-mail addresses, words in angle brackets,
#: ids (a letter after a digit, or nine digits and more) and IP addresses.
_VARIABLE = "|".join(
    (
        r"[\w%+=/-]+(?:\.[\w%+=/-]+)*@[\w.-]+",
        r"<[^ <>:/]*>",
        r"[a-z]*[0-9]+[a-z][0-9a-z]*",
        r"[a-z]*[0-9]{9,}",
        r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9.]+",
        r"[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]+",
    )
)

#: What becomes a single space.
_UNEVEN = r"\s\s+|[[:cntrl:]]"

#: Which rule decided replies met before, and how many of them are kept.
_DECIDED: dict[tuple[Any, ...], int] = {}
_REMEMBERED = 20_000

_Integers = npt.NDArray[np.int64]
_Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cause:
    """The likely cause of one reply.

    ``evidence`` is what decided: a piece of the text or a code; ``rule`` and ``source`` name the rule and who
    writes such replies. ``confidence`` is high, medium, low or none. ``advice`` is for the given direction.
    """

    key: str
    label: str
    meaning: str
    evidence: str | None
    rule: str | None
    source: str | None
    confidence: str
    advice: str


def assign_causes(replies: pa.Table) -> pa.Table:
    """Fill the ``cause`` column of a replies table.

    A negative reply (``code`` from 400 or, without one, ``enhanced`` of class 4 or 5) and an attempt that
    failed without any reply get a key of TAXONOMY; all other rows get null. A cause that a row has already stays,
    as far as TAXONOMY knows it: its text may have been changed since.
    """
    known = pc.index_in(replies["cause"].cast(pa.string()), pa.array(_KEYS))
    verdicts = pc.fill_null(known, -1).to_numpy().astype(np.int32)
    wanted = np.flatnonzero(_needs_cause(replies) & (verdicts < 0))
    if len(wanted):
        distinct, which = _distinct(replies.select(["text", *_CONDITIONS]).take(pa.array(wanted)))
        verdicts[wanted] = _VERDICTS[_deciding(distinct)][which]
    column = pa.DictionaryArray.from_arrays(pa.array(verdicts, mask=verdicts < 0), pa.array(_KEYS))
    return replies.set_column(replies.schema.get_field_index("cause"), "cause", column)


def likely_cause(
    code: int | None,
    enhanced: str | None,
    text: str | None,
    *,
    direction: str | None = None,
    command: str | None = None,
    rule: str | None = None,
) -> Cause:
    """Tell the likely cause of one negative reply, and what told it.

    The arguments are values of the columns of the replies table.
    """
    texts = normalise(pa.array([text], pa.string()))
    values = zip(_CONDITIONS, (code, enhanced, direction, command, rule), strict=True)
    reply = _Replies(texts, {name: ([value], np.zeros(1, np.int64)) for name, value in values})
    number = _deciding(reply)[0]
    found = _RULES[number] if number < len(_RULES) else None
    info = TAXONOMY[found.cause if found else UNKNOWN]
    return Cause(
        key=info.key,
        label=info.label,
        meaning=info.meaning,
        evidence=found and _evidence(found, texts, code, enhanced, rule),
        rule=found and found.name,
        source=found and found.source,
        confidence=found.confidence if found else "none",
        advice=_advice(info, direction),
    )


def cause_info(cause: str) -> CauseInfo:
    """What is known of ``cause``: of one that is not in TAXONOMY, as an analyst may assign, its name and no more."""
    return TAXONOMY.get(cause) or replace(TAXONOMY[UNKNOWN], key=cause, label=cause)


def normalise(texts: pa.Array) -> pa.Array:
    """Return texts as rules see them: lower case, single spaces, no control characters, ``*`` for what varies."""
    folded = pc.replace_substring_regex(pc.ascii_lower(pc.fill_null(texts, "")), _VARIABLE, "*")
    # To search costs less than to replace, and in most logs there is none.
    if not pc.any(pc.match_substring_regex(folded, _UNEVEN)).as_py():
        return folded
    return pc.replace_substring_regex(folded, _UNEVEN, " ")


@dataclass(frozen=True, slots=True)
class _Replies:
    """Distinct replies: normalised texts, and for each condition its values and each reply's index."""

    texts: pa.Array
    columns: Mapping[str, tuple[list[Any], _Integers]]

    def at(self, rows: _Integers) -> _Replies:
        """Return the replies of ``rows``."""
        columns = {name: (values, index[rows]) for name, (values, index) in self.columns.items()}
        return _Replies(self.texts.take(pa.array(rows)), columns)

    def meeting(self, rule: CauseRule, rows: _Integers) -> _Booleans:
        """Tell which of ``rows`` meet the conditions of ``rule``, its text apart."""
        met = np.ones(len(rows), dtype=bool)
        for name, (values, index) in self.columns.items():
            if getattr(rule, name):
                met &= np.array([rule.accepts(name, value) for value in values])[index[rows]]
        return met

    def containing(self, pattern: str, rows: _Integers) -> _Booleans:
        """Tell in which of ``rows`` the RE2 expression ``pattern`` occurs."""
        found = pc.match_substring_regex(self.texts.take(pa.array(rows)), pattern)
        return cast(_Booleans, found.to_numpy(zero_copy_only=False))


def _deciding(replies: _Replies) -> _Integers:
    """Return what ``_first_match`` does, from memory where the same reply was decided before.

    Logs are read in batches that repeat each other's replies, and trying three hundred rules takes some
    twenty milliseconds however few the replies.
    """
    columns = [[values[number] for number in index] for values, index in replies.columns.values()]
    keys = list(zip(replies.texts.to_pylist(), *columns, strict=True))
    found = np.array([_DECIDED.get(key, -1) for key in keys], dtype=np.int64)
    fresh = np.flatnonzero(found < 0)
    if len(fresh):
        found[fresh] = _first_match(replies.at(fresh))
        room = max(0, _REMEMBERED - len(_DECIDED))
        _DECIDED.update((keys[row], int(found[row])) for row in fresh[:room] if len(keys[row][0]) < 1000)
    return found


def _first_match(replies: _Replies) -> _Integers:
    """Return the number of the first rule that applies to each reply, or the number of rules if none does.

    Rules are halved again and again: one search for all fragments of the first half tells which replies
    need to be looked at there at all, so most texts are searched some twenty times, not once per rule.
    """
    found = np.full(len(replies.texts), len(_RULES), dtype=np.int64)

    def search(first: int, last: int, rows: _Integers) -> None:
        if not len(rows):
            return
        if last - first == 1:
            rule = _RULES[first]
            applies = replies.meeting(rule, rows)
            if rule.pattern:
                applies &= replies.containing(rule.pattern, rows)
            found[rows[applies]] = first
            return
        middle = (first + last) // 2
        search(first, middle, rows[_may_apply(replies, first, middle, rows)])
        search(middle, last, rows[found[rows] == len(_RULES)])

    search(0, len(_RULES), np.arange(len(replies.texts)))
    return found


def _may_apply(replies: _Replies, first: int, last: int, rows: _Integers) -> _Booleans:
    """Tell to which of ``rows`` one of the rules ``first`` to ``last`` may apply."""
    rules = _RULES[first:last]
    if any(rule.has_gap for rule in rules):
        return np.ones(len(rows), dtype=bool)
    possible = np.zeros(len(rows), dtype=bool)
    if pattern := "|".join(rule.pattern for rule in rules if rule.pattern):
        possible |= replies.containing(pattern, rows)
    for rule in rules:
        if not rule.pattern:
            possible |= replies.meeting(rule, rows)
    return possible


def _needs_cause(replies: pa.Table) -> _Booleans:
    code = pc.fill_null(replies["code"], 0).to_numpy()
    wanted: _Booleans = code >= 400
    uncoded = np.flatnonzero(code == 0)
    others = replies.select(["enhanced", "status"]).take(pa.array(uncoded))
    failing = pc.match_substring_regex(others["enhanced"], "^[45]")
    unanswered = pc.invert(pc.is_in(others["status"].cast(pa.string()), pa.array(_DELIVERED)))
    wanted[uncoded] = pc.coalesce(failing, unanswered).to_numpy()
    return wanted


def _distinct(rows: pa.Table) -> tuple[_Replies, _Integers]:
    """Return the distinct replies among ``rows`` and which of them each row is."""
    columns = {name: _encode(rows[name]) for name in _CONDITIONS}
    kinds, kind = _combinations([(index, len(values)) for values, index in columns.values()])
    texts, text = _encode(pc.fill_null(rows["text"], ""))
    folded = normalise(texts).dictionary_encode()
    text = folded.indices.to_numpy()[text]
    (kind, text), which = _combinations([(kind, len(kinds[0])), (text, len(folded.dictionary))])
    indices = zip(columns, kinds, strict=True)
    distinct = {name: ([*columns[name][0].to_pylist(), None], index[kind]) for name, index in indices}
    return _Replies(folded.dictionary.take(pa.array(text)), distinct), which


def _encode(column: pa.ChunkedArray) -> tuple[pa.Array, _Integers]:
    """Return the distinct values and each row's index into them; null has the index after the last."""
    encoded = (
        column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    )
    whole = pa.concat_arrays(encoded.chunks)
    return whole.dictionary, whole.indices.fill_null(len(whole.dictionary)).to_numpy()


def _combinations(keys: list[tuple[_Integers, int]]) -> tuple[list[_Integers], _Integers]:
    """Return the distinct combinations of keys, by key, and which of them each row is."""
    sizes = [size + 1 for _, size in keys]
    encoded = pa.array(np.ravel_multi_index([index for index, _ in keys], sizes)).dictionary_encode()
    distinct = np.unravel_index(encoded.dictionary.to_numpy(), sizes)
    return list(distinct), encoded.indices.to_numpy()


def _evidence(
    found: CauseRule, texts: pa.Array, code: int | None, enhanced: str | None, rule: str | None
) -> str:
    """Return what decided: the piece of text that matched, or the most telling condition."""
    if found.pattern:
        return cast(str, pc.extract_regex(texts, f"(?P<piece>{found.pattern})")[0].as_py()["piece"])
    if found.rule:
        return str(rule)
    return str(enhanced if found.enhanced else code)


def _advice(info: CauseInfo, direction: str | None) -> str:
    if direction == "inbound":
        return info.advice_inbound
    if direction == "outbound":
        return info.advice_outbound
    return f"Own server's reply: {info.advice_inbound} Remote server's reply: {info.advice_outbound}"
