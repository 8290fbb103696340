"""What the documentation shows is what logscan does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

import generate
import manual
from logscan.cli import app
from logscan.logs.definitions import parse_definition
from logscan.logs.selfcheck import check_parser

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_shown_outputs_are_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == generate.renewed(text), "run: make docs"


def test_the_manual_page_is_made_from_the_help() -> None:
    assert generate.MANUAL.read_text(encoding="utf-8") == manual.page(), "run: make docs"


def test_the_readme_shows_the_report_that_make_report_prints() -> None:
    shown = [found["command"] for found in generate.BLOCK.finditer(README)]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert shown
    assert f"/{shown[0]}\n" in makefile
    assert "make report" in README.partition("<!--")[0]


@pytest.mark.parametrize(("marker", "shown"), [("output of", "a\nb\n"), ("first 1 lines of", "a\n")])
def test_a_changed_output_is_noticed(marker: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "output_of", lambda command: "a\nb\n")
    page = f"<!-- {marker}: logscan x -->\n```text\nold\n```\nmore\n"
    assert generate.renewed(page) == page.replace("old\n", shown)


def test_the_readme_names_every_command() -> None:
    commands = typer.main.get_command(app)
    assert isinstance(commands, typer.core.TyperGroup)
    named = re.findall(r"^\| `logscan (\w+)", README, re.M)
    assert sorted(named) == sorted(name for name, command in commands.commands.items() if not command.hidden)


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    assert examples
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_logs").symlink_to(REPOSITORY / "sample_logs")
    for example in examples:
        exec(example, {})  # noqa: S102  our own page


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (REPOSITORY / target).exists(), target


def test_the_example_parser_passes_its_own_samples() -> None:
    guide = (REPOSITORY / "parsers" / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```toml\n(.*?)^```$", guide, re.M | re.S)
    assert len(examples) == 1
    assert check_parser(parse_definition(examples[0], "parsers/README.md")) == []
    wrong = examples[0].replace("code = 451", "code = 450")
    assert check_parser(parse_definition(wrong, "parsers/README.md")) != []
