"""What is installed: parsers and data are found wherever logscan runs from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import logscan
from logscan.parser_files import builtin_directory, parser_files

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", ["", "transcripts"])
def test_every_parser_file_of_the_repository_is_found(folder: str) -> None:
    written = {file.stem for file in (REPOSITORY / "parsers" / folder).glob("*.toml")}
    assert written
    assert written <= set(parser_files(folder))


def test_parsers_are_data_only() -> None:
    # A Python file among them would break editable installs, and executes where data should not.
    assert not list((REPOSITORY / "parsers").rglob("*.py"))
    assert (builtin_directory() / "postfix.toml").is_file()


def test_data_files_are_valid_toml() -> None:
    for entry in (files("logscan") / "data").iterdir():
        assert tomllib.loads(entry.read_text(encoding="utf-8")), entry.name


def test_importing_logscan_imports_nothing_heavy() -> None:
    heavy = "pyarrow", "pandas", "matplotlib", "numpy", "jinja2", "typer"
    code = f"import sys, logscan; print([name for name in {heavy} if name in sys.modules])"
    environment = {"PYTHONPATH": str(Path(logscan.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_public_names_are_complete() -> None:
    missing = [name for name in logscan.__all__ if not hasattr(logscan, name)]
    assert missing == []


def test_the_changelog_begins_with_this_version() -> None:
    lines = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## [") and "Unreleased" not in line]
    assert versions[0].startswith(f"## [{logscan.__version__}]")


def test_the_manual_page_has_every_command() -> None:
    page = (REPOSITORY / "docs" / "logscan.1").read_text(encoding="ascii")
    sections = re.findall(r"^\.SS logscan (.*)$", page, re.M)
    for command in ("report", "export", "mail", "explain", "doctor", "parsers try", "config show"):
        assert command in sections
    assert f'"logscan {logscan.__version__}"' in page.splitlines()[1]


@pytest.mark.parametrize(
    "checker", [["mandoc", "-T", "lint"], ["groff", "-ww", "-man", "-T", "utf8"]], ids=lambda words: words[0]
)
def test_the_manual_page_has_no_mistakes(checker: list[str]) -> None:
    if not shutil.which(checker[0]):
        pytest.skip(f"{checker[0]} is not installed")
    done = subprocess.run(
        [*checker, REPOSITORY / "docs" / "logscan.1"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert checker[0] != "mandoc" or done.stdout == ""
