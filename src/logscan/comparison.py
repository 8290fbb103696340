"""A report's counts beside those of earlier periods of the same length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from logscan.summary import OUTCOMES, Kind

#: So many standard deviations (of counts by chance) a kind of reply must have changed to be worth a line.
_TELLING = 4
#: What is compared, in this order, and what is compared of each refusal.
MEASURES = ("2xx", "3xx", "4xx", "5xx", *OUTCOMES.values())
_FIELDS = ("direction", "code", "enhanced", "cause")

Refusal = tuple[str | None, int | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier period: what it is called, its time (the end excluded), and its counts.

    ``totals`` are replies by class and outcomes by name; ``refusals`` are negative replies by direction, code,
    enhanced code (only where there is no code) and cause.
    """

    label: str
    start: datetime
    end: datetime
    totals: Mapping[str, int]
    refusals: Mapping[Refusal, int]


def earlier(label: str, start: datetime, end: datetime, kinds: Iterable[Kind]) -> Earlier:
    """The counts of an earlier period."""
    kinds = tuple(kinds)
    return Earlier(label, start, end, totals_of(kinds), refusals_of(kinds))


def totals_of(kinds: Iterable[Kind]) -> dict[str, int]:
    """Replies on the wire by class, and outcomes; in the order of MEASURES, only what occurred."""
    sums: Counter[str] = Counter()
    for kind in kinds:
        if kind.on_the_wire:
            sums[f"{kind.code // 100 if kind.code is not None else (kind.enhanced or '?')[0]}xx"] += (
                kind.count
            )
        if kind.outcome:
            sums[kind.outcome] += kind.count
    return {measure: sums[measure] for measure in MEASURES if sums[measure]}


def refusals_of(kinds: Iterable[Kind]) -> dict[Refusal, int]:
    """Negative replies on the wire by direction, code and cause."""
    sums: Counter[Refusal] = Counter()
    for kind in kinds:
        if kind.on_the_wire and kind.negative:
            sums[kind.direction, kind.code, None if kind.code else kind.enhanced, kind.cause] += kind.count
    return dict(sums)


def changes(now: Mapping[Refusal, int], periods: Sequence[Earlier], top: int) -> list[tuple[Refusal, int]]:
    """The ``top`` refusals that changed most against the first of the periods, and how many there are now."""
    before = periods[0].refusals if periods else {}
    found = {kind: now.get(kind, 0) for kind in {**now, **before}}

    def change(kind: Refusal) -> float:
        return abs(found[kind] - before.get(kind, 0)) / sqrt(max(found[kind] + before.get(kind, 0), 1))

    telling = sorted(
        (kind for kind in found if change(kind) >= _TELLING), key=lambda kind: (-change(kind), str(kind))
    )
    return [(kind, found[kind]) for kind in telling[:top]]


def to_data(kinds: Iterable[Kind], periods: Sequence[Earlier], top: int) -> list[dict[str, Any]]:
    """The comparison with each period, as dicts; times are datetimes."""
    kinds = tuple(kinds)
    totals, changed = totals_of(kinds), changes(refusals_of(kinds), periods, top)
    return [
        {
            "label": period.label,
            "start": period.start,
            "end": period.end,
            "totals": [
                {"measure": name, "count": totals.get(name, 0), "before": period.totals.get(name, 0)}
                for name in MEASURES
                if name in totals or name in period.totals
            ],
            "changes": [
                {
                    **dict(zip(_FIELDS, kind, strict=True)),
                    "count": count,
                    "before": period.refusals.get(kind, 0),
                }
                for kind, count in changed
            ],
        }
        for period in periods
    ]
