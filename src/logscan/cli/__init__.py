"""The command line: the application, and errors as one line and an exit status.

Exit status: 0 done, 1 findings (with ``--fail-on``) or samples that fail, 2 usage, 3 an input could not be
read, 4 nothing was understood, 5 a mail could not be sent, 70 a defect in logscan (EX_SOFTWARE of sysexits.h),
130 interrupted.

The modules of this package say how commands are called; ``commands`` holds what they do, and is imported when one
runs, so that help comes at once.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from logscan import __version__
from logscan.cli import config, parsers, schedule, store, toplevel
from logscan.cli.groups import HELP_OPTIONS, help_if_alone
from logscan.commands.configured import Configured
from logscan.commands.output import quiet_pipe, show, tell
from logscan.errors import LogscanError

INTERRUPTED = 130
DEFECT = 70


class _Application(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        with quiet_pipe():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Application,
    help="Reads mail logs and SMTP transcripts; tells what servers answered and what to do about it.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
    invoke_without_command=True,
)
for command in (toplevel.report, toplevel.export, toplevel.mail, toplevel.ingest):
    app.command(cls=Configured)(command)
for command in (toplevel.explain, toplevel.doctor):
    app.command()(command)
for name, group in (("parsers", parsers), ("config", config), ("schedule", schedule), ("store", store)):
    app.add_typer(group.commands, name=name)


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
    help_if_alone(context)


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
            tell(
                usage_message().replace(": Value error, ", ": ") + _hint(error)
            )  # pydantic's words, from Typer
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


def _open_closed_streams() -> None:
    """What a caller closed (``>&-``) leads nowhere, lest a file that is opened later take its number.

    What is written to standard output then is an error all the same.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 1 else os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def main() -> None:
    """Entry point of the ``logscan`` command."""
    _open_closed_streams()
    sys.meta_path.insert(0, _NoPandasForPyarrow())
    # Blocks come and go; the system's allocator gives their memory back, pyarrow's own keeps it.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Nothing here is linear algebra; the threads that OpenBLAS keeps for it spin for a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        gc.freeze()  # what ends with the process need not be searched for cycles
