"""How the parsers commands are called."""

from __future__ import annotations

from typing import Annotated

import typer

from logscan.cli.groups import group
from logscan.commands import completion

commands = group("List, show, check and try parsers.")


@commands.command("list")
def list_parsers() -> int:
    """List all parsers."""
    from logscan.commands.parsers import list_all

    return list_all()


@commands.command("show")
def show_parser(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=completion.parsers, help="A name or a parser file."),
    ],
) -> int:
    """Show what each rule of a parser means."""
    from logscan.commands.parsers import show_one

    return show_one(name)


@commands.command("check")
def check_parsers(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", autocompletion=completion.parsers, help="Parser files or names; else all."
        ),
    ] = None,
) -> int:
    """Test parsers against their own samples.

    Exits with 1 if one fails.
    """
    from logscan.commands.parsers import check_all

    return check_all(names or [])


@commands.command("try")
def try_parser(
    name: Annotated[
        str,
        typer.Argument(metavar="FILE", autocompletion=completion.parsers, help="A parser file or name."),
    ],
    log: Annotated[str, typer.Argument(metavar="LOG", help="A log.")],
) -> int:
    """Show what a parser makes of a log."""
    from logscan.commands.parsers import try_on

    return try_on(name, log)
