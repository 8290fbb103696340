"""Finds parser files: the shipped ones and the user's own, which replace shipped ones by name."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import platformdirs


def builtin_directory() -> Traversable:
    """Where the shipped parsers are: inside the wheel, or beside ``src/`` in a checkout."""
    packaged = files("logscan") / "parsers"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "parsers"


def shipped(path: str) -> bool:
    """Whether a parser file is one of the shipped ones."""
    return path.startswith(str(builtin_directory()))


def user_directory() -> Path:
    """Where a user keeps parsers of their own; it need not exist."""
    return platformdirs.user_config_path("logscan") / "parsers"


def parser_files(folder: str = "") -> dict[str, Traversable]:
    """Parser files of one folder (``""``, ``"transcripts"``) by name without ``.toml``.

    A user's file with the name of a shipped one replaces it whole; nothing is merged.
    """
    found: dict[str, Traversable] = {}
    for root in (builtin_directory(), user_directory()):
        directory = root / folder if folder else root
        if directory.is_dir():
            found |= {
                entry.name.removesuffix(".toml"): entry
                for entry in sorted(directory.iterdir(), key=lambda entry: entry.name)
                if entry.name.endswith(".toml")
            }
    return found
