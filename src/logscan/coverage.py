"""How much of each source was understood."""

from __future__ import annotations

from dataclasses import dataclass, field

#: So many lines that were not understood are quoted.
MOST_EXAMPLES = 5


@dataclass(slots=True)
class InputReport:
    """What became of one source: its parser and why, how many lines it has and how many were understood.

    ``unparsed`` counts lines of the parser's kind that it could not read, ``other`` those of other programs or of
    people; ``lines = understood + unparsed + other``. ``examples`` are some that were not understood. ``unit`` is what
    is counted: lines of a log, or rows of a table.
    """

    source: str
    parser: str | None = None
    reason: str = ""
    lines: int = 0
    understood: int = 0
    unparsed: int = 0
    other: int = 0
    examples: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    unit: str = "line"
