"""What shells offer for values that are no fixed list: for the ``autocompletion`` of Typer's parameters.

Each function gets what is typed so far and gives values, with a word on each where there is one. Typer drops
those that begin otherwise; where nothing is left, shells offer files.
"""

from __future__ import annotations

from collections.abc import Iterator

_ENHANCED_CLASSES = (2, 4, 5)  # RFC 3463 section 2


def parsers(incomplete: str) -> list[str]:
    """Names of parsers, those of log files first."""
    from logscan.parser_files import parser_files

    return list(parser_files() | parser_files("transcripts"))


def code(incomplete: str) -> list[tuple[str, str]]:
    """Reply codes and classes with their names; enhanced codes once there is a dot."""
    return list(_enhanced() if "." in incomplete else _basic())


def codes(incomplete: str) -> list[tuple[str, str]]:
    """The same for the last of several codes, which commas separate."""
    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{value}", name) for value, name in code(last)]


def table_formats(incomplete: str) -> list[str]:
    """Formats of an exported table."""
    from logscan.writers import format_names

    return format_names()


def zones(incomplete: str) -> list[str]:
    """Time zones."""
    from zoneinfo import available_timezones

    return sorted(available_timezones())


def spans(incomplete: str) -> list[str]:
    """Spans of time that are one word; shells would insert others without quotes."""
    return ["today", "yesterday"]


def _basic() -> Iterator[tuple[str, str]]:
    from logscan.knowledge import load

    for value, entry in load("catalogue").items():
        yield value, entry["name"]


def _enhanced() -> Iterator[tuple[str, str]]:
    from logscan.knowledge import load

    for key, entry in load("enhanced").items():
        if "-" not in key:  # a range, which has no one code
            for first in entry.get("classes") or _ENHANCED_CLASSES:
                yield key.replace("X", str(first), 1), entry["name"]
