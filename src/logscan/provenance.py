"""Where a table comes from, in the metadata of what is exported: which inputs, read by which parsers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from logscan import __version__
from logscan.parser_files import parser_files

if TYPE_CHECKING:
    from logscan.coverage import InputReport


def provenance(inputs: Iterable[InputReport]) -> dict[str, str]:
    """``logscan_inputs`` and ``logscan_parsers``, both JSON.

    Inputs are objects with source, parser and numbers of lines, of which so many were understood or not. Parsers are
    versions by name: that of logscan, and the beginning of the SHA-256 checksum of the parser file.
    """
    inputs = list(inputs)
    told = ("source", "parser", "lines", "understood", "unparsed")
    known = parser_files("transcripts") | parser_files()
    names = sorted({report.parser for report in inputs if report.parser in known})
    versions = {name: f"{__version__}+{sha256(known[name].read_bytes()).hexdigest()[:8]}" for name in names}
    return {
        "logscan_inputs": json.dumps([{name: getattr(report, name) for name in told} for report in inputs]),
        "logscan_parsers": json.dumps(versions),
    }
