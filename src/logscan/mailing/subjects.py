"""The finding in a subject line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from logscan.flagging.findings import Flag, Peer, Spike, Steady
from logscan.known_peers import KnownPeers
from logscan.rendering.phrases import code_and_cause, labelled, plural, span

if TYPE_CHECKING:
    from logscan.reporting import Report, Window

# What host names and addresses consist of. Nothing else gets from a log into a header: no line end, and no
# beginning of an encoded word (RFC 2047), which the reader's program would decode.
_FOREIGN = re.compile(r"[^\w.:\[\]-]", re.ASCII)
_LONGEST_NAME = 60

# Labels that are more than this are left out.
_PLAIN = re.compile(r"[\w ,.:-]{,60}", re.ASCII)


def subject(report: Report) -> str:
    """One ASCII line: which host and day, and the weightiest finding; times in the report's zone.

    Spikes weigh more than 421 all the time, and this more than rejected commands; greylisting, which is meant, less
    than other spikes; and of equal ones the one with the most replies weighs most.
    ``all clear`` is said only of a log that holds replies and was read in full.
    """
    zone = ZoneInfo(report.tz)
    hosts = report.summary.hosts
    others = f" +{len(hosts) - 1}" if len(hosts) > 1 else ""
    about = f"{_name(hosts[0])}{others}" if hosts else "mail log"
    return f"[logscan] {about} {_days(report.window, zone)}".rstrip() + f": {_found(report, zone)}"


def is_clear(report: Report) -> bool:
    """Whether there is nothing to look at: replies, no finding, and every input was read."""
    return bool(report.summary.replies) and not report.flags and not _unread(report)


def _found(report: Report, zone: ZoneInfo) -> str:
    day = report.window.start if report.window.within_a_day(zone) else None
    parts = []
    if report.flags:
        parts.append(_in_short(max(report.flags, key=_weight), zone, day, report.known))
        if len(report.flags) > 1:
            parts.append(f"+{len(report.flags) - 1} more")
    elif is_clear(report):
        parts.append("all clear")
    else:
        parts.append("nothing found" if report.summary.replies else "no replies")
    if unread := _unread(report):
        parts.append(f"{plural(unread, 'input')} not read")
    return ", ".join(parts)


def _unread(report: Report) -> int:
    return sum(source.error is not None for source in report.inputs)


def _weight(flag: Flag) -> tuple[int, bool, int]:
    if isinstance(flag, Spike):
        return 2, flag.cause != "greylisting", flag.count
    return int(isinstance(flag, Steady)), False, flag.count


def _in_short(flag: Flag, zone: ZoneInfo, day: datetime | None, known: KnownPeers) -> str:
    when = span(flag.start, flag.end, zone, day=day)
    is_inbound = flag.direction == "inbound"
    if isinstance(flag, Spike):
        peers = _peers(flag.peers, flag.distinct_peers, known, flag.single_peer)
        whom = f"{'to' if is_inbound else 'from'} {peers}"
        return f"{code_and_cause(flag.code, flag.cause)} {when} {whom}, {_harm(flag)}"
    if isinstance(flag, Steady):
        whom = f"{'to' if is_inbound else 'from'} {_peers(flag.peers, flag.distinct_peers, known)}"
        replies = plural(flag.count, "reply", "replies")
        return f"{code_and_cause(flag.code, flag.cause)} all the time {whom}, {replies}"
    # Here it is the command that comes from them.
    whom = f"{'from' if is_inbound else 'by'} {_peers(flag.peers, flag.distinct_peers, known)}"
    command = _name(flag.command or "commands")
    return f"{flag.code} {command} rejected {when} {whom}, {plural(flag.count, 'reply', 'replies')}"


def _harm(flag: Spike) -> str:
    """What it did to mail, as far as the log tells; else only how many replies there were."""
    if flag.direction == "inbound":
        return f"{flag.count:,} refused"
    if flag.outcome.messages and flag.code is not None and flag.code < 500:
        return f"{flag.outcome.messages:,} deferred"
    if flag.outcome.bounced:
        return f"{flag.outcome.bounced:,} bounced"
    return plural(flag.count, "reply", "replies")


def _peers(peers: Sequence[Peer], distinct: int, known: KnownPeers, is_one: bool = False) -> str:
    if peers and (is_one or distinct == 1):
        first = peers[0]
        name = _name(first.ip or "unknown" if first.name in (None, "unknown") else first.name or "")
        label = known.label(first.ip, first.name)
        return labelled(name, label if _PLAIN.fullmatch(label) else "")
    return plural(distinct, "peer")


def _days(window: Window, zone: ZoneInfo) -> str:
    if window.start is None or window.end is None:
        return ""
    first = window.start.astimezone(zone)
    last = max(window.end.astimezone(zone) - timedelta(microseconds=1), first)
    return _day(first) if first.date() == last.date() else f"{_day(first)} - {_day(last)}"


def _day(time: datetime) -> str:
    return f"{time:%a} {time.day} {time:%b}"


def _name(text: str) -> str:
    return _FOREIGN.sub("?", text[:_LONGEST_NAME]) or "?"
