"""The cause of an episode whose replies do not tell it: from the stage, the peers and what came after.

The reply code itself carries no cause (421 least of all), and one line without a telling text stays unclear. Many
such lines in a short time are less unclear, because causes differ in whom they hit and when in the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: A stage, or an outcome, is that of an episode if it has such a share.
_MOST = 0.7
_HALF = 0.5
#: Greylisting that lets a client in does so on a retry, and no retry comes sooner.
_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of an episode besides its texts.

    ``commands``: share of the replies by command answered. ``single``: one peer had nearly all. ``came_back``: share
    of the messages that were accepted later, after ``median_delay_s``. ``accepted``: whether mail passed meanwhile,
    outbound at these very servers.
    """

    code: int | None
    direction: str | None
    commands: Mapping[str, float]
    single: bool
    came_back: float
    median_delay_s: float | None
    accepted: bool

    def mostly(self, *commands: str) -> bool:
        """Whether most of the replies answer one of these commands."""
        return sum(self.commands.get(command, 0.0) for command in commands) >= _MOST


def cause_by_context(episode: Context) -> tuple[str, str] | None:
    """The cause that the context tells, and how; None if it tells none."""
    for applies, cause, reason in _RULES:
        if applies(episode):
            return cause, reason
    return None


def _in(direction: str, *commands: str) -> Callable[[Context], bool]:
    return lambda episode: episode.direction == direction and episode.mostly(*commands)


_in_greeting = _in("inbound", "CONNECT")
_in_envelope = _in("inbound", "MAIL", "RCPT")
_after_data = _in("inbound", "DATA", "BDAT", "EOD")
_at_their_greeting = _in("outbound", "CONNECT")
_at_their_envelope = _in("outbound", "MAIL", "RCPT")


def _greylisted(episode: Context) -> bool:
    in_time = (episode.median_delay_s or 0) >= _RETRY_SECONDS
    return episode.mostly("RCPT", "DATA", "EOD") and episode.came_back >= _HALF and in_time


_RULES: tuple[tuple[Callable[[Context], bool], str, str], ...] = (
    (
        _greylisted,
        "greylisting",
        "The replies tell no cause; most messages were accepted on a later try.",
    ),
    (
        lambda episode: _in_greeting(episode) and episode.single,
        "connection_limit",
        "The replies tell no cause; one client got them all, in the greeting.",
    ),
    (
        lambda episode: _in_greeting(episode) and episode.accepted,
        "server_load",
        "The replies tell no cause; many clients got them in the greeting while other mail passed.",
    ),
    (
        _in_greeting,
        "maintenance",
        "The replies tell no cause; every client got them in the greeting and no mail passed meanwhile.",
    ),
    (
        lambda episode: _in_envelope(episode) and episode.single,
        "rate_limit",
        "The replies tell no cause; one client got them all, after MAIL or RCPT.",
    ),
    (
        lambda episode: _after_data(episode) and episode.code == 452,
        "storage_full",
        "The replies tell no cause; code 452 once the message was sent points to storage.",
    ),
    (
        lambda episode: _after_data(episode) and not episode.single,
        "scan_failure",
        "The replies tell no cause; all clients got them once the message was sent, where it is scanned.",
    ),
    (
        lambda episode: _at_their_greeting(episode) and episode.single and episode.accepted,
        "connection_limit",
        "The replies tell no cause; the same servers accepted other connections meanwhile.",
    ),
    (
        lambda episode: _at_their_envelope(episode) and episode.single and episode.accepted,
        "rate_limit",
        "The replies tell no cause; the same servers accepted other messages meanwhile.",
    ),
)
