"""How the schedule commands are called."""

from __future__ import annotations

from typing import Annotated

import typer

from logscan.cli.groups import group
from logscan.commands.configured import named_file
from logscan.commands.options import takes
from logscan.commands.schedule_options import ScheduleOptions

commands = group("Mail the report every day or week.")


@commands.command("install")
@takes(options=ScheduleOptions)
def install_schedule(context: typer.Context, options: ScheduleOptions) -> int:
    """Install a systemd timer, or a cron entry, that mails the report."""
    from logscan.commands.schedule import install

    return install(options, named_file(context))


@commands.command("show")
@takes(options=ScheduleOptions)
def show_schedule(context: typer.Context, options: ScheduleOptions) -> int:
    """Show what is installed; given a time, what would be."""
    from logscan.commands.schedule import show_files

    return show_files(options, named_file(context))


@commands.command("remove")
def remove_schedule(
    system: Annotated[
        bool | None, typer.Option("--system/--user", help="This machine's or yours; else by who you are.")
    ] = None,
) -> int:
    """Remove what was installed."""
    from logscan.commands.schedule import remove

    return remove(system)
