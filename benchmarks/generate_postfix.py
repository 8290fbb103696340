"""Write a Postfix log as a busy server's: MX, submission and outbound mail, of any number of lines.

    python benchmarks/generate_postfix.py mail.log --lines 2000000

The log covers about a day, whatever its length. The same arguments give the same log.
"""

from __future__ import annotations

from invented import World
from timeline import Timeline, options, rfc3164, rfc3339, write

from postfix_server import Postfix

LINES_PER_SESSION = 7.6  # as measured; tells how many sessions fill a day


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rfc3339", action="store_true", help="stamps with year and zone")
    parser.add_argument("--long-ids", action="store_true", help="long queue ids (enable_long_queue_ids)")
    arguments = parser.parse_args()
    world = World(arguments.seed)
    prefix = (rfc3339 if arguments.rfc3339 else rfc3164)(arguments.start, "mx1")
    timeline = Timeline(arguments.start, world.rng, prefix, arguments.lines / LINES_PER_SESSION)
    server = Postfix(world, timeline, long_ids=arguments.long_ids)
    server.remarkable_day(arguments.lines // 2_000)
    write(arguments.output, timeline.chunks(server.arrive, lines=arguments.lines))


if __name__ == "__main__":
    main()
