"""The options of the schedule commands, defined once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from logscan.commands.options import LIKE_REPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOptions:
    """What is to be mailed, when and to whom. The annotations are what the command line shows."""

    paths: Annotated[list[str] | None, LIKE_REPORT] = None
    daily: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Every day at this time, about the day before.")
    ] = None
    weekly: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="DAY HH:MM", help="Every week, as in Mon 06:00, about the week before."),
    ] = None
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR", help="Who gets it; may be repeated. Else as configured."),
    ] = None
    only_if_flagged: Annotated[
        bool, typer.Option("--only-if-flagged", help="No mail if there is nothing to look at.")
    ] = False
    system: Annotated[
        bool | None,
        typer.Option(
            "--system/--user", help="For this machine (needs root) or for you; else by who you are."
        ),
    ] = None
    cron: Annotated[
        bool, typer.Option("--cron", help="An entry in /etc/cron.d instead of a systemd timer.")
    ] = False
