"""How all plots look: colours, texts, the time axis; the only state of matplotlib that is relied on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from logscan.charts.bins import Bins
from logscan.flagging.baseline import DAY, SECOND, Floats, Ints
from logscan.terminal import sanitise

WIDTH = 6.4  # inches; 640 pixels on the screen
SMALL = 8  # points

# Okabe and Ito's colours, which people with any colour vision tell apart.
VERMILION, ORANGE, BLUE, SKY, GREEN, PURPLE = (
    "#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7",
)  # fmt: skip
GREY, DARK, FAINT = "#b8b8b8", "#555555", "#e2e2e2"

_FONT = "DejaVu Sans"  # comes with matplotlib
_STYLE: dict[Any, object] = {
    "text.parse_math": False,  # a "$" in a log begins no formula
    "font.family": _FONT,
    "font.size": 9,
    "axes.titlesize": SMALL,
    "axes.titlelocation": "left",
    "axes.titlecolor": DARK,
    "axes.labelsize": SMALL,
    "axes.edgecolor": DARK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": DARK,
    "ytick.color": DARK,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "hatch.linewidth": 0.6,
    "savefig.dpi": 150,  # sharp on screens of today when shown 640 pixels wide
    "svg.hashsalt": "logscan",  # equal reports give equal files
}
_TITLE_COLUMNS = 66
_MOST_TICKS = 10
_LINE = 0.2  # inches
_LEFT = 0.012  # of the figure's width


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title, and in words what it shows."""

    title: str
    alt: str
    figure: Figure


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save in logscan's style, whatever the user's settings are; afterwards these hold again."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def plain(text: str) -> str:
    """``text`` with control characters, and those that the font lacks, as visible escapes."""
    known = _characters()
    return "".join(
        character if ord(character) in known else ascii(character)[1:-1] for character in sanitise(text)
    )


@cache
def _characters() -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont(_FONT)).get_charmap())


def panels(
    title: str, subtitle: str, heights: Sequence[float], *, extra: float = 0
) -> tuple[Figure, list[Axes]]:
    """A figure of panels one upon the other, of about these heights in inches; ``extra`` is for legends."""
    lines = [plain(line) for line in wrap(title, _TITLE_COLUMNS)]
    margin = 0.75 + _LINE * len(lines) + extra
    with styled():
        figure = Figure(figsize=(WIDTH, sum(heights) + margin), facecolor="white", layout="constrained")
        figure.suptitle("\n".join(lines), x=_LEFT, ha="left", fontsize=10.5, weight="bold")
        axes = figure.subplots(
            len(heights), sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0].tolist()
        under_title = blended_transform_factory(figure.transFigure, axes[0].transAxes)
        axes[0].set_title(plain(subtitle), x=_LEFT, transform=under_title + axes[0].titleOffsetTrans)
    return figure, axes


def time_axis(axes: Axes, bins: Bins, zone: ZoneInfo) -> None:
    """Local times below ``axes``, from the first to the last bin."""
    ticks = Bins.over(bins.edges, zone, _MOST_TICKS).edges
    ticks = ticks[(ticks >= bins.edges[0]) & (ticks <= bins.edges[-1])]
    ticks = ticks[:: -(-len(ticks) // _MOST_TICKS)]
    axes.set_xticks(days(ticks), _times(ticks, zone))
    axes.set_xlim(*days(bins.edges[[0, -1]]))
    axes.set_xlabel(plain(f"time ({zone_name(zone)})"))


def _times(ticks: Ints, zone: ZoneInfo) -> list[str]:
    """A time, below it the date where that is a new one; or a date and the year.

    Digits only: the font may lack the letters of months in the user's language.
    """
    moments = [datetime.fromtimestamp(tick // SECOND, zone) for tick in ticks.tolist()]
    if len(ticks) > 1 and ticks[1] - ticks[0] > DAY // 2:
        upper, lower = "%m-%d", "%Y"
    else:
        upper, lower = "%H:%M:%S" if any(moment.second for moment in moments) else "%H:%M", "%m-%d"
    labels, before = [], ""
    for moment in moments:
        below = moment.strftime(lower)
        labels.append(f"{moment:{upper}}\n{below}" if below != before else f"{moment:{upper}}")
        before = below
    return labels


def days(times: Ints) -> Floats:
    """Microseconds since 1970 as days, which is how matplotlib counts time."""
    return times / DAY


def count_axis(axes: Axes, label: str) -> None:
    """Whole numbers from zero on, with a grid."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel(label)
    axes.grid(axis="y")


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the series that are stacked."""

    name: str
    counts: Ints
    color: str
    hatch: str = ""

    @property
    def total(self) -> int:
        """The sum of all bins."""
        return int(self.counts.sum())

    @property
    def title(self) -> str:
        """The name with the total."""
        return f"{self.name}: {self.total:,}"


def stack(axes: Axes, bins: Bins, layers: Sequence[Layer]) -> None:
    """Draw the layers one upon the other, the first at the bottom, and name them below the figure."""
    base = np.zeros(len(bins), np.int64)
    edges = days(bins.edges)
    for layer in layers:
        axes.stairs(
            base + layer.counts,
            edges,
            baseline=base,
            fill=True,
            facecolor=layer.color,
            edgecolor="white",
            linewidth=0,
            hatch=layer.hatch,
            label=plain(layer.title),
        )
        base = base + layer.counts


def zone_name(zone: ZoneInfo) -> str:
    """The zone as axes name it."""
    return zone.key.removeprefix("Etc/")


def legend(figure: Figure, columns: int) -> None:
    """Name what is drawn, below the panels."""
    figure.legend(loc="outside lower left", ncols=columns, handlelength=1.6, columnspacing=1.6)
