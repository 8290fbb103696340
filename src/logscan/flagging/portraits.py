"""What every flag tells of its replies: the time they span, the peers, and counts by value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from logscan.flagging.baseline import SECOND, Ints
from logscan.flagging.findings import Peer
from logscan.flagging.negatives import Negatives
from logscan.tally import Coded, group

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds: int) -> datetime:
    """The time that lies so long after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(time: datetime) -> int:
    """How long after the beginning of 1970 a time lies; what ``moment`` undoes."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def seconds_around(refused: Negatives) -> tuple[int, int]:
    """The whole seconds that hold all the replies, end excluded, in microseconds since 1970."""
    return int(refused.time[0]) // SECOND * SECOND, (int(refused.time[-1]) // SECOND + 1) * SECOND


def peers_of(refused: Negatives, most: int) -> tuple[tuple[Peer, ...], int]:
    """The peers, heaviest first, no more than ``most``; and how many there are."""
    name, address = refused.column("peer_name"), refused.column("peer_ip")
    found = group([name, address], refused.count)
    heavy = found.totals >= np.sort(found.totals)[-most:][0]  # of thousands few need to be put in order
    example, totals = found.example[heavy], found.totals[heavy].tolist()
    peers = map(Peer, name.at(example), address.at(example), totals)
    ranked = sorted(peers, key=lambda peer: (-peer.count, peer.name or "", peer.ip or ""))
    return tuple(ranked[:most]), len(found.totals)


def occasions(refused: Negatives) -> int:
    """In how many messages or sessions this happened: a message to fifty recipients is one."""
    queue_id = refused.column("queue_id").codes
    unnamed = refused.where(queue_id < 0)
    moments, moment = np.unique(unnamed.time, return_inverse=True)
    sessions = unnamed.column("peer_ip").codes * len(moments) + moment
    return len(np.unique(queue_id[queue_id >= 0])) + len(np.unique(sessions))


def totals_of(column: Coded, counts: Ints) -> dict[Any, int]:
    """Replies by value, heaviest first; null does not count."""
    totals = np.bincount(column.codes + 1, counts, len(column.values) + 1)[1:].astype(np.int64)
    found = zip(column.values.to_pylist(), totals.tolist(), strict=True)
    present = ((value, total) for value, total in found if total)
    return dict(sorted(present, key=lambda item: (-item[1], item[0])))
