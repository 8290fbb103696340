"""The files in ``data/``: what logscan knows of codes, causes and names, apart from what it does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def text(name: str) -> str:
    """A file, by its name without suffix."""
    return (files("logscan") / "data" / f"{name}.toml").read_text("utf-8")


@cache
def load(name: str) -> Mapping[str, Any]:
    """A file's tables, by its name without suffix; read once."""
    return tomllib.loads(text(name))
