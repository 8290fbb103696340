"""The report: what was counted, what stands out, what was read; laid out on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from logscan.errors import UsageError
from logscan.known_peers import KnownPeers
from logscan.schema import SCHEMA
from logscan.summary import REPORT_COLUMNS, Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

    from logscan.comparison import Earlier
    from logscan.coverage import InputReport
    from logscan.flagging.findings import Flag, FlagOptions
    from logscan.flagging.greylisting import GreylistingOutcome
    from logscan.flagging.past import Past
    from logscan.plots import Plots


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a report is about; ``end`` is excluded. Both are None if no reply has a time."""

    start: datetime | None
    end: datetime | None

    def within_a_day(self, zone: ZoneInfo) -> bool:
        """Whether it begins and ends on the same date in ``zone``."""
        if self.start is None or self.end is None:
            return False
        last = self.end - timedelta(microseconds=1)
        return self.start.astimezone(zone).date() == last.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Report:
    """What the replies of one log tell.

    ``inputs`` says how each source was read; it is empty for a table that came without. ``greylisting`` says
    by direction what became of greylisted messages. ``tz`` is the zone that times are shown in, ``top`` how
    many entries lists have. ``replies`` is the table it is about, from which plots are made. ``known`` are the
    peers that the site has words for. ``earlier`` are periods to compare it with, as far as a history is known.
    """

    window: Window
    inputs: tuple[InputReport, ...]
    summary: Summary
    flags: tuple[Flag, ...]
    greylisting: Mapping[str, GreylistingOutcome]
    tz: str
    top: int
    replies: pa.Table = field(repr=False, compare=False)
    known: KnownPeers = field(default_factory=KnownPeers, repr=False)
    earlier: tuple[Earlier, ...] = ()

    def to_text(
        self, *, width: int = 80, color: bool = False, ascii_only: bool = False, verbose: int = 0
    ) -> str:
        """The report for a terminal, problems first; no control characters but those of ``color``."""
        from logscan.rendering.text import to_text

        return to_text(self, width=width, color=color, ascii_only=ascii_only, verbose=verbose)

    def to_markdown(self) -> str:
        """The report in Markdown; what others wrote is in code spans."""
        from logscan.rendering.markdown import to_markdown

        return to_markdown(self)

    def to_html(self) -> str:
        """The report as a page of its own: no script, nothing to load, for screens, phones and paper."""
        from logscan.rendering.html import to_html

        return to_html(self)

    def to_json(self) -> str:
        """The report as JSON in ASCII: counts, flags with explanations, the codes' meaning; times in UTC."""
        from logscan.rendering.data import to_json

        return to_json(self)

    def plot(self) -> Plots:
        """The plots that have something to show, as matplotlib figures by name; notebooks show them."""
        from logscan.plots import plot

        return plot(self)

    def __str__(self) -> str:
        """The same as ``to_text``."""
        return self.to_text()

    def _repr_html_(self) -> str:
        from logscan.rendering.html import to_fragment

        return to_fragment(self)


def report(
    replies: pd.DataFrame | pa.Table,
    *,
    inputs: Sequence[InputReport] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    tz: str = "UTC",
    top: int = 5,
    flag_options: FlagOptions | None = None,
    known: KnownPeers | None = None,
    earlier: Sequence[Earlier] = (),
    past: Past | None = None,
) -> Report:
    """Report on ``replies``: a DataFrame or Table as ``read`` and ``read_table`` give them, whole or in part.

    Only the columns of REPORT_COLUMNS are needed. ``since`` and ``until`` say what time the replies are from
    if it is more than from the first to the last; ``flag_options``, when to raise a flag; ``known``, which peers
    the site has words for (see ``Site.known_in``). ``earlier`` periods are compared with, and ``past`` days tell
    what to expect, where a history is known. Raises UsageError if columns are missing.
    """
    if not isinstance(replies, pa.Table):
        from logscan.frame import from_pandas

        replies = from_pandas(replies, SCHEMA.names)
    missing = [name for name in REPORT_COLUMNS if name not in replies.column_names]
    if missing:
        raise UsageError(f"a report needs the columns {', '.join(missing)}")
    from logscan.flagging.flags import FlagOptions, flags_among
    from logscan.flagging.greylisting import outcomes
    from logscan.flagging.negatives import Log, Negatives

    known = known or KnownPeers()
    summary = summarise(replies, top=top)
    refused = Negatives.of(Log(replies))
    after_last = summary.last and summary.last.replace(microsecond=0) + timedelta(seconds=1)
    return Report(
        window=Window(since or summary.first, until or after_last),
        inputs=tuple(inputs),
        summary=summary,
        flags=tuple(flags_among(refused, flag_options or FlagOptions(), known.own, past)),
        greylisting=outcomes(refused),
        tz=tz,
        top=top,
        replies=replies,
        known=known,
        earlier=tuple(earlier),
    )
