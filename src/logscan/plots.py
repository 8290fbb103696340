"""Plots of a report: as figures, as files, as images for a mail.

matplotlib is imported when the first one is drawn, and without pyplot: nothing is kept open, no window or
display is needed, and the caller's settings of matplotlib are neither used nor changed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from logscan.delays import DELAY_COLUMNS
from logscan.errors import UsageError
from logscan.rendering.phrases import listed, span
from logscan.reporting import Report, report
from logscan.summary import REPORT_COLUMNS
from logscan.terminal import sanitise

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure

    from logscan.charts.style import Chart

#: What all plots together, and a report that tells of delays, need of the replies table.
PLOT_COLUMNS = (*REPORT_COLUMNS, *DELAY_COLUMNS)

#: How wide images are meant to be shown, in pixels; they hold more, for sharp screens.
WIDTH = 640

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Image:
    """A plot for a mail or a page.

    ``cid`` is its Content-ID (RFC 2392) without ``<>``, a different one for each content; ``alt`` says in
    words what ``png`` shows. Neither ``title`` nor ``alt`` is escaped, but for control characters.
    """

    name: str
    cid: str
    title: str
    png: bytes
    alt: str


class Plots(dict[str, "Figure"]):
    """Figures by name, in the order to show them in; notebooks show the figures."""

    def __init__(self, charts: Mapping[str, Chart]) -> None:
        super().__init__((name, chart.figure) for name, chart in charts.items())
        self._charts = dict(charts)

    def images(self) -> list[Image]:
        """The figures as PNG, with words."""
        return [_image(name, chart) for name, chart in self._charts.items()]

    def _repr_html_(self) -> str:
        shown = (
            f'<img width="{WIDTH}" alt="{escape(image.alt)}" '
            f'src="data:image/png;base64,{b64encode(image.png).decode()}">'
            for image in self.images()
        )
        return "<br>".join(shown) or "<p>nothing to plot</p>"


def plot(source: Report | pa.Table | pd.DataFrame, *, tz: str | None = None) -> Plots:
    """Figures by name, of those that have something to show: ``replies``, ``causes``, ``week``, ``delays``.

    ``source`` is a report, or a replies table as ``report`` takes it. Times are shown in ``tz``; without it
    in the report's zone, for a table in UTC. Raises UsageError if columns are missing.
    """
    found = source if isinstance(source, Report) else report(source)
    zone = ZoneInfo(tz or found.tz)
    from logscan.charts.courses import Course
    from logscan.charts.delays import delays
    from logscan.charts.reasons import causes
    from logscan.charts.timeline import timeline
    from logscan.charts.week import week

    course, about = Course(found.replies, zone), _about(found, zone)
    day = found.window.start if found.window.within_a_day(zone) else None
    charts = {
        "replies": timeline(course, found.flags, about, day),
        "causes": causes(course, about),
        "week": week(course, about),
        "delays": delays(course, about),
    }
    return Plots({name: chart for name, chart in charts.items() if chart})


def save_plots(report: Report, folder: str | Path, format: Literal["png", "svg"] = "png") -> list[Path]:  # noqa: A002
    """Write each plot to ``folder`` under its name, whole or not at all; return the paths.

    The folder is made if there is none. Raises UsageError if it, or a file, cannot be written.
    """
    from logscan.atomic import replacing

    if format not in ("png", "svg"):
        raise UsageError(f"{format}: plots are written as png or svg")
    folder = Path(folder)
    plots = plot(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from error
    paths = []
    for name, figure in plots.items():
        path = folder / f"{name}.{format}"
        with replacing(path) as stream:
            stream.write(_saved(figure, format))
        paths.append(path)
    return paths


def inline_images(report: Report) -> list[Image]:
    """The plots as PNG images, to be shown within a mail or a page."""
    return plot(report).images()


def _image(name: str, chart: Chart) -> Image:
    png = _saved(chart.figure, "png")
    cid = f"{name}.{sha256(png).hexdigest()[:24]}@logscan"
    return Image(name, cid, sanitise(chart.title), png, sanitise(chart.alt))


def _saved(figure: Figure, kind: str) -> bytes:
    from logscan.charts.style import styled

    stream = BytesIO()
    with styled():
        # Equal reports give equal files, whenever they are made.
        figure.savefig(stream, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()


def _about(report: Report, zone: ZoneInfo) -> str:
    """Which log it is: its hosts and its time."""
    hosts = ", ".join(report.summary.hosts[:3])
    if len(hosts) > _LONGEST_NAME:
        hosts = f"{hosts[: _LONGEST_NAME - 1]}…"
    start, end = report.summary.first, report.window.end
    return listed((hosts, span(start, end, zone) if start and end else ""))
