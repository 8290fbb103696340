"""Finds what is refused all the time: 421 without a peak, because it fills most of the log.

A spike stands out from the rest of the log. A server that is short of connections all day has no rest to stand out
from; what tells of it is how much of all that was said it makes up, and that it goes on and on.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from logscan.causes import TAXONOMY
from logscan.flagging.baseline import Flags
from logscan.flagging.findings import FlagOptions, Spike, Steady
from logscan.flagging.negatives import Negatives, is_value
from logscan.flagging.portraits import microseconds, moment, occasions, peers_of, seconds_around
from logscan.tally import group

_CODE = 421
#: Less of all replies is no finding without a peak.
_SHARE = 0.05
#: The log is seen in so many parts, of which more than half must have some.
_PARTS = 12
#: Every server hangs up on clients that are silent or err, and greylisting is meant: neither is an incident.
_USUAL = ("greylisting", *(name for name, cause in TAXONOMY.items() if cause.group == "session"))


def find_steady(refused: Negatives, spikes: Collection[Spike], options: FlagOptions) -> list[Steady]:
    """What was answered 421 for most of the log, by direction and cause, most frequent first; spikes do not count."""
    log = refused.log
    everything = int(log.counts[log.wire].sum())
    refused = refused.where((refused.code == _CODE) & ~is_value(refused.cause, *_USUAL))
    refused = refused.where(~_in_any(refused, spikes))
    if not len(refused):
        return []
    first, last = int(log.told_times.min()), int(log.told_times.max())
    part = (refused.time - first) * _PARTS // (last - first + 1)
    groups = group([refused.direction, refused.cause], refused.count)
    found = []
    for number in np.flatnonzero(groups.totals >= max(options.min_count, _SHARE * everything)):
        rows = np.flatnonzero(groups.numbers == number)
        members = refused.where(rows)
        if 2 * len(np.unique(part[rows])) > _PARTS and occasions(members) >= options.min_messages:
            found.append(_describe(members, everything, options))
    return sorted(found, key=lambda flag: (-flag.count, flag.start))


def _in_any(refused: Negatives, spikes: Collection[Spike]) -> Flags:
    """Which replies a spike holds."""
    inside = np.zeros(len(refused), np.bool_)
    for spike in spikes:
        same = is_value(refused.cause, *spike.causes) & is_value(refused.direction, spike.direction or "")
        start, end = microseconds(spike.start), microseconds(spike.end)
        inside |= same & (refused.time >= start) & (refused.time < end)
    return inside


def _describe(refused: Negatives, everything: int, options: FlagOptions) -> Steady:
    start, end = seconds_around(refused)
    count = int(refused.count.sum())
    peers, distinct = peers_of(refused, options.peers)
    return Steady(
        code=_CODE,
        direction=refused.way,
        cause=refused.cause.at(np.array([0]))[0],
        start=moment(start),
        end=moment(end),
        count=count,
        share=count / everything,
        peers=peers,
        distinct_peers=distinct,
    )
