"""Write an Exim main log as a busy server's: MX, submission and outbound mail, of any number of lines.

    python benchmarks/generate_exim.py mainlog --lines 1000000

The log covers about a day, whatever its length. The same arguments give the same log.
"""

from __future__ import annotations

from exim_server import Exim
from invented import World
from timeline import Timeline, exim, options, write

LINES_PER_SESSION = 2.3  # as measured; tells how many sessions fill a day


def main() -> None:
    arguments = options(__doc__).parse_args()
    world = World(arguments.seed)
    timeline = Timeline(
        arguments.start, world.rng, exim(arguments.start), arguments.lines / LINES_PER_SESSION
    )
    server = Exim(world, timeline)
    server.remarkable_day(arguments.lines // 2_000)
    write(arguments.output, timeline.chunks(server.arrive, lines=arguments.lines))


if __name__ == "__main__":
    main()
