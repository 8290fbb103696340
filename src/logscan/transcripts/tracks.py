"""What is remembered while a transcript is read: sessions, the other end, and what was printed before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from logscan.transcripts.dialogue import Answer, Session
from logscan.transcripts.lines import Line

CLIENT, SERVER = 0, 1

_LONGEST_LOG = 10_000
_ADDRESS = re.compile(r"[0-9.]{7,15}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]+")


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end, as far as the transcript names it."""

    name: str | None = None
    ip: str | None = None
    port: int | None = None


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
    peer: Peer = Peer()
    direction: str | None = None
    side: int | None = None
    octets_left: int = 0
    fresh: bool = True
    preamble: bool = False
    row: str = ""
    pieces: dict[int, str] = field(default_factory=dict)
    waiting: list[tuple[int, Line, datetime | None]] = field(default_factory=list)


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


def peer_from(groups: Mapping[str, str | None]) -> Peer | None:
    """A peer from the groups ``host``, ``ip`` and ``port``; nothing where a line names none."""
    host, ip, port = groups.get("host"), groups.get("ip"), groups.get("port")
    if not host and not ip:
        return None
    if host and not ip and _ADDRESS.fullmatch(host):
        host, ip = None, host
    if host == "unknown":  # what Postfix writes for a client without a name
        host = None
    number = int(port) if port and port.isdecimal() and len(port) <= 5 else None
    return Peer(host.rstrip(".") if host else None, ip or None, number)
