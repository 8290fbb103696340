"""Blocks parsed by threads or by forked processes: the same results, in the order of the log."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from logscan.detection import log_parsers
from logscan.errors import LogscanError, UnreadableInput
from logscan.logs.engine import Block, Engine
from logscan.logs.workers import Workers

LOG = Path(__file__).parents[1] / "sample_logs" / "postfix.log"

#: Reads the sample log in blocks of many sizes, some too large for their room, and prints what came of each reading.
BY_PROCESSES = """
import os, sys
from logscan.detection import log_parsers
from logscan.logs import workers
from logscan.logs.engine import Engine
from test_workers import SIZES, blocks_of, show
os.sched_getaffinity = lambda pid: {0, 1}
workers._RESULT = int(sys.argv[1])
several = workers.Workers(Engine(log_parsers()["postfix"]).parse, 20_000, fork=True)
for size in SIZES:
    print(show(several.parsed(blocks_of(size))))
several.close()
"""

#: Bytes of the blocks; the last have more than their room holds.
SIZES = (5_000, 19_900)

#: The process that parses kills itself.
KILLED = """
import os, signal
from logscan.errors import ProcessKilled
from logscan.logs.workers import Workers
os.sched_getaffinity = lambda pid: {0, 1}
workers = Workers(lambda data: os.kill(os.getpid(), signal.SIGKILL), 100, fork=True)
try:
    list(workers.parsed([[b"line\\n"]] * 9))
except ProcessKilled as error:
    print(error.exit_status, error)
workers.close()
"""


def blocks_of(size: int) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    for line in LOG.read_bytes().splitlines(keepends=True):
        block.append(line)
        if sum(map(len, block)) >= size:
            yield block
            block = []
    if block:
        yield block


def show(blocks: Iterable[Block]) -> list[tuple[int, int, int]]:
    """How many lines each block had and how many were understood, and a checksum of all that came of it."""
    return [(block.lines, block.understood, crc32(repr(found(block)).encode())) for block in blocks]


def found(block: Block) -> list[object]:
    contexts = {
        name: [{key: column.to_pylist() for key, column in part.items()} for part in parts]
        for name, parts in block.contexts.items()
    }
    return [block.rows.to_pylist(), contexts, block.repeats, block.examples]


def run(program: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("result", [1 << 20, 20_000])
def test_processes_give_the_same_as_one_thread_in_the_same_order(result: int) -> None:
    """Also where only a part of a result goes through shared memory."""
    parse = Engine(log_parsers()["postfix"]).parse
    alone = [show(map(parse, map(b"".join, blocks_of(size)))) for size in SIZES]
    assert len(alone[0]) > 20
    assert [show(Workers(parse, 20_000, fork=False).parsed(blocks_of(size))) for size in SIZES] == alone
    assert run(BY_PROCESSES, str(result)) == list(map(str, alone))


def test_a_killed_process_is_told_in_one_line() -> None:
    assert run(KILLED) == ["3 a process that was parsing has been killed; is there memory enough?"]


@pytest.mark.parametrize("count", [1, 8])
def test_what_came_before_a_failure_is_parsed(count: int) -> None:
    def failing() -> Iterator[list[bytes]]:
        yield from [[b"Nov  5 10:11:12 mx1 postfix/smtpd[1]: connect from a[192.0.2.1]\n"]] * count
        raise UnreadableInput("the disk is broken")

    parsed: list[int] = []
    blocks = Workers(Engine(log_parsers()["postfix"]).parse, 100, fork=False).parsed(failing())
    with pytest.raises(LogscanError, match="the disk is broken"):
        parsed.extend(block.lines for block in blocks)
    assert parsed == [1] * count
