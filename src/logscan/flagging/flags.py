"""Flags: what an administrator should look at, found in a replies table."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from logscan.flagging.findings import CommandRejections, Flag, FlagOptions, Outcome, Peak, Peer, Spike, Steady
from logscan.flagging.negatives import Log, Negatives
from logscan.flagging.past import Past
from logscan.flagging.rejections import find_rejections
from logscan.flagging.spikes import find_spikes
from logscan.flagging.steady import find_steady

__all__ = [
    "CommandRejections",
    "Flag",
    "FlagOptions",
    "Outcome",
    "Peak",
    "Peer",
    "Spike",
    "Steady",
    "find_flags",
    "flags_among",
]


def find_flags(
    replies: pa.Table,
    options: FlagOptions = FlagOptions(),  # noqa: B008  frozen
    own: Collection[str] = (),
    past: Past | None = None,
) -> list[Flag]:
    """The flags of a replies table with causes: spikes in order of time, 421 all the time, then rejected commands.

    ``own`` are names and addresses of the site's own relays, which are no scanners. ``past`` is what earlier days
    were like; without it the table itself tells what to expect.
    """
    return flags_among(Negatives.of(Log(replies)), options, own, past)


def flags_among(
    refused: Negatives, options: FlagOptions, own: Collection[str] = (), past: Past | None = None
) -> list[Flag]:
    """The same for the negative replies of a log."""
    spikes = find_spikes(refused, options, past)
    return [*spikes, *find_steady(refused, spikes, options), *find_rejections(refused, options, own)]
