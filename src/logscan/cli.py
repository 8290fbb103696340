"""The command line: how commands are called, and errors as one line and an exit status.

Exit status: 0 done, 1 findings (with ``--fail-on``) or samples that fail, 2 usage, 3 an input could not be
read, 4 nothing was understood, 5 a mail could not be sent, 70 a defect in logscan (EX_SOFTWARE of sysexits.h),
130 interrupted.

Nothing heavy is imported before a command runs, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from logscan import __version__
from logscan.commands import completion
from logscan.commands.configured import Configured, named_file
from logscan.commands.history_options import LOG_OPTIONS, STORE
from logscan.commands.mail_options import MailOptions
from logscan.commands.options import Direction, ReadOptions, only, reads, takes
from logscan.commands.output import quiet_pipe, show, tell
from logscan.commands.schedule_options import ScheduleOptions
from logscan.errors import LogscanError

INTERRUPTED = 130
DEFECT = 70


class _Group(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        with quiet_pipe():
            return super().invoke(ctx)


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
    LOAD = "load"
    GREYLISTING = "greylisting"
    COMMAND_REJECTIONS = "command-rejections"
    ANY = "any"


class Language(StrEnum):
    """Languages of the headings."""

    EN = "en"
    JA = "ja"


_HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=_Group,
    help="Reads mail logs and SMTP transcripts; tells what servers answered and what to do about it.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_HELP,
    invoke_without_command=True,
)
parsers = typer.Typer(
    help="List, show, check and try parsers.",
    rich_markup_mode=None,
    context_settings=_HELP,
    invoke_without_command=True,
)
app.add_typer(parsers, name="parsers")
config = typer.Typer(
    help="Show what is configured, and where.",
    rich_markup_mode=None,
    context_settings=_HELP,
    invoke_without_command=True,
)
app.add_typer(config, name="config")
schedule = typer.Typer(
    help="Mail the report every day or week.",
    rich_markup_mode=None,
    context_settings=_HELP,
    invoke_without_command=True,
)
app.add_typer(schedule, name="schedule")
store = typer.Typer(
    help="Look after a store of logscan ingest.",
    rich_markup_mode=None,
    context_settings=_HELP,
    invoke_without_command=True,
)
app.add_typer(store, name="store")


def _version(wanted: bool) -> None:
    if wanted:
        show(f"logscan {__version__}\n")
        raise typer.Exit


@app.callback()
def _without_command(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", envvar="LOGSCAN_CONFIG", help="A configuration file; it wins over the usual ones."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    _help_if_alone(context)


@store.callback()
@schedule.callback()
@config.callback()
@parsers.callback()
def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        show(f"{context.get_help()}\n")


@app.command(cls=Configured)
@reads
def report(
    context: typer.Context,
    reading: ReadOptions,
    kind: Annotated[
        Format | None, typer.Option("--format", help="Else by the name given to -o; text on standard output.")
    ] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write there.")] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many entries lists have.")] = 5,
    color: Annotated[Color, typer.Option(help="auto: on a terminal, unless NO_COLOR is set.")] = Color.AUTO,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="More on findings, inputs, lines not understood."),
    ] = 0,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also write plots there, as PNG files.")
    ] = None,
    fail_on: Annotated[
        list[Finding] | None,
        typer.Option(
            metavar="KIND",
            help="Exit with 1 on such a finding: spike (any), load (a spike of load, connections or full disks), "
            "greylisting (a spike of it), command-rejections, any; may be repeated.",
        ),
    ] = None,
) -> int:
    """Report what servers answered, problems first."""
    from logscan.commands.report import ReportOptions, run

    return run(
        reading,
        ReportOptions(
            top=top,
            kind=kind,
            output=output,
            color=color,
            ascii_only=ascii_only,
            verbose=verbose,
            fail_on=fail_on or (),
            plots=plots,
            flags=context.obj.flags,
            site=context.obj.site,
        ),
    )


@app.command(cls=Configured)
@reads
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


@app.command(cls=Configured)
@takes(reading=ReadOptions, options=MailOptions)
def mail(context: typer.Context, reading: ReadOptions, options: MailOptions) -> int:
    """Send the report by mail.

    A message that could not be sent is kept, and the exit status is 5.
    """
    from logscan.commands.mail import run

    return run(reading, options, context.obj.flags, context.obj.site)


@app.command(cls=Configured)
@takes(reading=only(ReadOptions, *LOG_OPTIONS))
def ingest(
    context: typer.Context,
    reading: ReadOptions,
    store: Annotated[str | None, STORE] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Drop days that are longer ago than this.")
    ] = None,
) -> int:
    """Keep what the logs tell: append what is new in them to a store.

    Each line is read once, however the logs are rotated. Whatever happens, no row is lost and none is kept twice.
    """
    from logscan.commands.ingest import run

    return run(reading, store, keep, context.obj)


@app.command()
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


@app.command()
def doctor(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="As for logscan report. Without it: what the configuration says, else this machine's mail log.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Tell whether a report would work here, and what to do if not.

    Exits with 0 if it would, with 3 if no log can be read, with 4 if none is recognised.
    """
    from logscan.commands.doctor import run

    return run(paths or (), named_file(context))


@parsers.command("list")
def list_parsers() -> int:
    """List all parsers."""
    from logscan.commands.parsers import list_all

    return list_all()


@parsers.command("show")
def show_parser(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=completion.parsers, help="A name or a parser file."),
    ],
) -> int:
    """Show what each rule of a parser means."""
    from logscan.commands.parsers import show_one

    return show_one(name)


@parsers.command("check")
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


@parsers.command("try")
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


@config.command("show")
def show_configuration(context: typer.Context) -> int:
    """Show what is set, and by which file."""
    from logscan.commands.config import show_settings

    return show_settings(named_file(context))


@config.command("path")
def show_configuration_files(context: typer.Context) -> int:
    """Show which files are read; later ones win."""
    from logscan.commands.config import show_paths

    return show_paths(named_file(context))


@schedule.command("install")
@takes(options=ScheduleOptions)
def install_schedule(context: typer.Context, options: ScheduleOptions) -> int:
    """Install a systemd timer, or a cron entry, that mails the report."""
    from logscan.commands.schedule import install

    return install(options, named_file(context))


@schedule.command("show")
@takes(options=ScheduleOptions)
def show_schedule(context: typer.Context, options: ScheduleOptions) -> int:
    """Show what is installed; given a time, what would be."""
    from logscan.commands.schedule import show_files

    return show_files(options, named_file(context))


@store.command("show", cls=Configured)
def show_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Show which days a store holds, and how far each log was read."""
    from logscan.commands.store import show_store

    return show_store(store, context.obj)


@store.command("compact", cls=Configured)
def compact_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Make one file of the files of each day."""
    from logscan.commands.store import compact_store

    return compact_store(store, context.obj)


@store.command("verify", cls=Configured)
def verify_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Check that every file of a store is whole.

    Exits with 3 if one is damaged.
    """
    from logscan.commands.store import verify_store

    return verify_store(store, context.obj)


@schedule.command("remove")
def remove_schedule(
    system: Annotated[
        bool | None, typer.Option("--system/--user", help="This machine's or yours; else by who you are.")
    ] = None,
) -> int:
    """Remove what was installed."""
    from logscan.commands.schedule import remove

    return remove(system)


def run(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status, having told of any error in one line."""
    try:
        return app(list(arguments), prog_name="logscan", standalone_mode=False) or 0
    except LogscanError as error:
        tell(str(error))
        return error.exit_status
    except typer.Abort:
        return INTERRUPTED
    except OSError as error:  # of Typer's --install-completion; commands raise LogscanError
        tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return LogscanError.exit_status
    except Exception as error:
        if (usage_message := getattr(error, "format_message", None)) is not None:
            tell(usage_message() + _hint(error))
            return LogscanError.exit_status
        if os.environ.get("LOGSCAN_DEBUG"):
            traceback.print_exc()
        else:
            tell(f"{type(error).__name__}: {error} (a defect of logscan; LOGSCAN_DEBUG=1 shows where)")
        return DEFECT


def _hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f" (see {context.command_path} --help)" if context else ""


class _NoPandasForPyarrow:
    """Spares pyarrow the import of pandas, a fifth of a second, which it tries at its first array.

    It would be needed to recognise DataFrames, and no command has any.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse to import pandas; see importlib.abc.MetaPathFinder."""
        if name == "pandas":
            raise ImportError("commands do without pandas")


def main() -> None:
    """Entry point of the ``logscan`` command."""
    sys.meta_path.insert(0, _NoPandasForPyarrow())
    # Blocks come and go; the system's allocator gives their memory back, pyarrow's own keeps it.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
