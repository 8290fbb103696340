"""The plot of when replies are refused: by weekday and hour."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import PowerNorm

from logscan.charts.courses import Course
from logscan.charts.style import SMALL, Chart, panels, plain, styled, zone_name

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def week(course: Course, about: str) -> Chart | None:
    """Negative replies by weekday and hour; None if the log is too short. ``about`` says what log it is."""
    found = course.week()
    if found is None:
        return None
    day, hour = (int(number) for number in np.unravel_index(np.nanargmax(found.rates), found.rates.shape))
    when = f"{_DAYS[day]} {hour:02d}-{hour + 1:02d} h"
    title = f"4xx and 5xx by weekday and hour: most on {when}"
    figure, (axes,) = panels(title, about, [2.2])
    with styled():
        # Bent a little, to keep everyday hours apart though an incident outshines them.
        norm = PowerNorm(0.7, vmin=0, vmax=float(np.nanmax(found.rates)))
        axes.set_facecolor("white")
        axes.patch.set(hatch="////", edgecolor="#cccccc")  # shows where there is no log
        mesh = axes.pcolormesh(
            np.arange(25),
            np.arange(8),
            found.rates,
            norm=norm,
            cmap="YlOrBr",
            edgecolor="white",
            linewidth=0.4,
        )
        axes.set_ylim(7, 0)
        axes.set_yticks(np.arange(7) + 0.5, _DAYS)
        axes.set_xticks(np.arange(0, 25, 3))
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xlabel(plain(f"hour of the day ({zone_name(course.zone)})"))
        axes.set_ylabel("weekday")
        bar = figure.colorbar(mesh, ax=axes, pad=0.02, aspect=16)
        bar.set_label("mean replies per hour", fontsize=SMALL)
        bar.outline.set_visible(False)
    return Chart(title, f"{title}: {found.rates[day, hour]:,.1f} replies per hour.", figure)
