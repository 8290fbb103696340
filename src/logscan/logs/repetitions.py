"""Lines in which a syslog daemon says that lines came again, instead of writing them again."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.eights import Positions
from logscan.logs.lines import Lines
from logscan.logs.records import Records

#: What stands in such lines of rsyslog, which quote the message.
REPEATED = ": message repeated "
#: The first letters of "last message repeated", which syslogd writes and which speaks of the line before.
_LAST_MESSAGE = np.uint64(int.from_bytes(b"last mes", "little"))
_LAST_REPEATED = re.compile(rb" last message repeated (\d{1,6}) times?\s*$")


def unfold_repeated(records: Records) -> dict[int, int]:
    """Undo ``message repeated N times: [ … ]`` in records.

    Returns, by place in ``records``, how many lines a record stands for.
    """
    if not pc.any(pc.starts_with(records.message, REPEATED[2:])).as_py():
        return {}
    found = pc.extract_regex(records.message, r"^message repeated (?P<n>\d{1,6}) times: \[ (?P<m>.*)\]$")
    where = np.flatnonzero(np.asarray(found.is_valid()))
    if not len(where):
        return {}
    times = found.field("n").take(pa.array(where)).to_pylist()
    records.message = pc.coalesce(pc.if_else(found.is_valid(), found.field("m"), None), records.message)
    return {int(place): int(n) for place, n in zip(where, times, strict=True)}


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
