"""The options that several commands share, defined once, and how commands take them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any

import typer

from logscan.commands import completion
from logscan.commands.history_options import STORE

#: The sources of commands that speak of what ``logscan report`` would read.
LIKE_REPORT = typer.Argument(
    metavar="PATH",
    help="As for logscan report. Without it: what the configuration says, else this machine's mail log.",
    show_default=False,
)

TOP = typer.Option(min=1, metavar="N", help="How many entries lists have.")


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
            autocompletion=completion.spans,
            help='today, yesterday, 2026-11-22, 2026-11, "last week", "A to B".',
        ),
    ] = None
    parser: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.parsers,
            help="A known parser or a parser file, instead of telling by the content.",
        ),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            autocompletion=completion.zones,
            help="Zone of stamps without one, and of shown times; else this machine's.",
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
    store: Annotated[str | None, STORE] = None
    code: Annotated[
        str | None,
        typer.Option(
            metavar="CODES",
            autocompletion=completion.codes,
            help="Only these: 421,5xx,4.7.0 (separated by commas).",
        ),
    ] = None
    direction: Annotated[
        Direction | None, typer.Option(help="Only what we answered, or what we were answered.")
    ] = None
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="PEER", help="Only this other end: name, address or network; may be repeated."),
    ] = None
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Show pseudonyms for addresses, users, hosts and networks.")
    ] = False
    anonymize_keep_network: Annotated[
        bool,
        typer.Option(
            "--anonymize-keep-network", help="The same, but keep the /24 or /48 that IP addresses are in."
        ),
    ] = False
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Do not show how far it is.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings and no progress.")] = False
    empty_ok: Annotated[
        bool, typer.Option("--empty-ok", help="Exit with 0 though nothing was understood.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions(ReadOptions):
    """How the user wants logs ingested."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Files, globs or folders; compressed and rotated ones too. "
            "Without it: this machine's mail log or journal.",
            show_default=False,
        ),
    ] = None


def takes(**groups: Callable[..., Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the options that dataclasses define; it gets each ``name=dataclass`` as an argument."""

    def with_groups(command: Callable[..., int]) -> Callable[..., int]:
        shared = {name: inspect.signature(group, eval_str=True).parameters for name, group in groups.items()}
        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.name not in groups
        ]

        def called(**values: Any) -> int:
            made = {
                name: groups[name](**{key: values.pop(key) for key in keys}) for name, keys in shared.items()
            }
            return command(**made, **values)

        by_name = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in (*chain.from_iterable(keys.values() for keys in shared.values()), *own)
        ]
        called.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in by_name}
        called.__name__, called.__doc__ = command.__name__, command.__doc__
        return called

    return with_groups


def only(group: type, *names: str) -> Callable[..., Any]:
    """Some of the options that a dataclass defines, for ``takes``; the others keep their defaults."""
    signature = inspect.signature(group, eval_str=True)

    def made(**values: Any) -> Any:
        return group(**values)

    made.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[signature.parameters[name] for name in names]
    )
    return made
