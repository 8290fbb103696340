"""Write the invented sample logs again: postfix.log and exim_mainlog.

    python sample_logs/generate.py [FOLDER]

They come from the benchmarks' generators, with few sessions and four episodes each. The seeds are fixed,
so that the files do not change unless this code or the generators do.
"""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))

from exim_server import Exim  # noqa: E402  after the path is set
from invented import World  # noqa: E402
from timeline import DAY, Timeline, exim, rfc3339, write  # noqa: E402

from postfix_server import Postfix  # noqa: E402

START = datetime(2026, 11, 17, tzinfo=UTC)


def main(folder: Path) -> None:
    """Write both logs into the folder."""
    world = _small_world(17)
    timeline = Timeline(START, world.rng, rfc3339(START, "mx1"), sessions_per_day=120)
    postfix = Postfix(world, timeline)
    postfix.remarkable_day(20)
    write(folder / "postfix.log", timeline.chunks(postfix.arrive, seconds=DAY, lines=math.inf))

    world = _small_world(18)
    timeline = Timeline(START, world.rng, exim(START), sessions_per_day=400)
    server = Exim(world, timeline)
    server.remarkable_day(24)
    write(folder / "exim_mainlog", timeline.chunks(server.arrive, seconds=DAY, lines=math.inf))


def _small_world(seed: int) -> World:
    """Few machines, with addresses from the ranges for documentation (RFC 5737)."""
    return World(
        seed, servers=("198.51.100.0/24", 60), bots=("203.0.113.0/24", 90), desktops=("192.0.2.128/25", 12)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
