"""The options of the report command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from logscan.commands.options import TOP


class Format(StrEnum):
    """Formats of a report or an explanation."""

    TEXT = "text"
    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Finding(StrEnum):
    """Kinds of flags that --fail-on knows."""

    SPIKE = "spike"
    STEADY = "steady"
    LOAD = "load"
    GREYLISTING = "greylisting"
    COMMAND_REJECTIONS = "command-rejections"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How the user wants the report. The annotations are what the command line shows."""

    kind: Annotated[
        Format | None, typer.Option("--format", help="Else by the name given to -o; text on standard output.")
    ] = None
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write there.")] = None
    top: Annotated[int, TOP] = 5
    color: Annotated[Color, typer.Option(help="auto: on a terminal, unless NO_COLOR is set.")] = Color.AUTO
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="More on findings, inputs, lines not understood."),
    ] = 0
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also write plots there, as PNG files.")
    ] = None
    fail_on: Annotated[
        list[Finding] | None,
        typer.Option(
            metavar="KIND",
            help="Exit with 1 on such a finding: spike (any), steady (421 all the time), load (either, of load, "
            "connections or full disks), greylisting (a spike of it), command-rejections, any; may be repeated.",
        ),
    ] = None
