"""From the refusals of an episode to what a spike tells: when, how many, why, who, and what became of the mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, starmap

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.cause_rules import UNKNOWN
from logscan.flagging.baseline import DAY, HOUR, MINUTE, SECOND, Ints
from logscan.flagging.contexts import Context, cause_by_context
from logscan.flagging.deliveries import Messages, follow
from logscan.flagging.findings import FlagOptions, Outcome, Peak, Spike
from logscan.flagging.negatives import Negatives, parties
from logscan.flagging.portraits import moment, peers_of, seconds_around, totals_of
from logscan.tally import coded

#: One peer with this share of the replies is the spike's only one.
_SINGLE = 0.8
#: A cause told by fewer of the replies than this does not speak for those that tell none.
_TELLING = 0.25
#: An incident may pause for such a part of its length.
_PAUSE = 0.5
#: Widths of the bins in which the peak is sought; an episode is cut into no more bins than this.
_PEAK_WIDTHS = (SECOND, 10 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, DAY)
_PEAK_BINS = 60
#: A silence of so many times the usual gap between two replies ends a spike.
_SILENCE = 3


@dataclass(frozen=True, slots=True)
class Episode:
    """The numbers of its refusals in order of time, and how many the rest of the log lets expect."""

    rows: Ints
    expected: float


def merge(episodes: Iterable[Episode], refused: Negatives) -> list[Episode]:
    """The episodes in order of time, those that are pieces of one incident put together."""
    merged: list[tuple[Episode, Negatives]] = []
    for episode in sorted(episodes, key=lambda episode: tuple(episode.rows[[0, -1]])):
        members = refused.where(episode.rows)
        for place, (other, others) in enumerate(merged):
            if _same_incident(others, members):
                rows = np.union1d(other.rows, episode.rows)
                merged[place] = Episode(rows, other.expected + episode.expected), refused.where(rows)
                break
        else:
            merged.append((episode, members))
    return [episode for episode, _ in merged]


def _same_incident(one: Negatives, other: Negatives) -> bool:
    """Whether both happen at about the same time and in one direction, for one cause or with one single peer."""
    gap = max(one.time[0], other.time[0]) - min(one.time[-1], other.time[-1])
    if gap > _PAUSE * max(one.time[-1] - one.time[0], other.time[-1] - other.time[0]):
        return False
    if (one.direction.codes[0], one.family[0]) != (other.direction.codes[0], other.family[0]):
        return False
    if _kind(one) == _kind(other):
        return True
    (first, share), (second, other_share) = _heaviest_party(one), _heaviest_party(other)
    return first == second and min(share, other_share) >= _SINGLE


def _kind(refused: Negatives) -> tuple[str, int | None]:
    """The cause, and if it is unknown the code."""
    cause = _dominant(totals_of(refused.cause, refused.count))
    return cause, int(np.bincount(refused.code).argmax()) if cause == UNKNOWN else None


def describe(episodes: Sequence[Episode], refused: Negatives, options: FlagOptions) -> list[Spike]:
    """What each episode is; ``refused`` holds all refusals of the log."""
    if not episodes:
        return []
    surroundings = _Surroundings(refused)
    messages = follow(refused.where(np.concatenate([episode.rows for episode in episodes])))
    bounds = np.cumsum([0, *(len(episode.rows) for episode in episodes)])
    spikes = [
        _describe(refused.where(episode.rows), episode.expected, messages.where(part), surroundings, options)
        for episode, part in zip(episodes, starmap(slice, pairwise(bounds.tolist())), strict=True)
    ]
    return sorted(
        spikes, key=lambda spike: (spike.start, spike.direction or "", spike.code or 0, spike.cause)
    )


def _describe(
    refused: Negatives, expected: float, messages: Messages, log: _Surroundings, options: FlagOptions
) -> Spike:
    """``refused`` and ``messages`` hold the refusals of the episode alone."""
    start, end = seconds_around(refused)
    count = int(refused.count.sum())
    codes = totals_of(coded(pa.array(refused.code, mask=refused.code == 0)), refused.count)
    causes = totals_of(refused.cause, refused.count)
    peers, distinct = peers_of(refused, options.peers)
    single = _heaviest_party(refused)[1] >= _SINGLE
    outcome = _outcome(refused, messages)
    cause, reason = _dominant(causes), None
    inside, outside = log.shares(refused, cause, start, end)
    if cause == UNKNOWN:
        context = Context(
            code=next(iter(codes), None),
            direction=refused.way,
            commands={
                name: total / count
                for name, total in totals_of(refused.column("command"), refused.count).items()
            },
            single=single,
            came_back=outcome.delivered_later / max(outcome.messages, 1),
            median_delay_s=outcome.median_delay_s,
            accepted=log.accepted(refused, start, end),
        )
        cause, reason = cause_by_context(context) or (cause, None)
    return Spike(
        code=next(iter(codes), None),
        direction=refused.way,
        cause=cause,
        start=moment(start),
        end=moment(end),
        count=count,
        expected=expected,
        peak=_peak(refused, start, end),
        share_inside=inside,
        share_outside=outside,
        codes=codes,
        causes=causes,
        reason=reason,
        peers=peers,
        distinct_peers=distinct,
        single_peer=single,
        outcome=outcome,
        ongoing=_goes_on(refused, log.end),
    )


class _Surroundings:
    """What an episode is compared with: all replies that were on the wire."""

    def __init__(self, refused: Negatives) -> None:
        log = refused.log
        self._log = log
        self._refused = refused
        rows = np.flatnonzero(log.wire & (log.times >= 0))
        order = np.argsort(log.times[rows], kind="stable")
        self._wire_times = log.times[rows][order]
        self._wire_totals = np.concatenate(([0], np.cumsum(log.counts[rows][order])))
        self.end = int(log.told_times.max())

    def shares(self, episode: Negatives, cause: str, start: int, end: int) -> tuple[float, float]:
        """The episode as a share of all replies in its time, and such replies as a share of all others."""
        low, high = np.searchsorted(self._wire_times, [start, end])
        inside = int(self._wire_totals[high] - self._wire_totals[low])
        others = int(self._wire_totals[-1]) - inside
        everything = self._refused
        alike = (everything.time < start) | (everything.time >= end)
        alike &= everything.direction.codes == episode.direction.codes[0]
        alike &= everything.family == episode.family[0]
        alike &= everything.cause.codes == everything.cause.values.index(cause).as_py()
        return int(episode.count.sum()) / inside, int(everything.count[alike].sum()) / max(others, 1)

    def accepted(self, episode: Negatives, start: int, end: int) -> bool:
        """Whether mail passed meanwhile; of a remote server's episode, at the same addresses."""
        log = self._log
        passed = (log.codes >= 200) & (log.codes < 300) & (log.times >= start) & (log.times < end)
        rows = np.flatnonzero(passed)
        if episode.way != "outbound":
            return len(rows) > 0
        addresses = log.text("peer_ip", rows)
        found = pc.any(pc.is_in(addresses, value_set=episode.column("peer_ip").values))
        return bool(found.as_py())


def _dominant(causes: Mapping[str, int]) -> str:
    """The most frequent cause; one that some of the replies tell speaks for those that tell none."""
    heaviest = next(iter(causes))
    if heaviest == UNKNOWN:
        telling = (cause for cause in causes if cause != heaviest)
        best = next(telling, heaviest)
        return best if causes[best] >= _TELLING * sum(causes.values()) else heaviest
    return heaviest


def _heaviest_party(refused: Negatives) -> tuple[str | None, float]:
    """Who had most of the refusals, and their share: a client, or the servers of a provider."""
    party = parties(refused)
    totals = np.bincount(party.codes + 1, refused.count, len(party.values) + 1)[1:]
    if not totals.any():
        return None, 0.0
    heaviest = int(totals.argmax())
    return party.values[heaviest].as_py(), float(totals[heaviest] / refused.count.sum())


def _peak(refused: Negatives, start: int, end: int) -> Peak:
    width = next((width for width in _PEAK_WIDTHS if end - start <= _PEAK_BINS * width), _PEAK_WIDTHS[-1])
    totals = np.bincount((refused.time - start) // width, refused.count)
    busiest = int(totals.argmax())
    return Peak(moment(start + busiest * width), width // SECOND, int(totals[busiest]))


def _outcome(refused: Negatives, messages: Messages) -> Outcome:
    """What became of the messages, counted from the first refusal of each."""
    rows, _ = messages.firsts()
    accepted = messages.accepted[rows] >= 0
    delays = (messages.accepted[rows] - refused.time[rows])[accepted]
    return Outcome(
        messages=len(rows),
        delivered_later=int(accepted.sum()),
        bounced=int((~accepted & (messages.failed[rows] >= 0)).sum()),
        median_delay_s=round(float(np.median(delays)) / SECOND) if len(delays) else None,
    )


def _goes_on(refused: Negatives, end: int) -> bool:
    """Whether the log ends before a silence that would end the episode."""
    usual_gap = (refused.time[-1] - refused.time[0]) / len(refused)
    return bool(end - refused.time[-1] < _SILENCE * usual_gap)
