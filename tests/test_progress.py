"""How far reading is, is told on a terminal, on standard error, when it takes long, and never elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from logscan.scan import scan

SRC = Path(__file__).parents[1] / "src"
LINE = b"Nov 22 10:00:00 mx1 postfix/smtpd[10]: disconnect from unknown[203.0.113.9] vrfy=0/9 commands=0/9\n"
CODE = "import sys; from logscan.cli import main; from logscan.commands import progress; progress.PATIENCE = {}; main()"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_bytes(LINE * 100_000)  # more than a block
    return path


def on_terminal(*arguments: str, patience: float = 0, given: Path | None = None) -> tuple[str, bytes]:
    """What a terminal shows on standard error, and what comes on standard output."""
    ours, theirs = os.openpty()
    with open(given or os.devnull, "rb") as standard_input:
        # Standard input is a pipe, so that nothing knows its size.
        feed = subprocess.Popen(["cat"], stdin=standard_input, stdout=subprocess.PIPE)
        process = subprocess.Popen(
            [sys.executable, "-c", CODE.format(patience), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(SRC),
                "TERM": "xterm",
                "LC_ALL": "C.UTF-8",
                "COLUMNS": "80",
            },
            stdin=feed.stdout,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(ours)
    output, _ = process.communicate()
    assert feed.stdout is not None
    feed.stdout.close()
    assert feed.wait() == process.returncode == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()), output


def test_share_rate_and_time_left_are_told(log: Path) -> None:
    shown, output = on_terminal("report", str(log))
    assert re.search(r"mail\.log +\S+ +\d+% +[\d.]+ MB/s +[\d:-]+ +left", shown)
    assert output.startswith(b"logscan  mx1")


def test_without_a_size_amount_and_rate_are_told(log: Path) -> None:
    shown, output = on_terminal("report", "-", given=log)
    assert re.search(r"- +[\d.]+ MB +[\d.]+ MB/s +0:00:\d\d", shown)
    assert "%" not in shown
    assert output.startswith(b"logscan  mx1")


@pytest.mark.parametrize("option", ["--no-progress", "-q"])
def test_nothing_is_told_if_nobody_wants_it(log: Path, option: str) -> None:
    assert on_terminal("report", str(log), option)[0] == ""


def test_nothing_is_told_of_short_work(log: Path) -> None:
    assert on_terminal("report", str(log), patience=60)[0] == ""


def test_nothing_is_told_where_no_terminal_is(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(0), "report", str(log)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC)},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_share_is_that_of_stored_bytes_and_reaches_all(log: Path, ending: str) -> None:
    if ending:
        subprocess.run(["gzip", log], check=True)
    path = log.with_name(f"{log.name}{ending}")
    told: list[tuple[str, int, int | None]] = []
    list(scan([path, SRC.parent / "sample_logs" / "postfix.log"], on_progress=lambda *now: told.append(now)))
    total = path.stat().st_size + (SRC.parent / "sample_logs" / "postfix.log").stat().st_size
    assert {now[2] for now in told} == {total}
    done = [now[1] for now in told]
    assert done == sorted(done)
    assert done[-1] == total
