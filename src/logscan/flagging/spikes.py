"""Finds spikes: episodes with far more negative replies of one kind than the rest of the log lets expect.

Each cause of a direction is a series of its own, so that a load spike, a burst of greylisting and a rate limit in
the same hour are three findings. Two kinds of series do not go by cause: what one remote provider answers in many
words, each of them rare, and what is answered in words that tell no cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from logscan.cause_rules import UNKNOWN
from logscan.flagging.baseline import Baseline, Clock, Flags, Floats, Ints
from logscan.flagging.bursts import Expectation, Sensitivity, find_bursts
from logscan.flagging.episodes import Episode, describe, merge
from logscan.flagging.findings import FlagOptions, Spike
from logscan.flagging.negatives import Log, Negatives, is_value, parties
from logscan.flagging.past import Past, kinds_of
from logscan.flagging.portraits import occasions
from logscan.tally import Coded, group

#: Rejected commands are flags of their own kind.
_COMMAND = "command"
#: A series with such a share of one cause is not mixed.
_PURE = 0.8


def find_spikes(refused: Negatives, options: FlagOptions, past: Past | None = None) -> list[Spike]:
    """The spikes among the negative replies of a log, in order of time; ``past`` is what earlier days were like."""
    refused = refused.where(~is_value(refused.cause, _COMMAND))
    if not len(refused):
        return []
    return describe(merge(_Search(refused, options, past).episodes(), refused), refused, options)


class _Search:
    """Looks for episodes, one kind of series after the other; what one explains is no longer in the next."""

    def __init__(self, refused: Negatives, options: FlagOptions, past: Past | None) -> None:
        self._refused = refused
        self._options = options
        self._sensitivity = Sensitivity(options.significance, options.min_count, options.factor)
        self._first, self._weight = _first_refusals(refused)
        self._unexplained = np.ones(len(refused), dtype=np.bool_)
        times = refused.log.told_times
        self._clock = Clock.of(times)
        self._baseline = Baseline(self._clock, times)
        self._traffic = _Traffic(refused.log, self._baseline)
        self._expectations = past.expectations(refused.log, self._clock) if past else None

    def episodes(self) -> list[Episode]:
        """All episodes."""
        refused = self._refused
        known = ~is_value(refused.cause, UNKNOWN)
        code, family = _as_coded(refused.code), _as_coded(refused.family)
        return [
            *self._of_providers(code),
            *map(self._with_unclear, self._of_series(known, [refused.direction, family, refused.cause])),
            *self._of_series(~known, [refused.direction, code]),
        ]

    def _of_providers(self, code: Coded) -> list[Episode]:
        """Incidents that a remote provider answers in several ways."""
        refused = self._refused
        received = np.flatnonzero(is_value(refused.direction, "outbound") & (refused.family == 4))
        party = parties(refused.where(received))
        series = [
            rows for rows in self._series(received, [code.where(received), party]) if self._is_mixed(rows)
        ]
        return self._found_in(series)

    def _of_series(self, chosen: Flags, columns: Sequence[Coded]) -> list[Episode]:
        """The episodes in each series, the chosen replies that agree in ``columns``."""
        rows = np.flatnonzero(chosen & self._unexplained)
        return self._found_in(self._series(rows, [column.where(rows) for column in columns]))

    def _series(self, rows: Ints, columns: Sequence[Coded]) -> list[Ints]:
        """The rows in groups that agree in ``columns``, but for groups too small to hold an episode."""
        series = group(columns, self._refused.count[rows])
        order = np.argsort(series.numbers, kind="stable")
        ends = np.cumsum(np.bincount(series.numbers, minlength=len(series.totals)))
        groups = np.split(rows[order], ends)
        return [groups[number] for number in np.flatnonzero(series.totals >= self._options.min_count)]

    def _is_mixed(self, rows: Ints) -> bool:
        causes = np.bincount(self._refused.cause.codes[rows] + 1)
        return bool(causes.max() <= _PURE * len(rows))

    def _found_in(self, series: Sequence[Ints]) -> list[Episode]:
        found = [episode for rows in series for episode in self._in_series(rows)]
        for episode in found:
            self._unexplained[episode.rows] = False
        return found

    def _in_series(self, rows: Ints) -> Iterator[Episode]:
        """The episodes in one series.

        Retries come back as echoes of a spike and are no new one: bursts are sought among the first refusals of each
        message. But these must stand out from all refusals, lest a queue that is retried all day looks like a
        spike at the start of the log.
        """
        refused = self._refused.where(rows)
        volume = self._traffic.volume(refused.way)
        first = rows[self._first[rows]]
        past = self._by_past(refused)
        bursts = find_bursts(
            self._refused.time[first],
            self._weight[first],
            self._clock,
            self._baseline,
            volume,
            self._sensitivity,
            past,
        )
        if not bursts:
            return
        spans = [(burst.first, burst.last) for burst in bursts]
        expected = (
            past.levels if past else self._baseline.expected(refused.time, refused.count, volume, spans)
        )
        for burst in bursts:
            inside = slice(*np.searchsorted(refused.time, [burst.first, burst.last + 1]))
            members = refused.where(inside)
            normal = self._clock.between(expected, burst.first, burst.last)
            if (
                members.count.sum() >= self._options.factor * normal
                and occasions(members) >= self._options.min_messages
            ):
                yield Episode(rows[inside], normal)

    def _by_past(self, series: Negatives) -> Expectation | None:
        """What earlier days let expect of a series, if it is all of one kind."""
        if self._expectations is None:
            return None
        kinds = kinds_of(series)
        return self._expectations.of(kinds[0][0]) if len(kinds) == 1 else None

    def _with_unclear(self, episode: Episode) -> Episode:
        """The episode with what its peers said or were told meanwhile in words that tell no cause."""
        times, rows = self._refused.time, episode.rows
        meanwhile = np.arange(*np.searchsorted(times, [times[rows[0]], times[rows[-1]] + 1]))
        window = self._refused.where(meanwhile)
        unclear = is_value(window.cause, UNKNOWN) & self._unexplained[meanwhile]
        if not unclear.any():
            return episode
        mine = np.isin(meanwhile, rows)
        for column in (window.direction.codes, window.family, window.column("peer_ip").codes):
            unclear &= np.isin(column, column[mine])
        self._unexplained[meanwhile[unclear]] = False
        return Episode(meanwhile[mine | unclear], episode.expected)


class _Traffic:
    """How much mail was accepted over time, by direction."""

    def __init__(self, log: Log, baseline: Baseline) -> None:
        self._log = log
        self._baseline = baseline
        self._volumes: dict[str | None, Floats] = {}

    def volume(self, direction: str | None) -> Floats:
        """The traffic in one direction, as the baseline takes it."""
        if direction not in self._volumes:
            log = self._log
            accepted = (log.codes >= 200) & (log.codes < 400) & log.wire & (log.times >= 0)
            same = accepted & log.holds("direction", *([direction] if direction else []))
            # A server that does not log what it accepts is taken for as busy as the rest of the log.
            self._volumes[direction] = self._baseline.volume(log.times[same if same.any() else accepted])
        return self._volumes[direction]


def _first_refusals(refused: Negatives) -> tuple[Flags, Ints]:
    """Which refusals are the first of their message for their cause, and what each weighs if it is.

    Outbound, a message is a queue id and a recipient; inbound, a client, sender and recipient. A refusal that names
    no message is always a first one, and weighs as much as it stands for.
    """
    first = np.ones(len(refused), dtype=np.bool_)
    weight = refused.count.copy()
    outbound = is_value(refused.direction, "outbound")
    for rows, name, others in (
        (np.flatnonzero(outbound), "queue_id", ("recipient",)),
        (np.flatnonzero(~outbound), "recipient", ("sender", "peer_ip")),
    ):
        part = refused.where(rows)
        key = part.column(name)
        named = np.flatnonzero(key.codes >= 0)
        columns = [key, part.cause, *(part.column(other) for other in others)]
        messages = group([column.where(named) for column in columns], part.count[named])
        first[rows[named]] = False
        first[rows[named[messages.example]]] = True
        weight[rows[named]] = 1
    return first, weight


def _as_coded(numbers: Ints) -> Coded:
    values = np.flatnonzero(np.bincount(numbers))
    return Coded(np.searchsorted(values, numbers).astype(np.int32), pa.array(values))
