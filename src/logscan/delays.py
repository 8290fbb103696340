"""How long delivery took, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: What a report needs of the replies table to tell of delays; without ``delays`` it tells no stages.
DELAY_COLUMNS = ("delay", "delays")

#: The stages that Postfix (2.3 and later) gives in ``delays=a/b/c/d``, in this order; the first begins when the message
#: arrives, and ends when it is put in the active queue for this attempt.
STAGES = (
    "before this attempt",
    "in the active queue",
    "connecting: DNS, TCP, TLS, greetings",
    "sending the message",
)
_DELAYS = "^" + "/".join(rf"(?P<s{place}>\d+(?:\.\d+)?)" for place in range(len(STAGES))) + "$"
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
    if "delay" not in names:
        return ()
    sent = pc.equal(replies["status"].cast(pa.string()), "sent")
    deliveries = replies.select(names).filter(sent)
    found = [_delay(None, deliveries["delay"])]
    if "delays" in names:
        texts = deliveries["delays"].combine_chunks()
        stages = pc.extract_regex(texts, _DELAYS)
        found += [
            _delay(stage, pc.struct_field(stages, f"s{place}").cast(pa.float64()))
            for place, stage in enumerate(STAGES)
        ]
    return tuple(delay for delay in found if delay)


def _delay(stage: str | None, seconds: pa.Array | pa.ChunkedArray) -> Delay | None:
    known = seconds.drop_null().to_numpy()
    if not len(known):
        return None
    # The smallest delay that so many do not exceed, as the log has it.
    half, most = np.percentile(known, [_HALF, _MOST], method="inverted_cdf")
    return Delay(stage, float(half), float(most), len(known))
