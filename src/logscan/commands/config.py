"""The config commands: what is configured, and in which files."""

from __future__ import annotations

import json
import os
from textwrap import wrap
from typing import Any

from logscan.commands.output import show
from logscan.settings import HIDDEN, NAMES, candidates, known_keys, line_of, load, place_of
from logscan.terminal import sanitise


def show_settings(named: str | None) -> int:
    """Print every value that is set, as TOML, with the place that sets it; then the keys that are not set.

    Of what is hidden only the place is shown.
    """
    settings = load(named)
    section = blank = ""
    names = [key for key in settings.values if place_of(key)]
    for key in (*known_keys(), *names):
        if key not in settings.values:
            continue
        place = place_of(key)
        table, _, name = (NAMES, "", _toml(place)) if place else key.rpartition(".")
        if table != section:
            _line(f"{blank}[{table}]")
            section = table
        blank = "\n"
        path = settings.origins[key]
        line = line_of(key, path.read_text(encoding="utf-8"))
        value = "…" if key == HIDDEN else settings.values[key]
        _line(f"{name} = {_toml(value)}  # {path}:{line}")
    unset = [key for key in known_keys() if key not in settings.values]
    if settings.values:
        _line("")
    _line("\n".join(wrap(f"# Not set: {', '.join(unset)}", 80, subsequent_indent="# ")))
    return 0


def show_paths(named: str | None) -> int:
    """Print the files that are read, in this order; what a later one says of a key holds."""
    for path in candidates(named):
        _line(f"{path}{'' if os.path.exists(path) else ' (does not exist)'}")
    return 0


def _toml(value: Any) -> str:
    """A value in TOML, of which texts, lists, numbers and truth values look as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> None:
    show("".join(f"{sanitise(line)}\n" for line in text.split("\n")))
