"""The export command."""

from __future__ import annotations

import sys
from dataclasses import replace

from logscan.commands.options import ReadOptions
from logscan.commands.output import tell
from logscan.commands.reading import Reading
from logscan.export import write
from logscan.known_peers import Site
from logscan.provenance import provenance
from logscan.rendering.phrases import plural


def run(
    reading_options: ReadOptions, site: Site, output: str, kind: str | None, partition_by: str | None
) -> int:
    """Read, write, and return the exit status."""
    if output == "-" and sys.stdout.isatty():  # where the progress would stand between the rows
        reading_options = replace(reading_options, no_progress=True)
    reading = Reading(reading_options, site)
    rows = write(
        reading.stream(),
        output,
        format=kind,
        partition_by=partition_by,
        about=lambda: provenance(reading.inputs),
    )
    if output != "-" and not reading_options.quiet:
        tell(f"{output}: {plural(rows, 'row')}")
    return reading.status
