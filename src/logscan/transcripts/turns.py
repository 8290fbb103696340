"""Whose turn it was: the events of many sessions as arrays, and which command each reply answers.

An event is a row with ``session``, ``data``, ``kind`` (0 the client speaks, 1 the server, 2 the session ends)
and ``emitted`` (it was dealt with before and only tells the state).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.transcripts.verbs import VERBS

_MOST_CARRIED = 64
_LONGEST_LOGIN = 6
_PATH = r"(?i)^(?:MAIL|RCPT)[ \t]+(?:FROM|TO)[ \t]*:[ \t]*(?:<(?P<path>[^>]*)>|(?P<bare>[^ \t<>]+))"

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Turns:
    """Events in the order of their sessions, as arrays."""

    def __init__(self, rows: pa.Table) -> None:
        """Group ``rows`` by session; within a session they keep their order."""
        codes = rows["session"].combine_chunks().dictionary_encode()
        self.names: list[str] = codes.dictionary.to_pylist()
        order = np.argsort(codes.indices.to_numpy(zero_copy_only=False), kind="stable")
        self.rows = rows.take(pa.array(order)).combine_chunks()
        self.session: Ints = codes.indices.to_numpy(zero_copy_only=False)[order].astype(np.int64)
        self.kind = self.rows["kind"].to_numpy()
        self.emitted: Bools = self.rows["emitted"].to_numpy()
        size = len(order)
        self.index = np.arange(size)
        changes = np.flatnonzero(np.diff(self.session, prepend=-1))
        self.start: Ints = np.repeat(changes, np.diff(changes, append=size))
        self.first: Bools = self.index == self.start
        self.code = self._codes()
        self.verb, self.verbs = self._verbs()

    def _codes(self) -> Ints:
        codes = np.zeros(len(self.index), np.int64)
        at = np.flatnonzero(self.kind == 1)
        digits = pc.utf8_slice_codeunits(self.rows["data"].take(pa.array(at)), 0, 3)
        codes[at] = pc.cast(digits, pa.int64()).to_numpy()
        return codes

    def _verbs(self) -> tuple[Ints, list[str]]:
        """For each event a number into the list of verbs; replies have verb 0."""
        verbs = ["", "UNKNOWN", *sorted(VERBS)]
        number = {verb: place for place, verb in enumerate(verbs)}
        found = np.zeros(len(self.index), np.int64)
        at = np.flatnonzero(self.kind == 0)
        words = pc.extract_regex(self.rows["data"].take(pa.array(at)), r"^(?P<verb>[A-Za-z]*)(?:[ \t:]|$)")
        words = pc.fill_null(pc.struct_field(words, "verb"), "").combine_chunks().dictionary_encode()
        known = np.array(
            [number.get((word or "-").upper(), 1) for word in words.dictionary.to_pylist()], np.int64
        )
        if len(at):
            found[at] = known[words.indices.to_numpy(zero_copy_only=False)]
        self.number = number
        return found, verbs

    def _before(self, values: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """The value of the event before, in the same session."""
        shifted = np.empty_like(values)
        shifted[1:], shifted[:1] = values[:-1], fill
        shifted[self.first] = fill
        return shifted

    def irregular(self, known: set[str]) -> Bools:
        """For each session, whether commands and replies do not simply take turns."""
        kind, code = self._before(self.kind, -1), self._before(self.code, 0)
        verb = self._logins(self._before(self.verb, 0))
        number = self.number
        reply, command = self.kind == 1, self.kind == 0
        odd = command & (kind == 0)  # pipelining
        odd |= reply & (kind == 1) & (code != 354)  # nobody asked
        odd |= reply & (kind < 0) & (self.code != 220) & (self.code < 400)
        odd |= command & ((self.verb == number["LHLO"]) | (code == 334) & (self.code >= 400))
        asked = reply & (kind == 0)
        for owner, only in ((354, "DATA"), (221, "QUIT"), (220, "STARTTLS")):
            odd |= asked & (self.code == owner) & (verb != number[only])
        odd |= asked & (self.code < 400) & (verb == number["QUIT"]) & (self.code != 221)
        odd |= asked & (self.code >= 400) & ((verb == number["AUTH"]) | (verb == number["DATA"]))
        odd &= ~self.emitted
        strange = np.zeros(len(self.names), np.bool_)
        strange[self.session[odd]] = True
        if known:
            strange |= np.isin(np.array(self.names, dtype=object), list(known))
        return strange

    def answers(self, regular: Bools) -> tuple[Ints, pa.Array, dict[str, pa.Array]]:
        """New replies of regular sessions, what they answer, and the envelope."""
        kind = self._before(self.kind, -1)
        verb = self._logins(self._before(self.verb, 0))
        after_data = self._after_data(verb)
        at = np.flatnonzero((self.kind == 1) & regular & ~self.emitted)
        names = np.array([*self.verbs, "EOD", "CONNECT"], dtype=object)
        answered = np.where(after_data, len(self.verbs), np.where(kind < 0, len(self.verbs) + 1, verb))[at]
        words = pa.array(names.tolist(), pa.string())
        return at, words.take(pa.array(answered)), self._envelope(at, verb, after_data)

    def _logins(self, verb: Ints) -> Ints:
        """Verbs, where the line after a 334 is a part of AUTH and no command."""
        code = self._before(self.code, 0)
        continues = self._before(((self.kind == 0) & (code == 334)).astype(np.int64), 0) == 1
        return np.where(continues, self.number["AUTH"], verb)

    def _after_data(self, verb: Ints) -> Bools:
        """Whether each event is a reply to the end of a message."""
        follows_354 = (self._before(self.kind, -1) == 1) & (self._before(self.code, 0) == 354)
        after: Bools = (self.kind == 1) & (follows_354 | ((verb == self.number["DATA"]) & (self.code < 300)))
        return after

    def _transactions(self, verb: Ints, after_data: Bools) -> tuple[Ints, Ints]:
        """Where the last accepted MAIL stands, and where the last mail transaction ended."""
        number = self.number
        reply = self.kind == 1
        mail = self._last(reply & (verb == number["MAIL"]) & (self.code < 300))
        resets = np.isin(verb, [number["EHLO"], number["HELO"], number["RSET"]])
        return mail, self._last(reply & (after_data | resets))

    def _envelope(self, at: Ints, verb: Ints, after_data: Bools) -> dict[str, pa.Array]:
        number, index = self.number, self.index
        helo = self._last(np.isin(self.verb, [number["EHLO"], number["HELO"]]))
        mail, ended = self._transactions(verb, after_data)
        ended = self._before(ended, -1)
        sender = np.where(verb == number["MAIL"], index - 1, np.where(mail > ended, mail - 1, -1))
        accepted = (self.kind == 1) & (verb == number["RCPT"]) & (self.code < 300)
        count, last = np.cumsum(accepted), self._last(accepted)
        since = np.maximum(mail, ended)
        before = np.where(since >= 0, count[since], count[self.start] - accepted[self.start])
        alone = after_data & (count - before == 1) & (last > since)
        recipient = np.where(verb == number["RCPT"], index - 1, np.where(alone, last - 1, -1))
        texts = self.rows["data"]
        return {
            "helo": _pick(texts, helo[at], r"^[A-Za-z]+[ \t]+(?P<found>.*?)[ \t]*$"),
            "sender": _pick(texts, sender[at], _PATH),
            "recipient": _pick(texts, recipient[at], _PATH),
        }

    def _last(self, marked: Bools) -> Ints:
        """Where the last marked event of the session is, up to and including each event; -1 if nowhere."""
        last = np.maximum.accumulate(np.where(marked, self.index, -1))
        return np.where(last >= self.start, last, -1)

    def carry(self, regular: Bools) -> pa.Table:
        """What later replies of sessions that are still open depend on."""
        number, size = self.number, len(self.index)
        ends = np.append(np.flatnonzero(self.first)[1:], size) if size else np.zeros(0, np.int64)
        end = np.repeat(ends, np.diff(np.append(np.flatnonzero(self.first), size))) if size else ends
        closed = np.zeros(len(self.names), np.bool_)
        closed[self.session[self.kind == 2]] = True
        is_open = regular & ~closed[self.session]
        helo = self._last(np.isin(self.verb, [number["EHLO"], number["HELO"]]))[end - 1]
        verb = self._before(self.verb, 0)
        mail, ended = self._transactions(verb, self._after_data(verb))
        since = np.maximum(mail, ended)[end - 1]
        needed = (self.index == end - 1) | (self.index == helo) | ((self.index == helo + 1) & (helo >= 0))
        recent = (self.index <= since) | (self.index >= end - _MOST_CARRIED)
        needed |= (self.index >= since - 1) & recent
        login = self._last(self.verb == number["AUTH"])[end - 1]  # its secrets must be known for redaction
        needed |= (login >= 0) & (self.index >= login) & (self.index <= login + _LONGEST_LOGIN)
        table = self.rows.filter(pa.array(needed & is_open))
        place = table.schema.get_field_index("emitted")
        return table.set_column(place, "emitted", pa.array(np.ones(table.num_rows, np.bool_)))


def _pick(texts: Any, at: Ints, regex: str) -> pa.Array:
    """What ``regex`` finds in the events at ``at``; null where that is negative."""
    wanted, back = np.unique(at[at >= 0], return_inverse=True)
    found = pc.extract_regex(texts.take(pa.array(wanted)), regex)
    values = pc.coalesce(*(pc.struct_field(found, name) for name in _groups_of(regex)))
    if len(_groups_of(regex)) == 2:  # RE2 gives an empty text for a group that took no part
        bare = pc.struct_field(found, "bare")
        values = pc.if_else(pc.greater(pc.utf8_length(bare), 0), bare, pc.struct_field(found, "path"))
    places = np.full(len(at), -1, np.int64)
    places[at >= 0] = back
    return values.take(pa.array(places, mask=places < 0))


def _groups_of(regex: str) -> list[str]:
    return re.findall(r"\(\?P<(\w+)>", regex)
