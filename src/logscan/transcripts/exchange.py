"""Exchange protocol logs, which may be large: whole columns at a time instead of line by line.

Rows are grouped by session. A session is regular if commands and replies take turns, which makes the command
before a reply the one it answers; the others go through ``logscan.transcripts.dialogue`` event by event.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from logscan.replies import split_reply
from logscan.schema import SCHEMA
from logscan.transcripts.dialogue import Answer, Session
from logscan.transcripts.turns import Bools, Ints, Turns

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
_MOST_SESSIONS = 20_000
_MOST_EXAMPLES = 5


class ExchangeReader:
    """Reads one protocol log; memory is bounded by a chunk and the sessions that are open."""

    def __init__(self, blocks: Iterable[bytes], source: str, parser: str) -> None:
        """Blocks may end anywhere."""
        self._blocks = blocks
        self._source, self._parser = source, parser
        self.lines = self.unparsed = 0
        self.examples: list[str] = []
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
            if len(self.examples) < _MOST_EXAMPLES:
                self.examples.append(",".join(row.text.split(",")[:6])[:300])  # without what a client sent
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
        """Keep what either side said, and the ends of sessions.

        Of a reply that old versions wrote line by line (2010 and earlier), the last line stands for all.
        """
        has_code = pc.match_substring_regex(table["data"], r"^[2-5][0-9][0-9](?: |$)")
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
        turns = Turns(rows)
        strange = turns.irregular(set(self._irregular))
        regular = turns.answers(~strange[turns.session])
        tables = [self._table(turns, *regular)]
        if strange.any():
            tables.append(self._one_by_one(turns, strange))
        self._carried = turns.carry(~strange[turns.session])
        table = pa.concat_tables(tables)
        return table.take(pc.sort_indices(table["line"])).combine_chunks()

    def _table(self, turns: Turns, at: Ints, commands: pa.Array, envelope: dict[str, pa.Array]) -> pa.Table:
        """Replies of regular sessions."""
        data = turns.rows["data"].take(pa.array(at))
        rest = pc.utf8_trim(pc.utf8_slice_codeunits(data, 4), " \t")
        split = pc.extract_regex(rest, r"^(?P<enhanced>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?P<text>$|[ \t].*$)")
        text = pc.coalesce(pc.utf8_ltrim(pc.struct_field(split, "text"), " \t"), rest)
        code = pc.cast(pc.utf8_slice_codeunits(data, 0, 3), pa.int16())
        return self._finish(
            turns,
            at,
            envelope
            | {
                "command": commands,
                "code": code,
                "enhanced": pc.struct_field(split, "enhanced"),
                "text": pc.if_else(pc.equal(code, 334), "", text),
            },
        )

    def _one_by_one(self, turns: Turns, strange: Bools) -> pa.Table:
        """Replies of the other sessions, by the state machine."""
        at: list[int] = []
        answers: list[Answer] = []
        chosen = np.flatnonzero(strange[turns.session])
        names = turns.rows["session"].take(pa.array(chosen)).to_pylist()
        data = turns.rows["data"].take(pa.array(chosen)).to_pylist()
        known = set(self._irregular)
        for row, name, text in zip(chosen.tolist(), names, data, strict=True):
            emitted = bool(turns.emitted[row])
            if emitted and name in known:
                continue
            session = self._irregular.setdefault(name, Session(body="hidden"))
            if turns.kind[row] == 0:
                session.client(text)
            elif turns.kind[row] == 2:
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
        return self._finish(turns, np.array(at, np.int64), columns)

    def _finish(self, turns: Turns, at: Ints, columns: dict[str, Any]) -> pa.Table:
        """A table in the columns of ``SCHEMA`` for the replies at ``at``."""
        size = len(at)
        rows = turns.rows.select(["time", "session", "endpoint", "line", "inbound"]).take(pa.array(at))
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
