"""Blocks of a log through the engine: any cut gives the same table, any bytes are survived."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logscan.coverage import InputReport
from logscan.detection import log_parsers
from logscan.logs.engine import Engine
from logscan.logs.machine import LogMachine, ScanOptions
from logscan.logs.passes import MEMORY
from logscan.logs.timestamps import Clock

SAMPLES = Path(__file__).parents[1] / "sample_logs"


def read_blocks(blocks: list[bytes], parser: str) -> pa.Table:
    machine = LogMachine(log_parsers()[parser], ScanOptions())
    report = InputReport("log")
    return pa.concat_tables(machine.read(([block] for block in blocks), "log", report, Clock(year=2026)))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The log in pieces that end at line ends, near the given places."""
    ends = sorted({data.find(b"\n", min(place, len(data) - 1)) + 1 for place in places} | {len(data)})
    starts = [0, *ends[:-1]]
    return [data[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


def some_lines(name: str) -> bytes:
    lines = (SAMPLES / name).read_bytes().splitlines(keepends=True)
    return b"".join(lines[len(lines) // 3 : len(lines) // 3 + 600])


LOGS = {"postfix": some_lines("postfix.log"), "exim": some_lines("exim_mainlog")}
WHOLE = {name: read_blocks([data], name) for name, data in LOGS.items()}


@pytest.mark.parametrize("name", sorted(LOGS))
@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(0, 200_000), max_size=40))
def test_any_cut_into_blocks_gives_the_same_table(name: str, places: list[int]) -> None:
    pieces = read_blocks(cut(LOGS[name], places), name)
    assert pieces.to_pylist() == WHOLE[name].to_pylist()


def every_line_alone(data: bytes) -> Iterator[bytes]:
    yield from data.splitlines(keepends=True)


@pytest.mark.parametrize("name", sorted(LOGS))
def test_even_one_line_a_block_gives_the_same_table(name: str) -> None:
    pieces = read_blocks(list(every_line_alone(LOGS[name])), name)
    assert pieces.to_pylist() == WHOLE[name].to_pylist()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=2000), st.integers(0, 5))
def test_any_bytes_among_the_lines_are_survived(junk: bytes, at: int) -> None:
    lines = LOGS["postfix"].splitlines(keepends=True)[:6]
    lines.insert(at, junk)
    for parser in log_parsers().values():
        block = Engine(parser).parse(b"".join(lines))
        assert block.understood + block.unparsed + block.other == block.lines


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    line = b"Nov  5 10:11:12 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 550 5.1.1 <caf\xe9@example.org>: no\n"
    row = read_blocks([line], "postfix").to_pylist()[0]
    assert row["text"] == "<caf\ufffd@example.org>: no"


def test_the_memory_of_contexts_is_bounded() -> None:
    assert MEMORY <= 1 << 20


def test_coverage_tells_understood_unknown_and_foreign_lines_apart() -> None:
    lines = [
        b"Nov  5 10:11:12 mx1 postfix/smtpd[1]: connect from unknown[192.0.2.1]",
        b"Nov  5 10:11:12 mx1 postfix/smtpd[1]: something never seen before",
        b"Nov  5 10:11:12 mx1 dovecot: imap-login: Login: user=<ann>",
    ]
    block = Engine(log_parsers()["postfix"]).parse(b"\n".join(lines) + b"\n")
    assert (block.understood, block.unparsed, block.other) == (1, 1, 1)
    assert block.examples == [lines[1].decode()]
