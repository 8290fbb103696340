"""What earlier days let expect: how often replies of each kind came at each time of day."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from logscan.cause_rules import UNKNOWN
from logscan.flagging.baseline import DAY, MINUTE, Clock, Floats, Ints, trimmed_mean
from logscan.flagging.bursts import Expectation, dispersion
from logscan.flagging.negatives import Log, Negatives

#: Fewer days tell too little; the log itself then tells what to expect.
FEWEST_DAYS = 3
#: Times of day are told apart by so much; what comes every day may come so many of them earlier or later.
_CELL, _SHIFT = 10 * MINUTE, 3
_CELLS = DAY // _CELL
#: The share of highest counts left out, as those of incidents.
_TRIM = 0.2
#: How much busier or calmer than usual a day is taken to be.
_LEVEL = (0.5, 3.0)
#: A few accepted replies more on both sides keep the level of nearly empty days near one.
_CALM = 10
#: No time of day is thought to expect less when it is told how irregular a kind is.
_FLOOR = 0.5

#: A kind of replies: direction, family, cause, and the code where the words tell no cause.
Kind = tuple[str | None, int, str, int]


class Past:
    """Counts of earlier days (UTC) by kind of reply and time of day, each day added as a replies table with causes."""

    def __init__(self, days: Iterable[pa.Table] = ()) -> None:
        self._days = 0
        self._kinds: dict[Kind, list[tuple[int, Floats]]] = {}
        self._accepted: dict[str | None, list[Floats]] = {}
        for day in days:
            self.add(day)

    def add(self, replies: pa.Table) -> None:
        """Count one day; one without any row tells nothing, since it may just be missing."""
        log = Log(replies)
        if not len(log.told_times):
            return
        refused = Negatives.of(log)
        for kind, rows in kinds_of(refused):
            cells = _by_cell(refused.time[rows], refused.count[rows])
            self._kinds.setdefault(kind, []).append((self._days, cells))
        for direction in ("inbound", "outbound"):
            self._accepted.setdefault(direction, []).append(_accepted(log, direction))
        self._days += 1

    def expectations(self, log: Log, clock: Clock) -> Expectations | None:
        """What to expect of the kinds of a log; None if too few days are known."""
        return Expectations(self, log, clock) if self._days >= FEWEST_DAYS else None

    def table(self, kind: Kind) -> Floats:
        """Events of a kind: a row for each day, a column for each time of day."""
        table = np.zeros((self._days, _CELLS))
        for day, cells in self._kinds.get(kind, ()):
            table[day] = cells
        return table

    def accepted(self, direction: str | None) -> Floats:
        """Accepted replies of a usual day by time of day."""
        mean: Floats = np.mean(self._accepted.get(direction) or [np.zeros(_CELLS)], axis=0)
        return mean


class Expectations:
    """What the past lets expect of one log, at the traffic that this log has."""

    def __init__(self, past: Past, log: Log, clock: Clock) -> None:
        self._past = past
        self._log = log
        self._clock = clock
        self._places = clock.start + (np.arange(clock.bins) + 0.5) * clock.width

    def of(self, kind: Kind) -> Expectation:
        """What to expect of a kind of replies."""
        table = self._past.table(kind)
        usual = _usual(table)
        # What comes every day may come half an hour earlier or later.
        around = np.maximum.reduce([np.roll(usual, shift) for shift in range(-_SHIFT, _SHIFT + 1)])
        level, floored = self._level(kind[0]), np.maximum(usual, _FLOOR)
        return Expectation(
            levels=level * self._per_bin(usual),
            highest=level * self._per_bin(around),
            days=len(table),
            support=float(3 * len(table) * _CELL),
            # That of the day in the middle: one with an incident looks irregular.
            dispersion=float(np.median([dispersion(day, floored, robust=False) for day in table])),
        )

    def _level(self, direction: str | None) -> float:
        """How busy this log is, compared with a usual day at the same hours."""
        usual = self._per_bin(self._past.accepted(direction)).sum()
        return float(np.clip((_accepted(self._log, direction).sum() + _CALM) / (usual + _CALM), *_LEVEL))

    def _per_bin(self, profile: Floats) -> Floats:
        """Events per time of day as events per bin of the clock."""
        at = (np.arange(_CELLS) + 0.5) * _CELL
        levels: Floats = np.interp(self._places % DAY, at, profile, period=DAY)
        return levels * (self._clock.width / _CELL)


def _usual(table: Floats) -> Floats:
    """Events of a usual day by time of day; an incident on one day leaves no trace in it.

    To leave out the highest counts of each time of day takes too much off where there are few; the total of the
    day that is in the middle of all days tells how much.
    """
    near = np.stack([np.roll(trimmed_mean(table.T, _TRIM), shift) for shift in (-1, 0, 1)]).mean(axis=0)
    missing = max(float(np.median(table.sum(axis=1))) - near.sum(), 0.0)
    usual: Floats = near + missing / _CELLS
    return usual


def kinds_of(refused: Negatives) -> list[tuple[Kind, Ints]]:
    """The kinds of the negative replies, and the rows of each."""
    causes, directions = refused.cause.values.to_pylist(), refused.direction.values.to_pylist()
    unknown = refused.cause.codes == (causes.index(UNKNOWN) if UNKNOWN in causes else -2)
    code = np.where(unknown, refused.code, 0)
    key = (
        (refused.direction.codes.astype(np.int64) + 1) * (len(causes) + 1) + refused.cause.codes + 1
    ) * 10_000
    _, first, number = np.unique(key + 10 * code + refused.family, return_index=True, return_inverse=True)
    order = np.argsort(number, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(number))[:-1]) if len(order) else []
    return [
        (
            (
                directions[refused.direction.codes[row]] if refused.direction.codes[row] >= 0 else None,
                int(refused.family[row]),
                causes[refused.cause.codes[row]],
                int(code[row]),
            ),
            rows,
        )
        for row, rows in zip(first.tolist(), groups, strict=True)
    ]


def _accepted(log: Log, direction: str | None) -> Floats:
    accepted = (log.codes >= 200) & (log.codes < 400) & log.wire & (log.times >= 0)
    if direction is not None:
        accepted &= log.holds("direction", direction)
    times = log.times[accepted]
    return _by_cell(times, np.ones(len(times), np.int64))


def _by_cell(times: Ints, weights: Ints) -> Floats:
    """Events by time of day (UTC)."""
    cells: Floats = np.bincount(times % DAY // _CELL, weights, _CELLS).astype(np.float64)
    return cells
