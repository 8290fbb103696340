"""How long delivery took, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.schema import REPORT_ONLY

#: What a report needs of the replies table to tell of delays; without those besides ``delay`` it tells no stages.
DELAY_COLUMNS = ("delay", *REPORT_ONLY.names)

#: What the stages of a delivery are called, by their columns.
STAGES = dict(
    zip(
        REPORT_ONLY.names,
        (
            "before this attempt",
            "in the active queue",
            "connecting: DNS, TCP, TLS, greetings",
            "sending the message",
        ),
        strict=True,
    )
)
_HALF, _MOST = 50, 95


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds within which half (p50) and 95 % (p95) of ``deliveries`` were done: in all (no ``stage``) or with it."""

    stage: str | None
    half: float
    most: float
    deliveries: int


def delays_of(replies: pa.Table) -> tuple[Delay, ...]:
    """The delays of mail that was sent, in all and by stage; as far as the table has DELAY_COLUMNS."""
    names = [name for name in DELAY_COLUMNS if name in replies.column_names]
    sent = pc.equal(replies["status"].cast(pa.string()), "sent")
    deliveries = replies.select(names).filter(sent)
    found = []
    for name in names:
        known = deliveries[name].drop_null().to_numpy()
        if len(known):
            half, most = percentiles(known, (_HALF, _MOST))
            found.append(Delay(STAGES.get(name), half, most, len(known)))
    return tuple(found)


def percentiles(seconds: npt.NDArray[np.float64], percents: Sequence[int]) -> list[float]:
    """For each percent the smallest of these delays that so many of them do not exceed; there must be some."""
    found: list[float] = np.percentile(seconds, percents, method="inverted_cdf").tolist()
    return found
