"""How the config commands are called."""

from __future__ import annotations

import typer

from logscan.cli.groups import group
from logscan.commands.configured import named_file

commands = group("Show what is configured, and where.")


@commands.command("show")
def show_configuration(context: typer.Context) -> int:
    """Show what is set, and by which file."""
    from logscan.commands.config import show_settings

    return show_settings(named_file(context))


@commands.command("path")
def show_configuration_files(context: typer.Context) -> int:
    """Show which files are read; later ones win."""
    from logscan.commands.config import show_paths

    return show_paths(named_file(context))
