"""Shells complete commands, options and values; their scripts are produced, and work where the shell is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from logscan.cli import run

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own, and a command ``logscan`` that is this one."""
    command = tmp_path / "bin" / "logscan"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m logscan "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
    }


def called(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == ""
    return done.stdout


def completed(line: str, environment: dict[str, str]) -> list[str]:
    """What fish would offer at the end of ``line``: values without the words on each."""
    asked = {
        "_LOGSCAN_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": line,
    }
    shown = called(["logscan"], environment | asked)
    return [offer.partition("\t")[0] for offer in shown.splitlines() if offer]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str, environment: dict[str, str]) -> None:
    script = called(["logscan"], environment | {"_LOGSCAN_COMPLETE": f"source_{shell}"})
    assert f"_LOGSCAN_COMPLETE=complete_{shell}" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, encoding="utf-8", check=True)


ASKS = {
    "bash": 'COMP_WORDS=(logscan report --format h); COMP_CWORD=3; _logscan_completion logscan; echo "${COMPREPLY[@]}"',
    "fish": 'complete --do-complete "logscan report --format h"',
}


@pytest.mark.parametrize("shell", ASKS)
def test_the_script_completes_in_its_shell(shell: str, environment: dict[str, str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = called(["logscan"], environment | {"_LOGSCAN_COMPLETE": f"source_{shell}"})
    assert called([shell, "-c", f"{script}\n{ASKS[shell]}"], environment) == "html\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("logscan re", {"report"}),
        ("logscan report --fo", {"--format"}),
        ("logscan report --format ", {"text", "html", "markdown", "json"}),
        ("logscan export --format csv", {"csv", "csv.gz", "csv.zst"}),
        ("logscan report --direction ", {"inbound", "outbound"}),
        ("logscan report --parser postfix", {"postfix", "postfix-notice", "postfix-verbose"}),
        ("logscan parsers show swa", {"swaks"}),
        ("logscan report --tz Europe/Berl", {"Europe/Berlin"}),
        ("logscan report -d y", {"yesterday"}),
        ("logscan explain 42", {"420", "421", "422", "424", "426"}),
        ("logscan explain 4.7.25", {"4.7.25"}),
        ("logscan report --code 5xx,21", {"5xx,211", "5xx,214"}),
        ("logscan report /var/lo", set()),  # the shell offers files
    ],
)
def test_values_are_offered(line: str, expected: set[str], environment: dict[str, str]) -> None:
    offered = completed(line, environment)
    assert set(offered) == expected
    assert len(offered) == len(set(offered))


def test_a_home_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    monkeypatch.setenv("HOME", "/proc/nobody")
    assert run(["--install-completion"]) == 2
    assert capsys.readouterr().err == "logscan: /proc/nobody: No such file or directory\n"
