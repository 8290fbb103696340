"""What the named groups of a pattern tell of a line: the other end, the direction, a command, a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from logscan.replies import Reply, split_reply
from logscan.transcripts.escapes import unescape

Groups = Mapping[str, str | None]

_ADDRESS = re.compile(r"[0-9.]{7,15}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]+")


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end, as far as the transcript names it."""

    name: str | None = None
    ip: str | None = None
    port: int | None = None


def peer_from(groups: Groups) -> Peer | None:
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


def told_direction(groups: Groups) -> str | None:
    """The direction that a pattern tells by a group ``received`` or ``sent``."""
    if groups.get("received") is not None:
        return "inbound"
    return "outbound" if groups.get("sent") is not None else None


def told_command(groups: Groups) -> str | None:
    """A command that a pattern names by a group in capitals, such as ``(?P<RCPT>…)``."""
    return next((name for name, value in groups.items() if name.isupper() and value is not None), None)


def told_reply(groups: Groups, escapes: Sequence[str]) -> Reply:
    """The reply of the groups ``code`` and ``text``; its code is null where they hold none."""
    text = "\n".join(unescape(groups.get("text") or "", escapes))
    return split_reply(f"{groups['code']} {text}" if groups.get("code") else text)
