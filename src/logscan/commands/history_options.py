"""Options about the history that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from logscan.settings import Settings

#: The options of ReadOptions that say how logs are read, not what is shown of them.
LOG_OPTIONS = ("parser", "tz", "year", "postfix_version", "no_progress", "quiet")

LOG_FILES = typer.Argument(
    metavar="PATH",
    help="Files, globs and folders; compressed and rotated ones too. Without it: this machine's mail log.",
    show_default=False,
)

STORE = typer.Option(
    "--store",
    metavar="[DIR]",
    help="The store; without DIR: ingest.store in the configuration, else the usual place.",
)


def store_folder(given: str | None, settings: Settings) -> Path:
    """The folder of the store: the given one, else the configured one, else the usual one."""
    from logscan.history.store import default_folder

    folder = given or settings.values.get("ingest.store")
    return Path(folder).expanduser() if folder else default_folder()
