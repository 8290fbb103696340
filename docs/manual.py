"""The manual page logscan(1), made from the help of the commands; docs/generate.py keeps it current."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Container, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "src"))

from logscan import __version__  # noqa: E402  this repository's, installed or not
from logscan.cli import app  # noqa: E402
from logscan.commands.options import ReadOptions  # noqa: E402

# Characters that groff would draw as others, or take for its own.
ESCAPED = {"\\": "\\e", "-": "\\-", "~": "\\(ti", "^": "\\(ha", "`": "\\(ga", "'": "\\(aq"}
SHARED = {field.name for field in fields(ReadOptions)}
SHARED_TITLE = "Options of the reading commands"


def page() -> str:
    """The whole page, in the macros of man(7)."""
    root: Any = typer.main.get_command(app)
    context = typer.Context(root, info_name="logscan")
    purpose = root.help.partition(";")[0]
    own = tomllib.loads((REPOSITORY / "docs" / "manual.toml").read_text(encoding="utf-8"))
    lines = [
        r".\" Made by docs/generate.py; not to be edited.",
        f'.TH LOGSCAN 1 "{_released()}" "logscan {__version__}" "User Commands"',
        *_section("Name"),
        f"logscan \\- {_escaped(purpose[:1].lower() + purpose[1:])}",
        *_section("Synopsis"),
        r"\fBlogscan\fR [\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGS\fR]",
        *_section("Description"),
        *_text(root.help),
        *_section("Options"),
        *_parameters(root, context, {parameter.name for parameter in root.params}),
        *_section("Commands"),
        *_commands(root, context),
        *_section(SHARED_TITLE),
        *_parameters(root.commands["report"], context, SHARED),
        *_section("Exit status"),
        *_entries(_exit_statuses()),
        *_section("Environment"),
        *_entries(own["environment"]),
        *_section("Files"),
        *_entries(own["files"]),
        *_section("Examples"),
        *_entries(own["examples"]),
    ]
    return "".join(f"{line}\n" for line in lines)


def _released() -> str:
    """The date of this version, from the changelog, so that the page depends on nothing else."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[{re.escape(__version__)}\] - (\S+)$", changelog, re.M)
    return found[1] if found else ""


def _commands(group: Any, context: Any) -> Iterator[str]:
    """A subsection for each command, those of groups too."""
    for name, command in group.commands.items():
        inside = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _commands(command, inside)
            continue
        yield f".SS {_escaped(inside.command_path)}"
        pieces = _escaped(" ".join(command.collect_usage_pieces(inside)))
        yield f"\\fB{_escaped(inside.command_path)}\\fR {pieces}"
        for paragraph in (command.help or "").split("\n\n"):
            yield ".PP"
            yield from _text(paragraph)
        names = {parameter.name for parameter in command.params}
        if shared := names & SHARED if names >= SHARED else set():
            yield ".PP"
            yield f"Takes the {SHARED_TITLE.lower()} too, see below."
        yield from _parameters(command, inside, names - shared)


def _parameters(command: Any, context: Any, names: Container[str]) -> Iterator[str]:
    """The arguments and options of these names, with their help."""
    for parameter in command.params:
        if parameter.name in names:
            term, told = parameter.get_help_record(context)
            if parameter.param_type_name == "argument":
                term = term.partition(" ")[0]  # what follows is its type
            yield from _entries([(term, told)])


def _exit_statuses() -> Iterator[tuple[str, str]]:
    """The table of docs/cli.md, without its links."""
    text = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    for status, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", text, re.M):
        yield status, re.sub(r", see \[\w+\]\(\S+\)|`", "", meaning)


def _section(title: str) -> Iterator[str]:
    yield f".SH {title.upper()}"


def _entries(entries: Iterable[Iterable[str]]) -> Iterator[str]:
    for term, text in entries:
        yield ".TP"
        yield re.sub(r"((?:^|(?<= ))(?:\\-){1,2}[\w\\-]+)", r"\\fB\1\\fR", _escaped(term))
        yield from _text(text)


def _text(text: str) -> Iterator[str]:
    """Input lines of a length that mandoc has nothing to say about."""
    for line in wrap(_escaped(text), 78, break_on_hyphens=False, break_long_words=False):
        yield f"\\&{line}" if line.startswith((".", "\\(aq")) else line


def _escaped(text: str) -> str:
    """Text that groff prints as it is."""
    text = "".join(ESCAPED.get(character, character) for character in text.replace("…", "..."))
    return "".join(character if character.isascii() else f"\\[u{ord(character):04X}]" for character in text)
