"""What the flags hold: spikes of negative replies, 421 all the time, and commands that were rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from logscan.errors import UsageError


@dataclass(frozen=True, slots=True)
class FlagOptions:
    """When to raise a flag.

    ``significance``: the chance of a false alarm in a series of replies of one kind that holds no spike.
    ``min_count``: a smaller burst is a blip. ``factor``: how many times the expected count a burst must reach.
    ``min_messages``: a burst that comes from fewer messages or sessions is no incident, however many recipients
    a message has. ``peers``: how many peers a flag names. Raises ``UsageError`` if a value makes no sense.
    """

    significance: float = 0.003
    min_count: int = 12
    factor: float = 3.0
    min_messages: int = 3
    peers: int = 10

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 < self.significance < 1:
            raise UsageError(f"significance is a probability between 0 and 1, not {self.significance}")
        for name in ("min_count", "factor", "min_messages", "peers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end, and how many of the flag's replies it had."""

    name: str | None
    ip: str | None
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The peer as in the report's JSON."""
        return {"name": self.name, "ip": self.ip, "count": self.count}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the messages that a spike held up, as far as the log tells.

    A message is one delivery to one recipient: outbound a queue id and recipient, inbound a client's network,
    sender and recipient. ``still_queued`` are those without an end in the log; inbound, these clients did not
    come back. ``median_delay_s`` is from the first refusal in the spike to the acceptance.
    """

    messages: int = 0
    delivered_later: int = 0
    bounced: int = 0
    median_delay_s: int | None = None

    @property
    def still_queued(self) -> int:
        """Messages whose end the log does not tell."""
        return self.messages - self.delivered_later - self.bounced

    def to_dict(self) -> dict[str, Any]:
        """The outcome as in the report's JSON."""
        return {
            "messages": self.messages,
            "delivered_later": self.delivered_later,
            "bounced": self.bounced,
            "still_queued": self.still_queued,
            "median_delay_s": self.median_delay_s,
        }


@dataclass(frozen=True, slots=True)
class Peak:
    """The busiest stretch of a spike: ``count`` replies in the ``seconds`` from ``start`` on."""

    start: datetime
    seconds: int
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The peak as in the report's JSON."""
        return {"start": instant(self.start), "seconds": self.seconds, "count": self.count}


@dataclass(frozen=True, slots=True)
class Spike:
    """Far more negative replies of one kind than before and after.

    ``start`` and ``end`` (excluded) bound the episode, to the second. ``expected`` is what the rest of the log
    lets expect in this time. ``code`` and ``cause`` are the dominant ones of ``codes`` and ``causes``;
    ``reason`` says how the cause was told where the replies themselves do not name it. ``share_inside`` and
    ``share_outside`` compare with all replies. ``peers`` holds the heaviest of ``distinct_peers``;
    ``single_peer``: one peer, or one provider's servers, had at least 80 %. ``ongoing``: the log ends before
    the spike does.
    """

    kind: ClassVar[str] = "spike"

    code: int | None
    direction: str | None
    cause: str
    start: datetime
    end: datetime
    count: int
    expected: float
    peak: Peak
    share_inside: float
    share_outside: float
    codes: Mapping[int, int]
    causes: Mapping[str, int]
    reason: str | None
    peers: tuple[Peer, ...]
    distinct_peers: int
    single_peer: bool
    outcome: Outcome
    ongoing: bool

    def to_dict(self) -> dict[str, Any]:
        """The flag as in the report's JSON."""
        return {
            **_refusals(self),
            "expected": round(self.expected, 1),
            "peak": self.peak.to_dict(),
            "share_inside": round(self.share_inside, 4),
            "share_outside": round(self.share_outside, 4),
            **_peers(self),
            "single_peer": self.single_peer,
            "codes": {str(code): count for code, count in self.codes.items()},
            "causes": dict(self.causes),
            "reason": self.reason,
            "outcome": self.outcome.to_dict(),
            "ongoing": self.ongoing,
        }


@dataclass(frozen=True, slots=True)
class CommandRejections:
    """Replies that refused a command itself: unknown, not implemented, out of order, with bad syntax.

    ``culprit`` says who caused most of them: ``scanner``, ``misconfigured client``, ``remote server`` or ``own relay``.
    ``basis`` is that of most replies; inferred ones stand nowhere in the log.
    """

    kind: ClassVar[str] = "command-rejections"

    code: int
    command: str | None
    direction: str | None
    count: int
    basis: str
    start: datetime
    end: datetime
    culprit: str
    peers: tuple[Peer, ...]
    distinct_peers: int
    causes: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The flag as in the report's JSON."""
        return {
            "kind": self.kind,
            "code": self.code,
            "command": self.command,
            "direction": self.direction,
            "count": self.count,
            "basis": self.basis,
            "start": instant(self.start),
            "end": instant(self.end),
            "culprit": self.culprit,
            **_peers(self),
            "causes": dict(self.causes),
        }


@dataclass(frozen=True, slots=True)
class Steady:
    """421 for most of the log: no peak, but a good part of all that was said.

    ``start`` and ``end`` (excluded) bound the replies, to the second; ``share`` of all replies they were.
    """

    kind: ClassVar[str] = "steady"

    code: int
    direction: str | None
    cause: str
    start: datetime
    end: datetime
    count: int
    share: float
    peers: tuple[Peer, ...]
    distinct_peers: int

    def to_dict(self) -> dict[str, Any]:
        """The flag as in the report's JSON."""
        return {**_refusals(self), "share": round(self.share, 4), **_peers(self)}


Flag = Spike | Steady | CommandRejections


def _refusals(flag: Spike | Steady) -> dict[str, Any]:
    return {
        "kind": flag.kind,
        "code": flag.code,
        "direction": flag.direction,
        "cause": flag.cause,
        "start": instant(flag.start),
        "end": instant(flag.end),
        "count": flag.count,
    }


def _peers(flag: Flag) -> dict[str, Any]:
    return {"peers": [peer.to_dict() for peer in flag.peers], "distinct_peers": flag.distinct_peers}


def instant(time: datetime) -> str:
    """The time in UTC, to the second: ``2026-11-22T14:05:00Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
