"""Greylisting told by behaviour: refused for now, and accepted on a later try.

Many servers greylist without saying so ("try again later"). What they do tells: the same client, sender and
recipient pass after a while. Only replies whose cause is vague are told this way; a stated cause stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from logscan.flagging.baseline import DAY, MINUTE, Flags
from logscan.flagging.deliveries import Messages, follow
from logscan.flagging.negatives import Log, Negatives, is_value
from logscan.tally import coded

_GREYLISTING = "greylisting"
#: Causes that say no more than that the server does not want the message, or not now.
_VAGUE = ("unknown", "policy")
#: Greylisting needs the envelope, so it answers one of these.
_STAGES = ("RCPT", "DATA", "EOD")
#: No greylist lets a client in sooner, and clients that come back do so within a day.
_SOONEST, _LATEST = MINUTE, DAY
#: A message refused more often than this before it is accepted met with trouble, not with a greylist.
_MOST_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class GreylistingOutcome:
    """What became of greylisted messages: each is a client, sender and recipient, or a queue id and recipient.

    ``accepted`` came back and passed, after ``median_minutes`` from the first refusal; ``gone`` never came back;
    the others came back and were refused again.
    """

    messages: int
    accepted: int
    gone: int
    median_minutes: float | None


def recognise(replies: pa.Table) -> pa.Table:
    """The table with ``greylisting`` as cause of the replies that behaved so and tell no cause of their own."""
    refused = Negatives.of(Log(replies))
    refused = refused.where(is_value(refused.cause, *_VAGUE) & (refused.family == 4))
    if len(refused):
        refused = refused.where(is_value(refused.column("command"), *_STAGES))
    if not len(refused):
        return replies
    rows = refused.row[_behaved(refused, follow(refused))]
    if not len(rows):
        return replies
    causes = coded(replies["cause"])
    values = [*causes.values.to_pylist(), _GREYLISTING]
    codes = causes.codes.copy()
    codes[rows] = values.index(_GREYLISTING)
    if values.index(_GREYLISTING) < len(causes.values):
        values.pop()
    column = pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(values))
    return replies.set_column(replies.schema.get_field_index("cause"), "cause", column)


def outcomes(refused: Negatives) -> dict[str, GreylistingOutcome]:
    """By direction, what became of the messages that were greylisted."""
    refused = refused.where(is_value(refused.cause, _GREYLISTING))
    found = {}
    for direction in ("inbound", "outbound"):
        mine = refused.where(is_value(refused.direction, direction))
        if len(mine):
            found[direction] = _outcome(mine)
    return found


def _behaved(refused: Negatives, messages: Messages) -> Flags:
    """Which refusals are of messages that passed on a retry, as they do with a greylist."""
    first, refusals = messages.firsts()
    delay = messages.accepted[first] - refused.time[first]
    passed = (messages.accepted[first] >= 0) & (delay >= _SOONEST) & (delay <= _LATEST)
    passed &= messages.same_party[first] & (refusals <= _MOST_REFUSALS)
    flags: Flags = np.isin(messages.number, messages.number[first[passed]])
    return flags


def _outcome(refused: Negatives) -> GreylistingOutcome:
    messages = follow(refused)
    first, refusals = messages.firsts()
    accepted = messages.accepted[first] >= 0
    delays = (messages.accepted[first] - refused.time[first])[accepted]
    return GreylistingOutcome(
        messages=len(first),
        accepted=int(accepted.sum()),
        gone=int((~accepted & (refusals == 1)).sum()),
        median_minutes=float(np.median(delays)) / MINUTE if len(delays) else None,
    )
