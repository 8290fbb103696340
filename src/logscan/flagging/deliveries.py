"""What became of messages that were refused for the time being.

Outbound, a message is a queue id and a recipient, and its delivery line tells. Inbound, it is a client's network,
a sender and a recipient: the client that was refused comes back under another queue id, perhaps from another
address of its network, and its message is known to be accepted once it is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.flagging.baseline import Flags, Ints
from logscan.flagging.negatives import Log, Negatives, Texts, is_value, networks, providers
from logscan.tally import coded

_NEVER = -1
_NO_TEXT = pa.scalar(None, pa.string())


@dataclass(frozen=True, slots=True)
class Messages:
    """The message each refusal belongs to, and its end.

    ``number`` is the same for refusals of one message, -1 where the refusal names none. ``accepted`` and ``failed``
    hold when the message first ended so after the refusal, in microseconds since 1970, -1 for never. ``same_party``:
    it was accepted from the same client, or by the same provider, as it had been refused.
    """

    number: Ints
    accepted: Ints
    failed: Ints
    same_party: Flags

    def where(self, rows: slice) -> Messages:
        """Those of some of the refusals."""
        return Messages(*(getattr(self, field.name)[rows] for field in fields(self)))

    def firsts(self) -> tuple[Ints, Ints]:
        """The number of the first refusal of each message, and how many refusals the message has."""
        named = np.flatnonzero(self.number >= 0)
        _, first, refusals = np.unique(self.number[named], return_index=True, return_counts=True)
        return named[first], refusals


def follow(refused: Negatives) -> Messages:
    """Tell what became of the messages that these replies put off."""
    size = len(refused)
    never = np.full(size, _NEVER)
    whole = Messages(never.copy(), never.copy(), never.copy(), np.zeros(size, np.bool_))
    for direction, look_up in (("outbound", _outbound), ("inbound", _inbound)):
        rows = np.flatnonzero(is_value(refused.direction, direction))
        if len(rows):
            part = look_up(refused.where(rows))
            # Messages of the two directions get different numbers.
            whole.number[rows] = np.where(part.number < 0, _NEVER, 2 * part.number + (direction == "inbound"))
            whole.accepted[rows], whole.failed[rows] = part.accepted, part.failed
            whole.same_party[rows] = part.same_party
    return whole


def _outbound(refused: Negatives) -> Messages:
    """Follow queue ids and recipients to their delivery lines."""
    log = refused.log
    queue_id, recipient = refused.text("queue_id"), _recipients(refused)
    ended = log.holds("status", "sent", "bounced", "expired")
    ends = _Ends(log, _among(log, ended & _since(refused), "queue_id", queue_id))
    sent = pc.equal(ends.text("status"), "sent").to_numpy(zero_copy_only=False)
    key, end_key = _joined(queue_id, recipient), _joined(ends.text("queue_id"), ends.text("recipient"))
    accepted = ends.first_after(key, refused.time, end_key, sent)
    failed = ends.first_after(key, refused.time, end_key, ~sent)
    # qmgr(8) gives up a message as a whole, without naming its recipients.
    unnamed = ~sent & ends.text("recipient").is_null().to_numpy(zero_copy_only=False)
    expired = ends.first_after(queue_id, refused.time, ends.text("queue_id"), unnamed)
    return Messages(
        number=coded(key).codes.astype(np.int64),
        accepted=ends.moments(accepted),
        failed=ends.moments(np.where(failed < 0, expired, failed)),
        same_party=_equal(providers(refused.text("peer_name")), providers(ends.at(accepted, "peer_name")))
        | _equal(networks(refused.text("peer_ip")), networks(ends.at(accepted, "peer_ip"))),
    )


def _recipients(refused: Negatives) -> pa.Array:
    """Whom each refusal was about.

    Exim names nobody where a server refused the connection or the sender; a later line tells who was put off for it.
    """
    log, queue_id, recipient = refused.log, refused.text("queue_id"), refused.text("recipient")
    if not recipient.null_count:
        return recipient
    since, unnamed = _since(refused), queue_id.filter(recipient.is_null())
    for statuses in (("deferred",), ("sent", "bounced", "expired")):  # the latter if another server took it
        lines = _Ends(log, _among(log, since & log.holds("status", *statuses), "queue_id", unnamed))
        naming = lines.text("recipient").is_valid().to_numpy(zero_copy_only=False)
        found = lines.first_after(queue_id, refused.time, lines.text("queue_id"), naming)
        recipient = pc.coalesce(recipient, lines.at(found, "recipient"))
    return recipient


def _inbound(refused: Negatives) -> Messages:
    """Follow senders and recipients to deliveries of messages that the same network brought."""
    log = refused.log
    key = _envelope(refused.text("sender"), refused.text("recipient"))
    number = coded(_joined(networks(refused.text("peer_ip")), key)).codes.astype(np.int64)
    never = np.full(len(refused), _NEVER)
    recipient = pc.if_else(pc.is_valid(key), refused.text("recipient"), _NO_TEXT)
    if recipient.null_count == len(recipient):
        return Messages(number, never, never, never >= 0)
    sent = log.holds("status", "sent") & _since(refused)
    ends = _Ends(log, _among(log, sent, "recipient", recipient))
    found = ends.first_after(key, refused.time, _envelope(ends.text("sender"), ends.text("recipient")))
    client = networks(refused.text("peer_ip"))
    other = pc.not_equal(_brought_by(log, ends.at(found, "queue_id")), client)
    found[pc.fill_null(other, False).to_numpy(zero_copy_only=False)] = _NEVER
    return Messages(number, ends.moments(found), never, found >= 0)


class _Ends:
    """Lines that end a message for a recipient."""

    def __init__(self, log: Log, rows: Ints) -> None:
        self._texts = Texts(log, rows)
        self._times = log.times[rows]

    def text(self, name: str) -> pa.Array:
        """A column at these lines."""
        return self._texts.column(name)

    def at(self, numbers: Ints, name: str) -> pa.Array:
        """A column at the lines with these numbers; null for -1."""
        return self.text(name).take(pa.array(numbers, mask=numbers < 0))

    def moments(self, numbers: Ints) -> Ints:
        """The times of the lines with these numbers; -1 for -1."""
        return np.append(self._times, _NEVER)[numbers]

    def first_after(
        self, keys: pa.Array, times: Ints, end_keys: pa.Array, chosen: Flags | None = None
    ) -> Ints:
        """For each key and time the number of the first of the ``chosen`` lines with this key from then on, or -1."""
        values = pc.unique(keys).drop_null()
        key, end_key = _numbered(keys, values), _numbered(end_keys, values)
        rows = np.flatnonzero((end_key >= 0) if chosen is None else (end_key >= 0) & chosen)
        if not len(rows):
            return np.full(len(key), _NEVER)
        moments, place = np.unique(self._times[rows], return_inverse=True)
        order = np.lexsort((place, end_key[rows]))
        events = end_key[rows][order] * (len(moments) + 1) + place[order]
        wanted = key * (len(moments) + 1) + np.searchsorted(moments, times)
        found = rows[order][np.minimum(np.searchsorted(events, wanted), len(events) - 1)]
        hit = (key >= 0) & (end_key[found] == key) & (self._times[found] >= times)
        return np.where(hit, found, _NEVER)


def _brought_by(log: Log, queue_ids: pa.Array) -> pa.Array:
    """The network of the client that brought each message, where the log has a reply that says so."""
    accepting = (log.codes >= 200) & (log.codes < 300) & log.holds("direction", "inbound")
    rows = _among(log, accepting, "queue_id", queue_ids)
    place = pc.index_in(queue_ids, value_set=log.text("queue_id", rows))
    return networks(log.text("peer_ip", rows)).take(place)


def _since(refused: Negatives) -> Flags:
    flags: Flags = refused.log.times >= refused.time.min()
    return flags


def _among(log: Log, chosen: Flags, name: str, values: pa.Array) -> Ints:
    """The ``chosen`` rows of the log that hold one of ``values``; null is none."""
    rows = np.flatnonzero(chosen)
    found = pc.is_in(log.text(name, rows), value_set=pc.unique(values).drop_null())
    among: Ints = rows[found.to_numpy(zero_copy_only=False)]
    return among


def _envelope(sender: pa.Array, recipient: pa.Array) -> pa.Array:
    """Sender and recipient as one text; null for bounces, which all have the same sender: none."""
    return pc.if_else(pc.equal(sender, ""), _NO_TEXT, _joined(sender, recipient))


def _joined(*columns: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*columns, "\0")


def _numbered(keys: pa.Array, values: pa.Array) -> Ints:
    """Keys as numbers into ``values``, -1 for others."""
    numbers: Ints = pc.fill_null(pc.index_in(keys, value_set=values), -1).to_numpy().astype(np.int64)
    return numbers


def _equal(left: pa.Array, right: pa.Array) -> Flags:
    flags: Flags = pc.fill_null(pc.equal(left, right), False).to_numpy(zero_copy_only=False)
    return flags
