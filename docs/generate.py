"""Keep what the documentation shows equal to what logscan prints.

    python docs/generate.py           rewrites the outputs in README.md and docs/*.md, and docs/logscan.1
    python docs/generate.py --check   only tells which are out of date, and fails if any is

An output is a fenced block after a comment that names the command:

    <!-- output of: logscan explain 421 -->
    <!-- first 20 lines of: logscan report sample_logs/postfix.log -->
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from manual import page as manual_page

REPOSITORY = Path(__file__).parents[1]
LOGSCAN = (sys.executable, "-c", "import logscan.cli; logscan.cli.main()")
# As on a terminal of 80 columns without colour, wherever this runs.
ENVIRONMENT = {
    "PYTHONPATH": str(REPOSITORY / "src"),
    "COLUMNS": "80",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "TZ": "UTC",
    "LANG": "C.UTF-8",
}
BLOCK = re.compile(
    r"(?P<marker><!-- (?:output|first (?P<lines>\d+) lines) of: (?P<command>logscan [^\n]*) -->\n)"
    r"(?P<fence>```\w*\n)(?P<output>.*?)^```$",
    re.M | re.S,
)


MANUAL = REPOSITORY / "docs" / "logscan.1"


def pages() -> list[Path]:
    """All Markdown pages that may show an output."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def output_of(command: str) -> str:
    """Run one logscan command in the repository; give what it prints."""
    done = subprocess.run(  # noqa: S603  the commands stand in our own pages
        [*LOGSCAN, *shlex.split(command)[1:]],
        cwd=REPOSITORY,
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def renewed(text: str) -> str:
    """Give the page with every output as it is now."""

    def block(found: re.Match[str]) -> str:
        lines = output_of(found["command"]).splitlines(keepends=True)
        shown = lines[: int(found["lines"])] if found["lines"] else lines
        return f"{found['marker']}{found['fence']}{''.join(shown)}```"

    return BLOCK.sub(block, text)


def main(*, check: bool) -> None:
    """Renew all pages, or only name those that need it."""
    stale = []
    for path in (*pages(), MANUAL):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if (now := manual_page() if path == MANUAL else renewed(text)) != text:
            stale.append(str(path.relative_to(REPOSITORY)))
            if not check:
                path.write_text(now, encoding="utf-8")
    if stale:
        print("out of date:" if check else "renewed:", *stale)
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main(check="--check" in sys.argv[1:])
