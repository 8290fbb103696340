"""Blocks parsed by threads or by forked processes: the same results, in the order of the log."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from logscan.detection import log_parsers
from logscan.errors import LogscanError, UnreadableInput
from logscan.logs.engine import Block, Engine
from logscan.logs.workers import Workers

LOG = Path(__file__).parents[1] / "sample_logs" / "postfix.log"

#: Reads the sample log in blocks of 2 kB, some too large for their room, and prints what came of it.
BY_PROCESSES = """
import os, sys
from logscan.detection import log_parsers
from logscan.logs.engine import Engine
from logscan.logs.workers import Workers
from test_workers import blocks_of, show
os.sched_getaffinity = lambda pid: {0, 1}
workers = Workers(Engine(log_parsers()["postfix"]).parse, 2200, fork=True)
for _ in range(2):
    print(show(workers.parsed(blocks_of(2000))))
workers.close()
"""

#: The process that parses kills itself.
KILLED = """
import os, signal
from logscan.errors import LogscanError
from logscan.logs.workers import Workers
os.sched_getaffinity = lambda pid: {0, 1}
workers = Workers(lambda data: os.kill(os.getpid(), signal.SIGKILL), 100, fork=True)
try:
    list(workers.parsed([b"line\\n"] * 9))
except LogscanError as error:
    print(error)
workers.close()
"""


def blocks_of(size: int) -> Iterator[bytes]:
    block = b""
    for line in LOG.read_bytes().splitlines(keepends=True):
        block += line
        if len(block) >= size:
            yield block
            block = b""
    if block:
        yield block


def show(blocks: Iterator[Block]) -> list[tuple[int, int, int]]:
    return [(block.lines, block.understood, block.rows.num_rows) for block in blocks]


def run(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_processes_give_the_same_as_one_thread_in_the_same_order() -> None:
    parse = Engine(log_parsers()["postfix"]).parse
    alone = show(map(parse, blocks_of(2000)))
    assert len(alone) > 10
    assert show(Workers(parse, 2200, fork=False).parsed(blocks_of(2000))) == alone
    assert run(BY_PROCESSES) == [str(alone)] * 2


def test_a_killed_process_is_told_in_one_line() -> None:
    assert run(KILLED) == ["a process that was parsing has been killed; is there memory enough?"]


@pytest.mark.parametrize("count", [1, 8])
def test_what_came_before_a_failure_is_parsed(count: int) -> None:
    def failing() -> Iterator[bytes]:
        yield from [b"Nov  5 10:11:12 mx1 postfix/smtpd[1]: connect from a[192.0.2.1]\n"] * count
        raise UnreadableInput("the disk is broken")

    parsed: list[int] = []
    blocks = Workers(Engine(log_parsers()["postfix"]).parse, 100, fork=False).parsed(failing())
    with pytest.raises(LogscanError, match="the disk is broken"):
        parsed.extend(block.lines for block in blocks)
    assert parsed == [1] * count
