"""What would be read, looked at and not read: which logs are readable, how old, and in which format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from logscan.detection import HEAD, Detected, recognise, unrecognised
from logscan.errors import UnreadableInput
from logscan.reading.rotation import RotatedName
from logscan.reading.sources import Source
from logscan.stored import about_stored, is_parquet


@dataclass(frozen=True, slots=True)
class Examined:
    """One source, or a log with its rotated files that are alike.

    ``names`` are from the oldest to the newest, ``size`` is the sum of their bytes, ``modified`` when the newest
    was last written; both are None for what is no file. ``error`` says why it cannot be read. ``parser`` is None
    where nothing recognised it; ``reason`` says why this one (of the newest file).
    """

    names: tuple[str, ...]
    size: int | None
    modified: datetime | None
    error: str | None = None
    parser: str | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()


def examine(sources: Iterable[Source], forced: Detected | None = None) -> list[Examined]:
    """Look at the first bytes of each source; ``forced`` is the parser that was asked for.

    Raises ParserError if a parser file is wrong.
    """
    looked = [_look(source, forced) for source in sources]
    return [_together(list(alike)) for _, alike in groupby(looked, _likeness)]


def _look(source: Source, forced: Detected | None) -> Examined:
    about = ((source.name,), _size(source.name), source.modified)
    try:
        if is_parquet(source):
            return Examined(*about, parser="parquet", reason=about_stored(source))
        head = source.head(HEAD)
    except UnreadableInput as error:
        why = str(error).removeprefix(f"{source.name}: ")
        return Examined(*about, error=why, warnings=tuple(source.warnings))
    layer, detected = recognise(head, forced) if head else (None, None)
    if detected is None:
        return Examined(
            *about,
            reason=unrecognised(head),
            warnings=tuple(source.warnings),
        )
    inside = f" inside {layer.name}" if layer else ""
    return Examined(
        *about, parser=f"{detected.name}{inside}", reason=detected.reason, warnings=tuple(source.warnings)
    )


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):  # no file: standard input, the journal, a name that leads nowhere
        return None


def _likeness(found: Examined) -> tuple[object, ...]:
    return RotatedName.of(found.names[0]).log, found.error, found.parser, found.parser or found.reason


def _together(alike: list[Examined]) -> Examined:
    newest = alike[-1]
    return Examined(
        names=tuple(name for found in alike for name in found.names),
        size=None if newest.size is None else sum(found.size or 0 for found in alike),
        modified=newest.modified,
        error=newest.error,
        parser=newest.parser,
        reason=newest.reason,
        warnings=tuple(_warnings(alike)),
    )


def _warnings(alike: Iterable[Examined]) -> Iterator[str]:
    for found in alike:
        yield from found.warnings
