"""Rotated logs: which files belong to one log, and which of them is older, told from their names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst|zstd|Z)$", re.IGNORECASE)

# mail.log.1 (logrotate), maillog.0 (newsyslog), mainlog.01 (exicyclog): the greater the older.
_GENERATION = re.compile(r"\.(\d{1,4})$", re.ASCII)

# -20261122, -2026112203, .2026-11-22, .20261122-031500, Exim's %D and %M, folders such as 2026/11/22, and
# seconds since 1970 (logrotate's dateformat %s), alone or after a date.
_DATE = re.compile(
    r"(?<!\d)20\d\d[-_./]?(?:0[1-9]|1[0-2])"
    r"(?:[-_./]?(?:0[1-9]|[12]\d|3[01])(?:[-_.T]?\d\d(?:[.:]?\d\d(?:[.:]?\d\d)?)?|-1\d{9})?)?(?!\d)"
    r"|(?<!\d)1\d{9}(?!\d)",
    re.ASCII,
)
_PART = re.compile(r"^-\d{1,4}(?=\.)", re.ASCII)  # Exchange's RECV2026112300-1.LOG
_UNDATED = "~"  # sorts after every digit: the file still written to


class RotatedName(NamedTuple):
    """What a file's name tells; tuples of the same `log` sort from the oldest to the newest."""

    log: str
    date: str
    generation: int
    natural: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, path: str) -> RotatedName:
        """Take the path apart: `mail.log-20261122.gz` is of the log `mail.log`, dated 20261122."""
        path = os.path.abspath(path)
        name = _PACKED.sub("", path)
        date, name = _date(name)
        generation = 1
        if (found := _GENERATION.search(name)) is not None:
            name, generation = name[: found.start()], -int(found[1])
        return cls(os.path.normpath(name.rstrip("-_.")), date, generation, _natural(path))


def _date(name: str) -> tuple[str, str]:
    """Return the digits of the last date in the name, and the name without it."""
    dates = list(_DATE.finditer(name))
    if not dates:
        return _UNDATED, name
    digits = re.sub(r"\D", "", dates[-1][0])
    if digits.startswith("1"):
        digits = datetime.fromtimestamp(int(digits), UTC).strftime("%Y%m%d%H%M%S")
    before, after = name[: dates[-1].start()], name[dates[-1].end() :]
    return digits, before.rstrip("-_.") + _PART.sub("", after)


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """Return a key that sorts RECV-2 before RECV-10."""
    return tuple((text, int(digits or -1)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name))


def reading_order(items: Sequence[_T], path: Callable[[_T], str]) -> list[_T]:
    """Return the items with each log's files from the oldest to the newest.

    Different logs stay apart, in the order in which they first appear.
    """
    names = [RotatedName.of(path(item)) for item in items]
    first: dict[str, int] = {}
    for position, name in enumerate(names):
        first.setdefault(name.log, position)
    order = sorted(range(len(items)), key=lambda index: (first[names[index].log], names[index][1:]))
    return [items[index] for index in order]
