"""A simulated day: sessions arrive and leave lines, and the lines come out in order of time."""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappush, heapreplace
from operator import itemgetter
from pathlib import Path

DAY = 86_400
SLICE = 10  # seconds of log that are held, sorted and written at once

Action = Callable[[float], None]


class Timeline:
    """Moments are seconds since ``start``; ``prefix`` turns one into what stands before each line."""

    def __init__(
        self, start: datetime, rng: random.Random, prefix: Callable[[float], str], sessions_per_day: float
    ) -> None:
        self._start = start
        self._rng = rng
        self._prefix = prefix
        self._sessions_per_second = sessions_per_day / DAY
        self._lines: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
        self._actions: defaultdict[int, list[tuple[float, Action]]] = defaultdict(list)
        self._slice = -1

    def clock(self, moment: float) -> datetime:
        """Give the time of day at ``moment``."""
        return self._start + timedelta(seconds=moment)

    def put(self, moment: float, line: str) -> None:
        """Log ``line`` at ``moment``, which is not in the past."""
        self._lines[int(moment) // SLICE].append((moment, line))

    def at(self, moment: float, action: Action) -> None:
        """Call ``action`` when the log has come to ``moment``."""
        self._actions[max(int(moment) // SLICE, self._slice + 1)].append((moment, action))

    def chunks(self, arrive: Action, *, seconds: float = math.inf, lines: float = math.inf) -> Iterator[str]:
        """Text of the log, slice by slice, with ``arrive`` called for each session, until either limit."""
        arrival = self._rng.random()
        while lines > 0 and (self._slice + 1) * SLICE < seconds:
            self._slice += 1
            end = (self._slice + 1) * SLICE
            due = self._actions.pop(self._slice, [])
            while arrival < end:
                due.append((arrival, arrive))
                arrival += self._rng.expovariate(self._sessions_per_second * busyness(arrival))
            due.sort(key=itemgetter(0))
            for moment, action in due:
                action(moment)
            batch = self._lines.pop(self._slice, [])
            batch.sort(key=itemgetter(0))
            if len(batch) > lines:
                del batch[int(lines) :]
            lines -= len(batch)
            prefix = self._prefix
            yield "".join([f"{prefix(moment)}{line}\n" for moment, line in batch])


class Processes:
    """Process ids of one daemon; each process serves one session at a time, as Postfix's do."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._busy_until: list[tuple[float, int]] = []
        self._newest = rng.randrange(1_000, 30_000)

    def take(self, begin: float, end: float) -> int:
        """Give a process that has nothing else to do from ``begin`` to ``end``."""
        if self._busy_until and self._busy_until[0][0] <= begin:
            pid = self._busy_until[0][1]
            heapreplace(self._busy_until, (end, pid))
            return pid
        self._newest += self._rng.randrange(1, 40)
        heappush(self._busy_until, (end, self._newest))
        return self._newest


def busyness(moment: float) -> float:
    """Traffic at a time of day, relative to the mean: quiet at 03:00, busy at 15:00."""
    return 1 - 0.7 * math.cos((moment / DAY - 0.125) * 2 * math.pi)


def rfc3164(start: datetime, host: str) -> Callable[[float], str]:
    """Stamp as in ``Nov 17 08:15:00 mx1``."""
    return _by_second(start, lambda when: f"{when:%b} {when.day:2} {when:%H:%M:%S} {host} ")


def rfc3339(start: datetime, host: str) -> Callable[[float], str]:
    """Stamp as in ``2026-11-17T08:15:00.123456+00:00 mx1``, what rsyslog writes by default in Debian 12."""
    second = _by_second(start, lambda when: f"{when:%Y-%m-%dT%H:%M:%S}")
    return lambda moment: f"{second(moment)}.{int(moment % 1 * 1e6):06}+00:00 {host} "


def exim(start: datetime) -> Callable[[float], str]:
    """Stamp as in ``2026-11-17 08:15:00``."""
    return _by_second(start, lambda when: f"{when:%Y-%m-%d %H:%M:%S} ")


def _by_second(start: datetime, text: Callable[[datetime], str]) -> Callable[[float], str]:
    last_second, last_text = -1, ""

    def stamp(moment: float) -> str:
        nonlocal last_second, last_text
        if (second := int(moment)) != last_second:
            last_second, last_text = second, text(start + timedelta(seconds=second))
        return last_text

    return stamp


def options(description: str) -> argparse.ArgumentParser:
    """Arguments that all generators share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("output", type=Path, help="the log to write")
    parser.add_argument("--lines", type=int, default=2_000_000, help="how many lines (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives another log (%(default)s)")
    parser.add_argument(
        "--start", type=lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC), default="2026-11-17"
    )
    return parser


def write(output: Path, chunks: Iterator[str]) -> None:
    """Write the log; tell on standard error how big it is and how long that took."""
    began = time.perf_counter()
    with output.open("w", encoding="ascii", newline="\n") as log:
        for chunk in chunks:
            log.write(chunk)
    seconds, size = time.perf_counter() - began, output.stat().st_size
    print(f"{output}: {size / 1e6:.1f} MB in {seconds:.1f} s", file=sys.stderr)
