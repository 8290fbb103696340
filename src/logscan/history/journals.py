"""What is to be read of this machine's journal: its new entries and, before them, old ones for context."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice

from logscan.errors import UnreadableInput
from logscan.history.fingerprints import checksum
from logscan.history.manifest import KnownJournal
from logscan.reading.compression import Raw
from logscan.reading.inputs import Source
from logscan.reading.journal import cursor_of, entries, reader, time_of, without_place
from logscan.reading.places import machine_id

#: So many entries before the new ones are read again: as many as there are lines in what is read again of files.
CONTEXT = 250_000
#: From one mark to the next it is so many entries.
STEP = 25_000


@dataclass(slots=True, eq=False)
class JournalPortion:
    """This machine's journal: what is known of it, and the ``newest`` entry (its cursor) when it was looked at.

    What is added meanwhile is for the next time. As it is read, entries are counted: ``context_lines`` (None until
    all of them have passed) and ``new_lines``.
    """

    source: Source
    command: tuple[str, ...]
    machine: str
    newest: str
    known: KnownJournal | None
    context_lines: int | None = None
    new_lines: int = 0
    _marks: list[tuple[str, int]] = field(default_factory=list, repr=False)
    _last: bytes = field(default=b"", repr=False)
    _after_gap: bytes | None = field(default=None, repr=False)

    @property
    def is_new(self) -> bool:
        """Whether there are entries that were not taken yet."""
        return self.known is None or self.known.cursor != self.newest

    @property
    def remarks(self) -> list[str]:
        """What is odd about what was read."""
        if self._after_gap is None or self.known is None:
            return []
        last = datetime.fromisoformat(self.known.time) if self.known.time else None
        following = (
            f"reading went on at {_shown(time_of(self._after_gap))}" if self._after_gap else "none follows"
        )
        return [
            f"the last entry that was read ({_shown(last)}) is no longer there, and others may be missing; {following}"
        ]

    def reading(self) -> Source:
        """The source of context and new entries."""
        return replace(self.source, opener=self._opened)

    def as_seen(self, today: date) -> KnownJournal | None:
        """What is known of the journal if nothing is new in it."""
        return self.known and replace(self.known, seen=str(today))

    def as_known(self, today: date) -> KnownJournal | None:
        """What is known of the journal after it was read; None if it had no entry."""
        if not self._last:
            return self.as_seen(today)
        time = time_of(self._last)
        lines = self._lines_before + self.new_lines
        return KnownJournal(
            machine=self.machine,
            cursor=cursor_of(self._last),
            entry=checksum(without_place(self._last)),
            time=time.isoformat() if time else None,
            lines=lines,
            marks=_wanted(self._marks, lines),
            seen=str(today),
        )

    @property
    def _lines_before(self) -> int:
        return self.known.lines if self.known else 0

    @contextmanager
    def _opened(self, _: bool) -> Iterator[Raw]:
        with closing(self._entries()) as lines:
            yield Raw(reader(lines), None)

    def _entries(self) -> Generator[bytes, None, None]:
        """Context and new entries; counted anew each time."""
        known = self.known
        self.context_lines, self.new_lines = None, 0
        self._marks, self._last, self._after_gap = list(known.marks) if known else [], b"", None
        with closing(entries(self.command, known.cursor if known else None)) as new:
            first = next(new, b"")
            context = 0
            if known and checksum(without_place(first)) == known.entry:
                for line in self._context(known, cursor_of(first)):
                    context += 1
                    yield line
                first = next(new, b"")
            elif known:
                self._after_gap = first
            self.context_lines = context
            line = first
            while line:
                yield self._taken(line)
                line = next(new, b"") if cursor_of(line) != self.newest else b""

    def _context(self, known: KnownJournal, last: str) -> Iterator[bytes]:
        """As many of the entries up to the one with the cursor ``last`` as are wanted and can be had."""
        start, number = known.marks[0]
        with suppress(OSError), closing(entries(self.command, start)) as old:
            for line in islice(old, known.lines - number + 1):
                yield line
                if cursor_of(line) == last:
                    return

    def _taken(self, line: bytes) -> bytes:
        number = self._lines_before + self.new_lines
        if number % STEP == 0:
            self._marks.append((cursor_of(line), number + 1))
        self.new_lines += 1
        self._last = line
        return line


def journal_portion(
    source: Source, command: tuple[str, ...], journals: Sequence[KnownJournal]
) -> JournalPortion:
    """This machine's journal, looked at; raises UnreadableInput if it has no entry that could be found again."""
    machine = machine_id()
    known = next((journal for journal in journals if journal.machine == machine), None)
    try:
        with closing(entries((*command, "--lines=1"))) as lines:
            newest = cursor_of(next(lines, b""))
    except OSError as error:
        raise UnreadableInput(f"{source.name}: {error.strerror or error}") from error
    if not newest:
        raise UnreadableInput(f"{source.name}: its last entry has no cursor, so what is new cannot be told")
    return JournalPortion(source, command, machine, newest, known)


def _wanted(marks: Sequence[tuple[str, int]], lines: int) -> tuple[tuple[str, int], ...]:
    """The latest mark that has enough entries behind it for context, and those after it."""
    far = [place for place, (_, number) in enumerate(marks) if number <= lines - CONTEXT + 1]
    return tuple(marks[far[-1] if far else 0 :])


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "without a time"
