"""What the application and its groups of commands have in common."""

from __future__ import annotations

import typer

from logscan.commands.output import show

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


def group(purpose: str) -> typer.Typer:
    """A group of commands, which shows its help when none is named; ``purpose`` heads that help."""
    made = typer.Typer(
        help=purpose, rich_markup_mode=None, context_settings=HELP_OPTIONS, invoke_without_command=True
    )
    made.callback()(help_if_alone)
    return made


def help_if_alone(context: typer.Context) -> None:
    """Show the help of a group that was called without a command."""
    if context.invoked_subcommand is None:
        show(f"{context.get_help()}\n")
