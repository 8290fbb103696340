"""Lines in which a syslog daemon says that lines came again, instead of writing them again."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from logscan.logs.eights import Positions, eights
from logscan.logs.lines import Lines
from logscan.logs.records import Records

#: What stands in such lines of rsyslog, which quote the message.
REPEATED = ": message repeated "
#: The first letters of such a message.
_MESSAGE = np.uint64(int.from_bytes(b"message ", "little"))
#: The first letters of "last message repeated", which syslogd writes and which speaks of the line before.
_LAST_MESSAGE = np.uint64(int.from_bytes(b"last mes", "little"))
_LAST_REPEATED = re.compile(rb" last message repeated (\d{1,6}) times?\s*$")


def unfold_repeated(records: Records) -> dict[int, int]:
    """Undo ``message repeated N times: [ … ]`` in records.

    Returns, by place in ``records``, how many lines a record stands for.
    """
    likely = np.flatnonzero(eights(records.data)[records.starts] == _MESSAGE)
    if not len(likely):
        return {}
    found = pc.extract_regex(
        records.messages(likely), r"^(?P<before>message repeated (?P<times>\d{1,6}) times: \[ ).*\]$"
    )
    found, where = found.drop_null(), likely[np.asarray(found.is_valid())]
    records.starts[where] += np.asarray(pc.binary_length(found.field("before")))
    records.ends[where] -= 1
    return {
        int(place): int(times) for place, times in zip(where, found.field("times").to_pylist(), strict=True)
    }


def say_last_repeated(lines: Lines, messages: Positions) -> npt.NDArray[np.bool_]:
    """Which of the messages that begin at some places of the block are ``last message repeated N times``.

    They are no records of their own.
    """
    return np.equal(lines.eights[messages], _LAST_MESSAGE)


def last_repeated(lines: Lines, places: Positions) -> list[tuple[int, int]]:
    """Those of some lines that say ``last message repeated N times``, with N."""
    found = []
    for index in places[lines.holding(places, " last message repeated ")]:
        match = _LAST_REPEATED.search(lines.data[lines.starts[index] : lines.ends[index]][:300])
        if match:
            found.append((int(index), int(match[1])))
    return found
