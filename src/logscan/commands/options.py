"""The options that all reading commands share, defined once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer


class Direction(StrEnum):
    """Who answered: this server a client (inbound), or a remote server this one (outbound)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How the user wants the sources read. The annotations are what the command line shows."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Files, globs, folders or - for standard input; compressed and rotated ones too. "
            "Without it: this machine's mail log or journal.",
            show_default=False,
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option("--since", "-S", metavar="TIME", help='From: 2026-11-22 14:05, "30 min ago", …'),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", "-U", metavar="TIME", help="Up to, this excluded.")
    ] = None
    on: Annotated[
        str | None,
        typer.Option(
            "--date",
            "-d",
            metavar="SPAN",
            help='today, yesterday, 2026-11-22, 2026-11, "last week", "A to B".',
        ),
    ] = None
    parser: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A known parser or a parser file, instead of telling by the content."
        ),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="Zone of stamps without one, and of shown times; else this machine's."
        ),
    ] = None
    year: Annotated[
        int | None, typer.Option(metavar="YEAR", help="Year of the first stamp that has none.")
    ] = None
    postfix_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Version of Postfix, where the log does not tell it."),
    ] = None
    syslog_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only lines of this syslog_name, such as postfix-out.")
    ] = None
    code: Annotated[
        str | None, typer.Option(metavar="CODES", help="Only these: 421,5xx,4.7.0 (separated by commas).")
    ] = None
    direction: Annotated[
        Direction | None, typer.Option(help="Only what we answered, or what we were answered.")
    ] = None
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="PEER", help="Only this other end: name, address or network; may be repeated."),
    ] = None
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Do not show how far it is.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings and no progress.")] = False
    empty_ok: Annotated[
        bool, typer.Option("--empty-ok", help="Exit with 0 though nothing was understood.")
    ] = False


def reads(command: Callable[..., int]) -> Callable[..., int]:
    """Give ``command`` the options of ReadOptions; it gets them as its first argument, ``reading``."""
    shared = inspect.signature(ReadOptions, eval_str=True).parameters.values()
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    def with_read_options(**values: Any) -> int:
        reading = ReadOptions(**{parameter.name: values.pop(parameter.name) for parameter in shared})
        return command(reading, **values)

    by_name = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*shared, *own)]
    with_read_options.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    with_read_options.__annotations__ = {parameter.name: parameter.annotation for parameter in by_name}
    with_read_options.__name__, with_read_options.__doc__ = command.__name__, command.__doc__
    return with_read_options
