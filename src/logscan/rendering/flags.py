"""A flag in words: what happened, who took part, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from logscan.causes import cause_info
from logscan.flagging.findings import CommandRejections, Flag, Outcome, Peer, Spike, Steady
from logscan.known_peers import KnownPeers
from logscan.rendering.phrases import (
    DIRECTIONS,
    cause_label,
    code_and_cause,
    counted,
    duration,
    labelled,
    listed,
    plural,
    span,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A flag in words: what happened, who took part and how it ended, more of that, and what to do.

    ``code`` is what ``explain`` tells more about.
    """

    title: str
    who: str
    details: tuple[str, ...]
    advice: str
    code: int | str
    direction: str | None

    @property
    def command(self) -> str:
        """The command that tells more."""
        return f"logscan explain {self.code}"


def in_words(
    flag: Flag,
    zone: ZoneInfo,
    day: datetime | None,
    known: KnownPeers = KnownPeers(),  # noqa: B008  frozen
) -> Finding:
    """The flag in words, times in ``zone``, without the date if it is that of ``day``; ``known`` peers by name."""
    when = span(flag.start, flag.end, zone, day=day)
    who = _first_peer(flag.peers, flag.distinct_peers, known)
    if isinstance(flag, Spike):
        info = cause_info(flag.cause)
        title, outcome, course = _spike(flag, when), _outcome(flag.outcome, flag.direction), _course(flag)
    elif isinstance(flag, Steady):
        info = cause_info(flag.cause)
        title, outcome, course = _steady(flag, when), "", ()
    else:
        info = cause_info("command")
        title, outcome, course = _rejections(flag, when), "", ()
    # Against strangers one defends the server; one's own relay can be told to behave, as any client here.
    inbound = flag.direction == "inbound" and not _is_own(flag, known)
    return Finding(
        title=title,
        who=listed((who, outcome)),
        details=tuple(detail for detail in (*course, _peers(flag.peers, known)) if detail not in ("", who)),
        advice=info.advice_inbound if inbound else info.advice_outbound,
        code=flag.code or "4xx",
        direction=flag.direction,
    )


def _spike(flag: Spike, when: str) -> str:
    expected = f"{flag.expected:.1f}".removesuffix(".0") if flag.expected < 10 else f"{flag.expected:,.0f}"
    return (
        f"{code_and_cause(flag.code, flag.cause)} {DIRECTIONS[flag.direction]} {when}, "
        f"{plural(flag.count, 'reply', 'replies')} ({expected} expected)"
        f"{', not over yet' if flag.ongoing else ''}"
    )


def _steady(flag: Steady, when: str) -> str:
    return (
        f"{code_and_cause(flag.code, flag.cause)} {DIRECTIONS[flag.direction]} all the time, {when}, "
        f"{plural(flag.count, 'reply', 'replies')}, {100 * flag.share:.0f} % of all"
    )


def _rejections(flag: CommandRejections, when: str) -> str:
    what = "unknown commands" if flag.command == "UNKNOWN" else flag.command or "commands"
    count = counted(flag.count, flag.count if flag.basis == "inferred" else 0)
    return (
        f"{flag.code} {what} rejected {DIRECTIONS[flag.direction]} {when}, "
        f"{count} {'reply' if flag.count == 1 else 'replies'}, {flag.culprit}"
    )


def _is_own(flag: Flag, known: KnownPeers) -> bool:
    """Whether own relays had at least half of the replies."""
    return 2 * sum(peer.count for peer in flag.peers if known.is_own(peer.ip, peer.name)) >= flag.count


def _first_peer(peers: Sequence[Peer], distinct: int, known: KnownPeers) -> str:
    if not peers:
        return ""
    name, ip = peers[0].name, peers[0].ip
    first = f"{labelled(_known(name) or ip or 'unknown', known.label(ip, name))} {peers[0].count:,}"
    return f"{first}, {distinct - 1:,} more" if distinct > 1 else first


def _peers(peers: Sequence[Peer], known: KnownPeers) -> str:
    def name(peer: Peer) -> str:
        host = _known(peer.name)
        full = f"{host} [{peer.ip}]" if host and peer.ip else host or peer.ip or "unknown"
        return labelled(full, known.label(peer.ip, peer.name))

    return ", ".join(f"{name(peer)} {peer.count:,}" for peer in peers)


def _known(name: str | None) -> str | None:
    return None if name == "unknown" else name


def _outcome(outcome: Outcome, direction: str | None) -> str:
    if not outcome.messages:
        return ""
    verb = "came back" if direction == "inbound" else "delivered later"
    after = "" if outcome.median_delay_s is None else f" ({duration(outcome.median_delay_s)})"
    bounced = f", {outcome.bounced:,} bounced" if outcome.bounced else ""
    return f"{outcome.delivered_later:,} of {outcome.messages:,} {verb}{after}{bounced}"


def _course(flag: Spike) -> tuple[str, ...]:
    """How a spike went, and what it was made of."""
    peak = f"busiest: {flag.peak.count:,} in {duration(flag.peak.seconds)}"
    share = f"{100 * flag.share_inside:.0f} % of all replies then, {100 * flag.share_outside:.1f} % otherwise"
    return listed((peak, share)), _causes(flag.causes), flag.reason or ""


def _causes(causes: Mapping[str, int]) -> str:
    if len(causes) < 2:
        return ""
    return "causes: " + ", ".join(f"{cause_label(cause)} {count:,}" for cause, count in causes.items())
