"""Logs that were given twice, whole or in part, and would be counted twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b

from logscan.errors import UnreadableInput
from logscan.reading.inputs import Source
from logscan.reading.lines import SAMPLE
from logscan.reading.places import full_log
from logscan.reading.rotation import RotatedName

# Two logs never begin alike: their stamps differ. Short transcripts without stamps may.
_STAMPED = re.compile(
    rb"(?:<\d+>(?:1 )?)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^ ,]*) "
)

_COMPARED = 1 << 20  # bytes at once


def without_repeats(sources: list[Source]) -> list[Source]:
    """Return the sources, each log once; the warnings of those kept name what is left out.

    Left out are a file's second name, a copy (packed or not) of another's text or of its beginning
    (copytruncate, a snapshot), and excerpts such as mail.err beside mail.log.
    """
    kept: list[Source] = []
    by_identity: dict[tuple[int, int], Source] = {}
    by_head: defaultdict[bytes, list[Source]] = defaultdict(list)
    for source in _without_excerpts(sources):
        if source.identity is None:  # no file
            kept.append(source)
        elif source.identity in by_identity:
            by_identity[source.identity].warnings.append(f"{source.name} is the same file; it is read once")
        else:
            by_identity[source.identity] = source
            alike = by_head[digest] if (digest := _beginning(source)) else []
            if not any(_absorbs(other, source) for other in alike):
                for other in [other for other in alike if _absorbs(source, other)]:
                    kept.remove(other)
                    alike.remove(other)
                kept.append(source)
                alike.append(source)
    return kept


def _without_excerpts(sources: list[Source]) -> Iterator[Source]:
    logs = {RotatedName.of(source.name).log: source for source in sources if source.identity}
    for source in sources:
        full = full_log(RotatedName.of(source.name).log, logs) if source.identity else None
        if full is None:
            yield source
        else:
            logs[full].warnings.append(f"{source.name} repeats lines of this log; to read it, name it alone")


def _beginning(source: Source) -> bytes | None:
    """Return a digest of how the text begins, or None if another log may well begin so."""
    try:
        head = source.head(SAMPLE)
    except UnreadableInput:
        return None
    if len(head) < SAMPLE and not _STAMPED.match(head):
        return None
    return blake2b(head).digest()


def _absorbs(source: Source, other: Source) -> bool:
    """Return whether the whole text of `other` stands at the beginning of `source`; if so, say it there."""
    ours, theirs = source.peek(_COMPARED), other.peek(_COMPARED)
    here = there = b""
    while there := there or next(theirs, b""):
        here = here or next(ours, b"")
        common = min(len(here), len(there))
        if not common or here[:common] != there[:common]:
            return False
        here, there = here[common:], there[common:]
    source.warnings += (
        f"{other.name} holds the same lines or the first of them; it is not read",
        *other.warnings,
    )
    return True
