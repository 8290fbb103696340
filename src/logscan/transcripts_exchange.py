"""Exchange protocol logs, which may be large: whole columns at a time instead of line by line.

Rows are grouped by session. A session is regular if commands and replies take turns, which makes the command
before a reply the one it answers; the others go through ``logscan.dialogue`` event by event.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from logscan.dialogue import VERBS, Answer, Session
from logscan.replies import split_reply
from logscan.schema import SCHEMA

_FIELDS = [
    *("date-time", "connector-id", "session-id", "sequence-number", "local-endpoint"),
    *("remote-endpoint", "event", "data", "context"),
]
_WANTED = {
    "date-time": "time",
    "session-id": "session",
    "remote-endpoint": "endpoint",
    "event": "event",
    "data": "data",
}
_CHUNK = 16 << 20
_MOST_CARRIED = 64
_MOST_SESSIONS = 20_000
_PATH = r"(?i)^(?:MAIL|RCPT)[ \t]+(?:FROM|TO)[ \t]*:[ \t]*(?:<(?P<path>[^>]*)>|(?P<bare>[^ \t<>]+))"

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


class ExchangeReader:
    """Reads one protocol log; memory is bounded by a chunk and the sessions that are open."""

    def __init__(self, blocks: Iterable[bytes], source: str, parser: str) -> None:
        """Blocks may end anywhere."""
        self._blocks = blocks
        self._source, self._parser = source, parser
        self.lines = self.unparsed = 0
        self._fields = list(_FIELDS)
        self._inbound: bool | None = None
        self._carried: pa.Table | None = None
        self._irregular: dict[str, Session] = {}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The replies in the order of the log."""
        for chunk in self._chunks():
            rows = self._rows(chunk)
            if rows is not None:
                yield from self._answer(rows).to_batches()

    # ------------------------------------------------------------------ bytes → events

    def _chunks(self) -> Iterator[bytes]:
        """Whole lines, about ``_CHUNK`` at a time wherever blocks end."""
        rest = b""
        for block in self._blocks:
            rest += block
            while len(rest) >= _CHUNK:
                end = rest.rfind(b"\n", 0, _CHUNK) + 1 or rest.find(b"\n") + 1
                if not end:
                    break
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest

    def _rows(self, chunk: bytes) -> pa.Table | None:
        """Commands and replies of a chunk: time, session, endpoint, data, line, and whether the server speaks."""
        tables = []
        start = 0
        while start < len(chunk):
            if chunk.startswith(b"#", start):
                end = chunk.find(b"\n", start) + 1 or len(chunk)
                self._directive(chunk[start:end].decode("utf-8", "replace").rstrip())
            else:
                end = chunk.find(b"\n#", start) + 1 or len(chunk)
                tables.append(self._segment(chunk[start:end]))
            start = end
        kept = [table for table in tables if table is not None]
        return pa.concat_tables(kept) if kept else None

    def _directive(self, line: str) -> None:
        self.lines += 1
        if line.startswith("#Fields:"):
            self._fields = [name.strip() for name in line.removeprefix("#Fields:").split(",")]
        elif line.startswith("#Log-type:"):
            self._inbound = "receive" in line.lower()

    def _segment(self, data: bytes) -> pa.Table | None:
        """Lines without directives among them."""
        if not data.strip():
            self.lines += data.count(b"\n")
            return None
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        first, self.lines = self.lines + 1, self.lines + count
        bad: list[int] = []

        def skip(row: Any) -> str:
            bad.append(row.number - 1)
            return "skip"

        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            data = data.decode("utf-8", "replace").encode()
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, column_names=self._fields, block_size=max(len(data), 1)
            ),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(self._fields, pa.string()),
                include_columns=list(_WANTED),
                include_missing_columns=True,
                strings_can_be_null=False,
            ),
        ).rename_columns(list(_WANTED.values()))
        self.unparsed += len(bad)
        numbers = np.setdiff1d(np.arange(count), bad, assume_unique=True) + first
        table = table.append_column("line", pa.array(numbers[: table.num_rows]))
        return self._speaking(table)

    def _speaking(self, table: pa.Table) -> pa.Table | None:
        """Keep what either side said, and the ends of sessions."""
        has_code = pc.match_substring_regex(table["data"], r"^[2-5][0-9][0-9](?:[ -]|$)")
        received, sent = pc.equal(table["event"], "<"), pc.equal(table["event"], ">")
        if self._inbound is None:  # no #Log-type: replies are what carries codes
            by_sent = pc.sum(pc.and_(sent, has_code)).as_py() or 0
            self._inbound = by_sent > (pc.sum(pc.and_(received, has_code)).as_py() or 0)
        server, client = (sent, received) if self._inbound else (received, sent)
        server = pc.and_(server, has_code)
        closed = pc.equal(table["event"], "-")
        kind = pc.case_when(
            pc.make_struct(client, server, closed), *(pa.scalar(value, pa.int8()) for value in (0, 1, 2))
        )
        table = table.drop_columns(["event"]).append_column("kind", kind)
        table = table.append_column("inbound", pa.array(np.full(table.num_rows, self._inbound)))
        table = table.append_column("emitted", pa.array(np.zeros(table.num_rows, np.bool_)))
        return table.filter(pc.is_valid(kind)).combine_chunks()

    # ------------------------------------------------------------------ events → replies

    def _answer(self, rows: pa.Table) -> pa.Table:
        if self._carried is not None:
            rows = pa.concat_tables([self._carried, rows]).combine_chunks()
        groups = _Groups(rows)
        strange = groups.irregular(set(self._irregular))
        regular = groups.answers(~strange[groups.session])
        tables = [self._table(groups, *regular)]
        if strange.any():
            tables.append(self._one_by_one(groups, strange))
        self._carried = groups.carry(~strange[groups.session])
        table = pa.concat_tables(tables)
        return table.take(pc.sort_indices(table["line"])).combine_chunks()

    def _table(
        self, groups: _Groups, at: _Ints, commands: pa.Array, envelope: dict[str, pa.Array]
    ) -> pa.Table:
        """Replies of regular sessions."""
        data = groups.rows["data"].take(pa.array(at))
        rest = pc.utf8_trim(pc.utf8_slice_codeunits(data, 4), " \t")
        split = pc.extract_regex(rest, r"^(?P<enhanced>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?P<text>$|[ \t].*$)")
        text = pc.coalesce(pc.utf8_ltrim(pc.struct_field(split, "text"), " \t"), rest)
        code = pc.cast(pc.utf8_slice_codeunits(data, 0, 3), pa.int16())
        return self._finish(
            groups,
            at,
            envelope
            | {
                "command": commands,
                "code": code,
                "enhanced": pc.struct_field(split, "enhanced"),
                "text": pc.if_else(pc.equal(code, 334), "", text),
            },
        )

    def _one_by_one(self, groups: _Groups, strange: _Bools) -> pa.Table:
        """Replies of the other sessions, by the state machine."""
        at: list[int] = []
        answers: list[Answer] = []
        chosen = np.flatnonzero(strange[groups.session])
        names = groups.rows["session"].take(pa.array(chosen)).to_pylist()
        data = groups.rows["data"].take(pa.array(chosen)).to_pylist()
        known = set(self._irregular)
        for row, name, text in zip(chosen.tolist(), names, data, strict=True):
            emitted = bool(groups.emitted[row])
            if emitted and name in known:
                continue
            session = self._irregular.setdefault(name, Session(body="hidden"))
            if groups.kind[row] == 0:
                session.client(text)
            elif groups.kind[row] == 2:
                self._irregular.pop(name)
            else:
                answer = session.answer(int(row), split_reply(text))
                if not emitted:
                    at.append(int(row))
                    answers.append(answer)
        while len(self._irregular) > _MOST_SESSIONS:
            del self._irregular[next(iter(self._irregular))]
        replies = [answer.reply for answer in answers]
        values: dict[str, tuple[list[Any], pa.DataType]] = {
            "command": ([answer.command for answer in answers], pa.string()),
            "code": ([reply.code for reply in replies], pa.int16()),
            "enhanced": ([reply.enhanced for reply in replies], pa.string()),
            "text": ([reply.text for reply in replies], pa.string()),
            "helo": ([answer.helo for answer in answers], pa.string()),
            "sender": ([answer.sender for answer in answers], pa.string()),
            "recipient": ([answer.recipient for answer in answers], pa.string()),
        }
        columns = {name: pa.array(column, kind) for name, (column, kind) in values.items()}
        return self._finish(groups, np.array(at, np.int64), columns)

    def _finish(self, groups: _Groups, at: _Ints, columns: dict[str, Any]) -> pa.Table:
        """A table in the columns of ``SCHEMA`` for the replies at ``at``."""
        size = len(at)
        rows = groups.rows.select(["time", "session", "endpoint", "line", "inbound"]).take(pa.array(at))
        ends = rows["endpoint"].combine_chunks().dictionary_encode()
        parts = pc.extract_regex(ends.dictionary, r"^\[?(?P<ip>[^\]]*?)\]?:(?P<port>[0-9]{1,5})$")
        refused = pc.and_(rows["inbound"], pc.greater_equal(columns["code"], 400))
        columns |= {
            "time": _times(rows["time"]),
            "direction": pc.if_else(rows["inbound"], "inbound", "outbound"),
            "session": rows["session"],
            "status": pc.if_else(refused, "rejected", pa.scalar(None, pa.string())),
            "peer_ip": pc.struct_field(parts, "ip").take(ends.indices),
            "peer_port": pc.cast(pc.struct_field(parts, "port"), pa.int32()).take(ends.indices),
            "line": rows["line"],
        }
        constants = {"parser": self._parser, "basis": "logged", "rule": "reply", "source": self._source}
        columns |= {name: pa.array([value] * size, pa.string()) for name, value in constants.items()}
        columns["count"] = pa.array(np.ones(size, np.int32))
        return pa.table(
            [_column(columns.get(field.name), field.type, size) for field in SCHEMA], schema=SCHEMA
        )


class _Groups:
    """Events in the order of their sessions, as arrays."""

    def __init__(self, rows: pa.Table) -> None:
        codes = rows["session"].combine_chunks().dictionary_encode()
        self.names: list[str] = codes.dictionary.to_pylist()
        order = np.argsort(codes.indices.to_numpy(zero_copy_only=False), kind="stable")
        self.rows = rows.take(pa.array(order)).combine_chunks()
        self.session: _Ints = codes.indices.to_numpy(zero_copy_only=False)[order].astype(np.int64)
        self.kind = self.rows["kind"].to_numpy()
        self.emitted: _Bools = self.rows["emitted"].to_numpy()
        size = len(order)
        self.index = np.arange(size)
        changes = np.flatnonzero(np.diff(self.session, prepend=-1))
        self.start: _Ints = np.repeat(changes, np.diff(changes, append=size))
        self.first: _Bools = self.index == self.start
        self.code = self._codes()
        self.verb, self.verbs = self._verbs()

    def _codes(self) -> _Ints:
        codes = np.zeros(len(self.index), np.int64)
        at = np.flatnonzero(self.kind == 1)
        digits = pc.utf8_slice_codeunits(self.rows["data"].take(pa.array(at)), 0, 3)
        codes[at] = pc.cast(digits, pa.int64()).to_numpy()
        return codes

    def _verbs(self) -> tuple[_Ints, list[str]]:
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

    def irregular(self, known: set[str]) -> _Bools:
        """For each session, whether commands and replies do not simply take turns."""
        kind, code, verb = self._before(self.kind, -1), self._before(self.code, 0), self._before(self.verb, 0)
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

    def answers(self, regular: _Bools) -> tuple[_Ints, pa.Array, dict[str, pa.Array]]:
        """New replies of regular sessions, what they answer, and the envelope."""
        number = self.number
        kind, code = self._before(self.kind, -1), self._before(self.code, 0)
        verb = self._logins(self._before(self.verb, 0))
        after_data = (self.kind == 1) & (
            ((kind == 1) & (code == 354)) | ((verb == number["DATA"]) & (self.code < 300))
        )
        at = np.flatnonzero((self.kind == 1) & regular & ~self.emitted)
        names = np.array([*self.verbs, "EOD", "CONNECT"], dtype=object)
        answered = np.where(after_data, len(self.verbs), np.where(kind < 0, len(self.verbs) + 1, verb))[at]
        words = pa.array(names.tolist(), pa.string())
        return at, words.take(pa.array(answered)), self._envelope(at, verb, after_data)

    def _logins(self, verb: _Ints) -> _Ints:
        """Verbs, where the line after a 334 is a part of AUTH and no command."""
        code = self._before(self.code, 0)
        continues = self._before(((self.kind == 0) & (code == 334)).astype(np.int64), 0) == 1
        return np.where(continues, self.number["AUTH"], verb)

    def _envelope(self, at: _Ints, verb: _Ints, after_data: _Bools) -> dict[str, pa.Array]:
        number, index = self.number, self.index
        greeting = np.isin(self.verb, [number["EHLO"], number["HELO"]])
        helo = self._last(greeting)
        mail = self._last(self.verb == number["MAIL"])
        ends = after_data | ((self.kind == 1) & (verb == number["RSET"])) | greeting
        ended = self._before(self._last(ends), -1)
        accepted = (self.kind == 1) & (verb == number["RCPT"]) & (self.code < 300)
        recipients = np.cumsum(accepted)
        last_accepted = self._last(accepted)
        in_mail = mail > ended
        sender = np.where(in_mail, mail, -1)
        alone = (
            after_data
            & in_mail
            & (recipients - recipients[np.maximum(mail, 0)] == 1)
            & (last_accepted > mail)
        )
        recipient = np.where(verb == number["RCPT"], index - 1, np.where(alone, last_accepted - 1, -1))
        texts = self.rows["data"]
        return {
            "helo": _pick(texts, helo[at], r"^[A-Za-z]+[ \t]+(?P<found>.*?)[ \t]*$"),
            "sender": _pick(texts, sender[at], _PATH),
            "recipient": _pick(texts, recipient[at], _PATH),
        }

    def _last(self, marked: _Bools) -> _Ints:
        """Where the last marked event of the session is, up to and including each event; -1 if nowhere."""
        last = np.maximum.accumulate(np.where(marked, self.index, -1))
        return np.where(last >= self.start, last, -1)

    def carry(self, regular: _Bools) -> pa.Table:
        """What later replies of sessions that are still open depend on."""
        number, size = self.number, len(self.index)
        ends = np.append(np.flatnonzero(self.first)[1:], size) if size else np.zeros(0, np.int64)
        end = np.repeat(ends, np.diff(np.append(np.flatnonzero(self.first), size))) if size else ends
        closed = np.zeros(len(self.names), np.bool_)
        closed[self.session[self.kind == 2]] = True
        is_open = regular & ~closed[self.session]
        helo = self._last(np.isin(self.verb, [number["EHLO"], number["HELO"]]))[end - 1]
        mail = self._last(self.verb == number["MAIL"])[end - 1]
        needed = (self.index == end - 1) | (self.index == helo) | ((self.index == helo + 1) & (helo >= 0))
        needed |= (
            (mail >= 0)
            & (self.index >= mail)
            & ((self.index <= mail + 1) | (self.index >= end - _MOST_CARRIED))
        )
        table = self.rows.filter(pa.array(needed & is_open))
        place = table.schema.get_field_index("emitted")
        return table.set_column(place, "emitted", pa.array(np.ones(table.num_rows, np.bool_)))


def _pick(texts: Any, at: _Ints, regex: str) -> pa.Array:
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


def _times(stamps: Any) -> Any:
    """ISO stamps as UTC; null where one is none."""
    kind = pa.timestamp("us", tz="UTC")
    good = pc.match_substring_regex(stamps, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$")
    try:
        return pc.cast(pc.if_else(good, stamps, pa.scalar(None, pa.string())), kind)
    except pa.ArrowInvalid:  # such as February 30
        return pa.nulls(len(stamps), kind)


def _column(values: Any, kind: pa.DataType, size: int) -> Any:
    if values is None:
        return pa.nulls(size, kind)
    if pa.types.is_dictionary(kind):
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        return values.dictionary_encode().cast(kind)
    return values
