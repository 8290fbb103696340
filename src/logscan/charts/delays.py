"""The plot of how long delivery took."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from logscan.charts.courses import Course
from logscan.charts.style import BLUE, VERMILION, Chart, days, legend, panels, plain, styled, time_axis
from logscan.flagging.baseline import Floats
from logscan.rendering.phrases import duration

_MEDIAN, _HIGH = 50, 95
#: Delays that people know, in seconds.
_TICKS = {
    0.01: "10 ms", 0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h",
    21_600: "6 h", 86_400: "1 day", 432_000: "5 days",
}  # fmt: skip
_LEAST = min(_TICKS)  # a logarithmic axis has no zero


def delays(course: Course, about: str) -> Chart | None:
    """Median and 95th percentile of delivery delays; None if unknown. ``about`` says what log it is."""
    found = course.delays(_MEDIAN, _HIGH)
    if found is None:
        return None
    in_words = {percent: _in_words(delay) for percent, delay in found.overall.items()}
    title = f"Delivery delay: half within {in_words[_MEDIAN]}, {_HIGH} % within {in_words[_HIGH]}"
    figure, (axes,) = panels(title, about, [2.3], extra=0.3)
    edges = days(found.bins.edges)
    centres = (edges[:-1] + edges[1:]) / 2
    with styled():
        for percent, color, look, marker, size in (
            (_HIGH, VERMILION, "--", "^", 6),
            (_MEDIAN, BLUE, "-", "o", 3.5),
        ):
            name = "half are faster (p50)" if percent == _MEDIAN else f"{percent} % are faster (p{percent})"
            axes.plot(
                centres,
                np.maximum(found.percentiles[percent], _LEAST),
                color=color,
                linestyle=look,
                marker=marker,
                markersize=size,
                linewidth=1.4,
                label=plain(name),
            )
        _delay_axis(axes, np.concatenate(list(found.percentiles.values())))
        axes.set_ylabel(plain(f"delay per {found.bins.unit} (log scale)"))
        time_axis(axes, found.bins, course.zone)
        legend(figure, 2)
    return Chart(
        title, f"{title}, of {found.deliveries:,} deliveries. Over time, per {found.bins.unit}.", figure
    )


def _delay_axis(axes: Axes, shown: Floats) -> None:
    """A logarithmic axis in units that people know, from one tick below what is shown to one above."""
    axes.set_yscale("log")
    ticks = np.array(list(_TICKS))
    low, high = max(np.nanmin(shown), _LEAST), max(np.nanmax(shown), _LEAST)
    first = max(int(np.searchsorted(ticks, low, side="right")) - 1, 0)
    last = min(int(np.searchsorted(ticks, high)), len(ticks) - 1)
    ticks = ticks[first : max(last, first + 1) + 1]
    axes.set_ylim(ticks[0] * 0.9, max(ticks[-1], high) * 1.15)
    axes.yaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda delay, _: _TICKS[delay])
    axes.grid(axis="y")


def _in_words(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else f"{seconds:.2g} s"
