"""The generators of invented logs give the same log for the same seed, in order, of the length asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def run(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, check=True, stderr=subprocess.DEVNULL)


def test_sample_logs_are_as_generated(tmp_path: Path) -> None:
    run("sample_logs/generate.py", tmp_path)
    for name in "postfix.log", "exim_mainlog":
        assert (tmp_path / name).read_bytes() == (REPOSITORY / "sample_logs" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("generator", "arguments", "stamp"),
    [("postfix", ["--rfc3339"], 32), ("postfix", ["--rfc3339", "--long-ids"], 32), ("exim", [], 19)],
)
def test_generated_logs_are_in_order_and_of_the_wanted_length(
    generator: str, arguments: list[str], stamp: int, tmp_path: Path
) -> None:
    run(f"benchmarks/generate_{generator}.py", tmp_path / "log", "--lines", "5000", *arguments)
    stamps = [line[:stamp] for line in (tmp_path / "log").read_text().splitlines()]
    assert len(stamps) == 5000
    assert stamps == sorted(stamps)
    assert stamps[0] < stamps[-1]


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    logs = []
    for number, seed in enumerate(("1", "1", "2")):
        log = tmp_path / str(number)
        run("benchmarks/generate_exim.py", log, "--lines", "200", "--seed", seed)
        logs.append(log.read_bytes())
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]
