"""What is remembered while a transcript is read: sessions, and what was printed before."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from logscan.transcripts.dialogue import Answer, Session
from logscan.transcripts.groups import Peer
from logscan.transcripts.lines import Line

CLIENT, SERVER = 0, 1

#: Sessions kept open at once, error lines kept, and lines of which a copy is recognised.
_MOST_SESSIONS = 20_000
_MOST_ERROR_LINES = 10_000
_LONGEST_LOG = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """One reply with its surroundings."""

    answer: Answer
    session: str | None
    direction: str | None
    peer: Peer
    time: datetime | None
    rule: str = "reply"


@dataclass(slots=True)
class Track:
    """What is known of one session besides its state."""

    key: str | None
    session: Session
    swapped: bool | None
    """Whether the client's mark is the server's here; null until that is decided."""
    peer: Peer = field(default_factory=Peer)
    direction: str | None = None
    side: int | None = None
    octets_left: int = 0
    fresh: bool = True
    preamble: bool = False
    row: str = ""
    pieces: dict[int, str] = field(default_factory=dict)
    waiting: list[tuple[int, Line, datetime | None]] = field(default_factory=list)


class Tracks:
    """The sessions that are open, those that spoke last at the end."""

    def __init__(self, new: Callable[[str | None], Track]) -> None:
        """``new`` makes a session about which nothing is known."""
        self._new = new
        self._open: OrderedDict[str | None, Track] = OrderedDict()
        self.current: Track | None = None
        """The session that spoke last."""

    def at(self, key: str | None) -> Track | None:
        """The session of a line: the current one if the line names none."""
        return self._open.get(key) if key is not None else self.current

    def speaking(self, key: str | None) -> Track:
        """The session of this key, new if there is none; it is the current one from now on."""
        track = self._open.get(key)
        if track is None:
            track = self._open[key] = self._new(key)
        self._open.move_to_end(key)
        self.current = track
        return track

    def end(self, key: str | None) -> Track | None:
        """The session of this key, which is not open any more."""
        track = self._open.pop(key, None)
        if track is self.current:
            self.current = None
        return track

    def end_idle(self) -> Iterator[Track]:
        """End those that have been idle longest, so that memory stays bounded."""
        while len(self._open) > _MOST_SESSIONS:
            yield self._open.popitem(last=False)[1]

    def end_all(self) -> Iterator[Track]:
        """End all."""
        yield from self._open.values()
        self._open.clear()
        self.current = None


class ErrorLines:
    """Replies that the tool repeats in messages of its own, for the case that the dialogue does not show them."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: list[tuple[re.Pattern[str], Found]] = []

    def keep(self, kind: re.Pattern[str], found: Found) -> None:
        """Remember what a kind of line repeated."""
        if len(self._kept) < _MOST_ERROR_LINES:
            self._kept.append((kind, found))

    def distinct(self) -> Iterator[Found]:
        """Each reply once: the same words from two kinds of lines are one reply."""
        first: dict[tuple[int | None, str], re.Pattern[str]] = {}
        for kind, found in self._kept:
            key = (found.answer.reply.code, found.answer.reply.text)
            if first.setdefault(key, kind) == kind:
                yield found


class Replay:
    """Recognises the copy of the whole log so far that some tools print with an error.

    Copies may hold copies; each ends where its original stood when it was made.
    """

    def __init__(self) -> None:
        """Start with an empty log."""
        self._log: list[int] = []
        self._open: list[list[int]] = []

    def begin(self) -> None:
        """The tool announces a copy."""
        self._open.append([0, self._open[-1][0] if self._open else len(self._log)])

    def is_copy(self, text: str) -> bool:
        """Whether a marked line belongs to a copy; if not, it is new."""
        while self._open and self._open[-1][0] >= self._open[-1][1]:
            self._open.pop()
        if self._open:
            place = self._open[-1]
            if self._log[place[0]] == hash(text):
                place[0] += 1
                return True
            self._open.clear()
        if len(self._log) < _LONGEST_LOG:
            self._log.append(hash(text))
        return False

    @property
    def active(self) -> bool:
        """Whether a copy is being printed."""
        return any(at < end for at, end in self._open)
