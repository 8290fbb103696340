"""What is to be read of each log: its new lines and, before them, enough of the old ones for context."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from logscan.errors import UnreadableInput
from logscan.history.fingerprints import SPAN, Likeness, beginning_of, best_match, checksum, head_of
from logscan.history.journals import JournalPortion, journal_portion
from logscan.history.manifest import KnownJournal, KnownLog
from logscan.reading.compression import MAGIC_LENGTH, is_compressed
from logscan.reading.datasets import PARQUET_MAGIC
from logscan.reading.inputs import Source, stream_source
from logscan.reading.lines import encoding_of
from logscan.reading.rotation import RotatedName

#: So many bytes before the new lines are read again: some 250,000 lines, as much as the passes remember at all.
CONTEXT = 32 << 20


@dataclass(slots=True, eq=False)
class Portion:
    """One log file, held open: what is known of it, and from where on it is read.

    ``cut`` is where its new lines begin. What passes ``tap`` is counted: ``context_lines`` (None until all of them
    have passed), ``new_lines``, and ``taken``, the bytes up to the end of the last whole line.
    """

    source: Source
    head: bytes
    status: tuple[int, ...]
    compressed: bool
    known: KnownLog | None
    is_new: bool
    taken: int = 0
    context_lines: int | None = None
    new_lines: int = 0
    unfinished: bool = False
    _position: int = 0
    _end: bytes = field(default=b"", repr=False)

    @property
    def cut(self) -> int:
        """Where the new lines begin."""
        return self.known.taken if self.known else 0

    @property
    def size(self) -> int:
        """The file's size as it was found; what is added meanwhile is for the next time."""
        return self.status[2]

    def reading(self, start: int) -> Source:
        """The source to be read from byte ``start`` on."""
        size = self.size if self.compressed else self.size - start
        return replace(self.source, size=size, start=start, tap=lambda pieces: self._tap(start, pieces))

    @property
    def remarks(self) -> list[str]:
        """What is odd about what was read."""
        return ["the last line has not ended yet; it is left for later"] if self.unfinished else []

    def as_seen(self, today: date) -> KnownLog | None:
        """What is known of the log if nothing is new in it."""
        return self.known and replace(
            self.known, path=os.path.abspath(self.source.name), status=self.status, seen=str(today)
        )

    def as_known(self, today: date) -> KnownLog | None:
        """What is known of the log after it was read; None if no line of it has ended yet."""
        if not self.taken:
            return None
        complete = self.compressed or self._position >= self.size
        return KnownLog(
            path=os.path.abspath(self.source.name),
            taken=self.taken,
            lines=(self.known.lines if self.known else 0) + self.new_lines,
            beginning=beginning_of(self.head, self.taken),
            end=checksum(self._end[-SPAN:]),
            status=self.status if complete else None,
            seen=str(today),
        )

    def _tap(self, start: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
        self._position, self.taken, context_lines = start, self.cut, 0
        waiting = b""  # a line that has not ended yet
        for piece in pieces:
            if not self.compressed:
                piece = piece[: self.size - self._position]
            if not piece:
                break
            old = piece[: max(0, self.cut - self._position)]
            self._position += len(piece)
            if old:
                context_lines += old.count(b"\n")
                yield self._passed(old)
            if self._position >= self.cut:
                self.context_lines = context_lines
            new = waiting + piece[len(old) :] if waiting else piece[len(old) :]
            whole = new.rfind(b"\n") + 1
            waiting = new[whole:]
            if whole and self.is_new:
                yield self._taken(new[:whole])
        if waiting and self.is_new:
            if self.compressed:  # nobody will add to it
                yield self._taken(waiting)
                self.new_lines += 1
            else:
                self.unfinished = True

    def _taken(self, text: bytes) -> bytes:
        self.taken += len(text)
        self.new_lines += text.count(b"\n")
        return self._passed(text)

    def _passed(self, text: bytes) -> bytes:
        self._end = text[-SPAN:] if len(text) >= SPAN else (self._end + text)[-SPAN:]
        return text


@dataclass(slots=True)
class Plan:
    """What to read, in order; ``unchanged`` are the logs that have nothing new, ``problems`` a line for each other."""

    sources: list[tuple[Portion | JournalPortion, Source]] = field(default_factory=list)
    unchanged: list[Portion | JournalPortion] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan(sources: Sequence[Source], known: Sequence[KnownLog | KnownJournal], stack: ExitStack) -> Plan:
    """Find out what is new in the logs; files stay open until ``stack`` closes, whatever happens to their names.

    If anything is new in files, the latest lines of every one come along, since one log may go on in another.
    """
    result = Plan()
    logs = [log for log in known if isinstance(log, KnownLog)]
    journals = [journal for journal in known if isinstance(journal, KnownJournal)]
    portions: list[Portion] = []
    # Exim writes a line to its mainlog first and then to the rejectlog. Whoever looks at the rejectlog first will
    # find in the mainlog what he found there.
    for source in reversed(sources):
        try:
            if source.command is not None:
                journal = journal_portion(source, source.command, journals)
                if journal.is_new:
                    result.sources.append((journal, journal.reading()))
                else:
                    result.unchanged.append(journal)
            elif (portion := _portion(source, logs, stack)) is not None:
                portions.insert(0, portion)
        except UnreadableInput as error:
            result.problems.append(str(error))
    result.unchanged += [portion for portion in portions if portion.known and not portion.is_new]
    if any(portion.is_new for portion in portions):
        for _, family in groupby(portions, lambda portion: RotatedName.of(portion.source.name).log):
            result.sources += _with_context(list(family))
    return result


def _with_context(family: Sequence[Portion]) -> list[tuple[Portion, Source]]:
    """The files of one log, oldest first, with as much of the old lines as is wanted before the new ones."""
    chosen: list[tuple[Portion, Source]] = []
    wanted = CONTEXT
    for portion in reversed(family):
        wanted = CONTEXT if portion.is_new else wanted
        start = max(0, portion.cut - wanted)
        if portion.is_new or wanted:
            chosen.append((portion, portion.reading(start)))
        wanted -= portion.cut - start
    return chosen[::-1]


def _portion(source: Source, logs: Sequence[KnownLog], stack: ExitStack) -> Portion | None:
    """One file, looked at; None if it is empty, or a beginning of what another name had already."""
    magic = source.magic(MAGIC_LENGTH)
    name = source.name
    if source.identity is None:
        raise UnreadableInput(
            f"{name}: no file, so what is new in it cannot be told; ingest reads files, and this machine's journal"
        )
    if magic.startswith(PARQUET_MAGIC):
        raise UnreadableInput(f"{name}: a table, not a log; report reads it as it is")
    try:
        stream = stack.enter_context(open(name, "rb", buffering=0))  # noqa: SIM115  the stack closes it
    except OSError as error:
        raise UnreadableInput(f"{name}: {error.strerror}") from error
    source = replace(source, opener=stream_source(stream, name).opener)
    found = os.fstat(stream.fileno())
    status = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return None
    head = head_of(source)
    compressed = is_compressed(magic)
    same = next((log for log in logs if log.status == status), None)
    if same is not None and beginning_of(head, same.taken) == same.beginning:
        return Portion(source, head, status, compressed, same, is_new=False)
    if encoding_of(head) != "utf-8":
        raise UnreadableInput(
            f"{name}: UTF-16; convert it to UTF-8 to have it ingested, as by iconv -f UTF-16"
        )
    likeness, known = best_match(source, head, logs)
    if known is not None and likeness is not Likeness.SAME:
        if likeness is Likeness.SHORTER and os.path.abspath(name) != known.path:
            return None
        raise UnreadableInput(f"{name}: {_changed(likeness, known)}; nothing was read from it")
    taken = known.taken if known else 0
    is_new = any(source.contents(taken, 1)) if compressed else found.st_size > taken
    return Portion(source, head, status, compressed, known, is_new)


def _changed(likeness: Likeness, known: KnownLog) -> str:
    taken = f"the {known.taken:,} bytes that were read of it"
    if likeness is Likeness.SHORTER:
        return f"the log shrank: it is shorter than {taken}"
    return f"the log was changed: it begins like {taken}, and then differs"
