"""Time logscan against pflogsumm and eximstats on the same generated logs, in one run.

    python benchmarks/compare.py >results.md

Whole processes are timed, output thrown away, logs in the page cache; of several runs the fastest counts.
pflogsumm and eximstats are Debian's packages pflogsumm and exim4-base; what is not installed is left out.
Logs are kept in the cache folder and made again only if they are missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
LOGSCAN = (sys.executable, "-c", "import logscan.cli; logscan.cli.main()")


def seconds(command: Sequence[str | Path], runs: int) -> float:
    """Run the command several times; give the real time of the fastest run."""
    return min(_run(command) for _ in range(runs))


def _run(command: Sequence[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def peak(command: Sequence[str | Path]) -> float:
    """Run the command; give the most memory, in megabytes, that it and the processes it starts have together.

    Looked at 50 times a second, which costs time: this run is not timed. Memory that processes share counts once.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_proportional, _tree(process.pid))))
        time.sleep(0.02)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most / 1024


def _tree(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{thread}/children").read_text().split():
                yield from _tree(int(child))


def _proportional(process: int) -> int:
    """The process's memory in kilobytes; what it shares with others in equal parts (Linux)."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def log(cache: Path, mta: str, lines: int) -> Path:
    """Give a generated log of so many lines, read once so that it is in the page cache."""
    path = cache / f"{mta}-{lines}.log"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        generator = HERE / f"generate_{mta}.py"
        subprocess.run([sys.executable, generator, unfinished, "--lines", str(lines)], check=True)
        unfinished.rename(path)
    with path.open("rb") as stream:
        while stream.read(1 << 24):
            pass
    return path


def speed(mta: str, peer: str, path: Path, lines: int, runs: int) -> None:
    """Print a table of the two programs' speed and memory on one log."""
    programs: dict[str, list[str | Path]] = {"logscan report": [*LOGSCAN, "report", path]}
    if shutil.which(peer):
        programs[peer] = [peer, path]
    costs = {name: seconds(command, runs) for name, command in programs.items()}
    print(f"\n## {mta}: {lines:,} lines, {path.stat().st_size / 1e6:.0f} MB\n")
    print("| program | seconds | lines/s | peak memory, MB | time relative to logscan |")
    print("|---|---:|---:|---:|---:|")
    for name, its in costs.items():
        relative = its / costs["logscan report"]
        memory = peak(programs[name])
        print(f"| {name} | {its:.2f} | {lines / its:,.0f} | {memory:.0f} | {relative:.1f} |")


def outputs(cache: Path, lines: int, runs: int) -> None:
    """Print what other outputs of one log cost, relative to the report as text."""
    path = log(cache, "postfix", lines)
    commands: dict[str, list[str | Path]] = {
        "report, text": ["report", path],
        "report, HTML": ["report", path, "--format", "html"],
        "export, Parquet": ["export", path, "-q", "-o", cache / "export.parquet"],
    }
    costs = {name: seconds([*LOGSCAN, *command], runs) for name, command in commands.items()}
    print(f"\n## Outputs of {lines:,} lines\n")
    print("| output | seconds | time relative to the report as text |")
    print("|---|---:|---:|")
    for name, its in costs.items():
        print(f"| {name} | {its:.2f} | {its / costs['report, text']:.2f} |")


def memory(cache: Path, sizes: tuple[int, int]) -> None:
    """Print how memory grows with the log."""
    print("\n## Memory\n")
    print("| command | lines | peak memory, MB | relative to the shorter log |")
    print("|---|---:|---:|---:|")
    for name, options in (("report", ()), ("export, Parquet", ("-q", "-o", cache / "export.parquet"))):
        first = 0.0
        for lines in sizes:
            path = log(cache, "postfix", lines)
            most = peak([*LOGSCAN, name.split(",")[0], path, *options])
            first = first or most
            print(f"| {name} | {lines:,} | {most:.0f} | {most / first:.2f} |")


def startup(runs: int) -> None:
    """Print what starting costs."""
    print("\n## Starting up\n")
    print("| command | seconds | relative |")
    print("|---|---:|---:|")
    commands = {
        "python -c 'import typer'": (sys.executable, "-c", "import typer"),
        "logscan --help": (*LOGSCAN, "--help"),
        "logscan explain 421": (*LOGSCAN, "explain", "421"),
    }
    first = 0.0
    for name, command in commands.items():
        its = seconds(command, 5 * runs)
        first = first or its
        print(f"| {name} | {its:.3f} | {its / first:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2_000_000, help="of the Postfix log; Exim's has half")
    parser.add_argument("--runs", type=int, default=3, help="runs of each command (%(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "logscan-benchmarks")
    arguments = parser.parse_args()
    cache, lines, runs = arguments.cache, arguments.lines, arguments.runs
    cache.mkdir(parents=True, exist_ok=True)
    python = sys.version.split()[0]
    print(f"# logscan and others\n\nPython {python}, {os.cpu_count()} processors, {runs} runs each.")
    speed("Postfix", "pflogsumm", log(cache, "postfix", lines), lines, runs)
    speed("Exim", "eximstats", log(cache, "exim", lines // 2), lines // 2, runs)
    outputs(cache, lines, runs)
    memory(cache, (lines // 10, lines))
    startup(runs)


if __name__ == "__main__":
    main()
