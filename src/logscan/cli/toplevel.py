"""How the commands that belong to no group are called."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from logscan.commands import completion
from logscan.commands.configured import named_file
from logscan.commands.history_options import LOG_FILES, LOG_OPTIONS, STORE
from logscan.commands.mail_options import MailOptions
from logscan.commands.options import LIKE_REPORT, Direction, IngestOptions, ReadOptions, only, takes
from logscan.commands.report_options import Format, ReportOptions


class Language(StrEnum):
    """Languages of the headings."""

    EN = "en"
    JA = "ja"


@takes(reading=ReadOptions, options=ReportOptions)
def report(context: typer.Context, reading: ReadOptions, options: ReportOptions) -> int:
    """Report what servers answered, problems first."""
    from logscan.commands.report import run

    return run(reading, options, context.obj.flags, context.obj.site)


@takes(reading=ReadOptions)
def export(
    context: typer.Context,
    reading: ReadOptions,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="File, - or, with --partition-by, folder.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            autocompletion=completion.table_formats,
            help="parquet, arrow, csv, tsv, jsonl, csv.gz, … Else by the name's ending.",
        ),
    ] = None,
    partition_by: Annotated[
        str | None,
        typer.Option(
            metavar="date",
            autocompletion=lambda: ["date"],
            help="A Parquet file for each day (UTC) in the folder.",
        ),
    ] = None,
) -> int:
    """Write one row for each reply.

    In CSV and TSV a text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    from logscan.commands.export import run

    return run(reading, context.obj.site, output, kind, partition_by)


@takes(reading=ReadOptions, options=MailOptions)
def mail(context: typer.Context, reading: ReadOptions, options: MailOptions) -> int:
    """Send the report by mail.

    A message that could not be sent is kept, and the exit status is 5.
    """
    from logscan.commands.mail import run

    return run(reading, options, context.obj.flags, context.obj.site)


@takes(reading=only(IngestOptions, *LOG_OPTIONS))
def ingest(
    context: typer.Context,
    reading: ReadOptions,
    paths: Annotated[list[str] | None, LOG_FILES] = None,
    store: Annotated[str | None, STORE] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Drop days that are longer ago than this.")
    ] = None,
) -> int:
    """Keep what the logs tell: append what is new in them to a store.

    Each line is read once, however the logs are rotated. Whatever happens, no row is lost and none is kept twice.
    """
    from logscan.commands.ingest import run

    return run(paths or (), reading, store, keep, context.obj)


def explain(
    codes: Annotated[
        list[str],
        typer.Argument(
            metavar="CODE",
            autocompletion=completion.code,
            help="421, 4.7.0 or 4xx; two to compare them.",
        ),
    ],
    reply: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The reply's text, to tell the likely cause.")
    ] = None,
    direction: Annotated[Direction | None, typer.Option(help="Advice for one side only.")] = None,
    lang: Annotated[Language, typer.Option(help="Language of the headings.")] = Language.EN,
    kind: Annotated[
        Format, typer.Option("--format", help="Format: text, html (a piece of a page), markdown or json.")
    ] = Format.TEXT,
) -> int:
    """Explain a reply code, or compare two."""
    from logscan.commands.explain import run

    return run(codes, reply, lang, direction, kind)


def doctor(
    context: typer.Context,
    paths: Annotated[list[str] | None, LIKE_REPORT] = None,
) -> int:
    """Tell whether a report would work here, and what to do if not.

    Exits with 0 if it would, with 3 if no log can be read, with 4 if none is recognised.
    """
    from logscan.commands.doctor import run

    return run(paths or (), named_file(context))
