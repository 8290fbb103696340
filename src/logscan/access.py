"""What somebody without rights of their own needs to read some files."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from logscan.errors import LogscanError
from logscan.reading.places import machine_logs
from logscan.reading.sources import find_sources
from logscan.scheduling import Rights

_READ, _LIST, _PASS = 0o4, 0o5, 0o1
_JOURNAL_GROUP = "systemd-journal"


def rights_for(logs: Iterable[str], others: Iterable[Path]) -> Rights:
    """What it takes to read ``logs`` (without any: this machine's own) and ``others``, as they are now.

    The folder of a log has to be listed too, since rotated logs are looked for.
    """
    logs = list(logs)
    if not logs and not machine_logs():
        return Rights(groups=(_JOURNAL_GROUP,))
    needs: list[tuple[Path, int]] = [(other, _READ) for other in others]
    with suppress(LogscanError):  # what is not there yet needs nothing that could be told
        for source in find_sources(logs):
            log = Path(os.path.abspath(source.name))
            needs += [(log, _READ), (log.parent, _LIST)]
    needs += [(folder, _PASS) for path, _ in list(needs) for folder in path.parents]
    groups: set[str] = set()
    every_file = False
    for path, bits in needs:
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_mode & bits == bits:
            continue
        if status.st_mode >> 3 & bits == bits:
            groups.add(_group(status.st_gid))
        else:
            every_file = True
    return Rights(groups=() if every_file else tuple(sorted(groups)), every_file=every_file)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
