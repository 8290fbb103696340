"""The report command."""

from __future__ import annotations

import sys
from pathlib import Path

from logscan.commands.options import ReadOptions
from logscan.commands.output import ascii_only, put, tell
from logscan.commands.reading import Reading
from logscan.commands.report_options import ReportOptions
from logscan.errors import UsageError
from logscan.flagging.flags import FlagOptions, Spike, Steady
from logscan.known_peers import Site
from logscan.plots import PLOT_COLUMNS, save_plots
from logscan.reporting import Report
from logscan.summary import REPORT_COLUMNS
from logscan.terminal import columns, wants_color

_ENDINGS = {
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
}


def run(reading_options: ReadOptions, options: ReportOptions, flags: FlagOptions, site: Site) -> int:
    """Read, report, and return the exit status."""
    kind = options.kind or _format_of(options.output)
    # The first screen tells nothing of delays, so that they need not be read for it.
    whole = options.plots or options.verbose or kind in ("html", "markdown")
    reading = Reading(reading_options, site, PLOT_COLUMNS if whole else REPORT_COLUMNS)
    table = reading.table()
    found = reading.report(table, top=options.top, flags=flags)
    put(_rendered(found, kind, options), options.output, kind)
    if options.plots:
        paths = save_plots(found, options.plots)
        if not reading_options.quiet:
            tell("plots: " + (", ".join(map(str, paths)) or "nothing to show"))
    if reading.status:
        return reading.status
    return 1 if _kinds(found) & set(options.fail_on or ()) else 0


def _kinds(report: Report) -> set[str]:
    """What --fail-on may ask for and the report has."""
    from logscan.causes import cause_info

    kinds = {"any"} if report.flags else set()
    for flag in report.flags:
        kinds.add(flag.kind)
        if isinstance(flag, Spike):
            kinds.add(flag.cause)
        if isinstance(flag, Spike | Steady) and cause_info(flag.cause).group == "capacity":
            kinds.add("load")
    return kinds


def _format_of(path: str | None) -> str:
    if path in (None, "-"):
        return "text"
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(f"{path}: the name tells no known format ({', '.join(_ENDINGS)}); use --format")
    return _ENDINGS[ending]


def _rendered(found: Report, kind: str, options: ReportOptions) -> str:
    match kind:
        case "json":
            return found.to_json()
        case "html":
            return found.to_html()
        case "markdown":
            return found.to_markdown()
    to_screen = options.output in (None, "-")
    return found.to_text(
        width=columns(sys.stdout if to_screen else None),
        color=wants_color(sys.stdout, options.color) if to_screen else options.color == "always",
        ascii_only=options.ascii_only or (to_screen and ascii_only()),
        verbose=options.verbose,
    )
