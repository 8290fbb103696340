"""SMTP transcripts and protocol logs: which format, and the replies they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import chain

import pyarrow as pa

from logscan.coverage import MOST_EXAMPLES, InputReport
from logscan.schema import SCHEMA
from logscan.transcripts.conversation import Conversation
from logscan.transcripts.detection import Choice, Switchboard, TranscriptDetection, choose, rate
from logscan.transcripts.exchange import ExchangeReader
from logscan.transcripts.lines import LONGEST_LINE, Line, LineReader, strip_wrappers
from logscan.transcripts.tracks import Found

#: How much of a text decides on its format.
HEAD_SIZE = 256 << 10
_BATCH_ROWS = 10_000


def detect_transcript(head: bytes) -> TranscriptDetection | None:
    """The format of a transcript from its first bytes, or nothing if it is none."""
    lines = list(LineReader([head[:HEAD_SIZE]]))
    choice = choose(lines)
    if choice is None:
        return None
    score = rate(choice, lines)
    return TranscriptDetection(choice.form.name, round(score, 3), choice.reason)


class TranscriptReader:
    """Reads one transcript: ``batches()`` once; then ``report`` is complete."""

    def __init__(
        self,
        blocks: Iterable[bytes],
        report: InputReport,
        parser: str | None = None,
        *,
        tz: tzinfo = UTC,
        year: int | None = None,
    ) -> None:
        """``parser`` forces a format; ``tz`` and ``year`` complete stamps that lack them."""
        self.report = report
        #: Not yet of the report: they may quote what a client sent to log in.
        self._examples: list[str] = []
        self._parser = parser
        self._blocks = blocks
        self._tz, self._year = tz, year
        self._secrets: set[str] = set()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The replies, in the columns of ``logscan.schema.SCHEMA``; ``cause`` is left null."""
        blocks = iter(self._blocks)
        head = b""
        for block in blocks:
            head += block
            if len(head) >= HEAD_SIZE:
                break
        choice = choose(list(LineReader([head[:HEAD_SIZE]])), self._parser)
        blocks = chain([head], blocks)
        if choice is None:
            self.report.reason = "no transcript format fits"
        else:
            self.report.parser, self.report.reason = choice.form.name, choice.reason
        if choice is not None and choice.form.frame == "exchange" and not choice.wrappers and b"\n" in head:
            yield from self._columns(ExchangeReader(blocks, self.report.source, choice.form.name))
        else:
            yield from self._lines(LineReader(blocks), choice)

    def _columns(self, reader: ExchangeReader) -> Iterator[pa.RecordBatch]:
        yield from reader.batches()
        report = self.report
        report.lines, report.unparsed = reader.lines, reader.unparsed
        report.understood = reader.lines - reader.unparsed
        report.examples = reader.examples
        if reader.unparsed:
            report.warnings.append(f"lines that are damaged or cut off: {reader.unparsed}")

    def _lines(self, reader: LineReader, choice: Choice | None) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[str, Found]] = []
        for row in self._rows(reader, choice):
            rows.append(row)
            if len(rows) >= _BATCH_ROWS:
                yield to_batch(rows, self.report.source)
                rows = []
        if rows:
            yield to_batch(rows, self.report.source)
        self._close(reader)

    def _rows(self, lines: LineReader, choice: Choice | None) -> Iterator[tuple[str, Found]]:
        if choice is None:
            for line in lines:
                self._count(line, False)
            return
        switchboard = None if self._parser else Switchboard()
        conversation = self._converse(choice)
        for raw in lines:
            line = Line(raw.number, strip_wrappers(raw.text, choice.wrappers))
            in_body = conversation.in_body
            found = conversation.line(line)
            if switchboard is not None and not conversation.certain and not in_body:
                other = switchboard.other_format(line.text, choice.form)
                if other is not None:
                    found = [*found, *self._end(conversation)]
                    yield from ((choice.form.name, one) for one in found)
                    choice = Choice(other, choice.wrappers, "")
                    conversation = self._converse(choice)
                    found = conversation.line(line)
            yield from ((choice.form.name, one) for one in found)
            self._count(line, conversation.understood)
            if line.number % 1000 == 0:
                yield from ((choice.form.name, one) for one in conversation.evict())
        yield from ((choice.form.name, one) for one in self._end(conversation))

    def _converse(self, choice: Choice) -> Conversation:
        return Conversation(choice.form, stamp_reader(choice.form.time, self._tz, self._year))

    def _end(self, conversation: Conversation) -> list[Found]:
        found = list(conversation.finish())
        self._secrets |= conversation.secrets
        if conversation.broken_off:
            self.report.warnings.append(f"replies that break off in the middle: {conversation.broken_off}")
        return found

    def _count(self, line: Line, understood: bool) -> None:
        self.report.lines = max(self.report.lines, line.number)
        if understood:
            self.report.understood += 1
        else:
            self.report.other += 1
            if len(self._examples) < MOST_EXAMPLES and line.text.strip():
                self._examples.append(line.text[:300])

    def _close(self, reader: LineReader) -> None:
        self.report.examples = [
            example for example in self._examples if not any(secret in example for secret in self._secrets)
        ]
        if reader.cut:
            self.report.warnings.append(f"lines longer than {LONGEST_LINE} bytes, cut: {reader.cut}")


def stamp_reader(form: str | None, tz: tzinfo, year: int | None) -> Callable[[str], datetime | None]:
    """A function that reads stamps of one ``strptime`` format; what cannot be read has no time."""

    @lru_cache(maxsize=64)
    def read(stamp: str) -> datetime | None:
        if form is None:
            return None
        try:
            if form == "iso":
                time = datetime.fromisoformat(stamp.replace("/", "-"))
            elif "%Y" not in form and "%y" not in form:
                if year is None or "%d" not in form:
                    return None
                time = datetime.strptime(f"{year} {stamp}", f"%Y {form}")
            else:
                time = datetime.strptime(stamp, form)
        except ValueError:
            return None
        return time if time.tzinfo is not None else time.replace(tzinfo=tz)

    return read


def to_batch(rows: list[tuple[str, Found]], source: str) -> pa.RecordBatch:
    """Replies as one record batch in the columns of ``SCHEMA``, in the order of their lines."""
    rows = sorted(rows, key=lambda row: row[1].answer.line)
    size = len(rows)
    answers = [found.answer for _, found in rows]
    columns: dict[str, list[object]] = {
        "time": [found.time for _, found in rows],
        "parser": [name for name, _ in rows],
        "direction": [found.direction for _, found in rows],
        "session": [found.session for _, found in rows],
        "command": [answer.command for answer in answers],
        "code": [answer.reply.code for answer in answers],
        "enhanced": [answer.reply.enhanced for answer in answers],
        "text": [answer.reply.text for answer in answers],
        "basis": ["logged"] * size,
        "rule": [found.rule for _, found in rows],
        "count": [1] * size,
        "status": [_status(found) for _, found in rows],
        "peer_name": [found.peer.name for _, found in rows],
        "peer_ip": [found.peer.ip for _, found in rows],
        "peer_port": [found.peer.port for _, found in rows],
        "sender": [answer.sender for answer in answers],
        "recipient": [answer.recipient for answer in answers],
        "helo": [answer.helo for answer in answers],
        "source": [source] * size,
        "line": [answer.line for answer in answers],
    }
    arrays = []
    for column in SCHEMA:
        values = columns.get(column.name)
        if values is None:
            arrays.append(pa.nulls(size, column.type))
        elif pa.types.is_dictionary(column.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(column.type))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _status(found: Found) -> str | None:
    return "rejected" if found.direction == "inbound" and (found.answer.reply.code or 0) >= 400 else None
