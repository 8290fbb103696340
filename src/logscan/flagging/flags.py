"""Flags: what an administrator should look at, found in a replies table."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from logscan.flagging.findings import CommandRejections, Flag, FlagOptions, Outcome, Peak, Peer, Spike
from logscan.flagging.negatives import Log, Negatives
from logscan.flagging.past import Past
from logscan.flagging.rejections import find_rejections
from logscan.flagging.spikes import find_spikes

__all__ = ["CommandRejections", "Flag", "FlagOptions", "Outcome", "Peak", "Peer", "Spike", "find_flags"]


def find_flags(
    replies: pa.Table,
    options: FlagOptions = FlagOptions(),  # noqa: B008  frozen
    own: Collection[str] = (),
    past: Past | None = None,
) -> list[Flag]:
    """The flags of a replies table with causes: spikes in order of time, then rejected commands, most first.

    ``own`` are names and addresses of the site's own relays, which are no scanners. ``past`` is what earlier days
    were like; without it the table itself tells what to expect.
    """
    refused = Negatives.of(Log(replies))
    return [*find_spikes(refused, options, past), *find_rejections(refused, options, own)]
