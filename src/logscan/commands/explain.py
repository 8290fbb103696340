"""The explain command."""

from __future__ import annotations

from collections.abc import Sequence

from logscan.codes.catalogue import describe
from logscan.commands.output import ascii_only, show
from logscan.terminal import to_ascii


def run(codes: Sequence[str], reply: str | None, lang: str, direction: str | None) -> int:
    """Print the catalogue's entry, or the comparison of two codes."""
    text = describe(codes, reply=reply, lang=lang, direction=direction).to_text()
    drawn = to_ascii if lang == "en" and ascii_only() else str
    show("".join(f"{drawn(line)}\n" for line in text.splitlines()))
    return 0
