"""The explain command."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from logscan.codes.catalogue import describe
from logscan.codes.pages import WIDTH
from logscan.commands.output import ascii_only, show
from logscan.terminal import columns, to_ascii


def run(codes: Sequence[str], reply: str | None, lang: str, direction: str | None, kind: str) -> int:
    """Print the catalogue's entry, or the comparison of two codes, as text, markdown, html or json."""
    found = describe(codes, reply=reply, lang=lang, direction=direction)
    if kind == "json":
        text = json.dumps(found.to_dict(), indent=1)
    elif kind == "html":
        text = found.to_html()
    elif kind == "markdown":
        text = found.to_markdown()
    else:
        text = found.to_text(min(columns(sys.stdout), WIDTH))
    drawn = to_ascii if kind == "text" and lang == "en" and ascii_only() else str
    show("".join(f"{drawn(line)}\n" for line in text.splitlines()), kind)
    return 0
