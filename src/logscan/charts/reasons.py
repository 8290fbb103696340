"""The plot of what replies were refused for, over time."""

from __future__ import annotations

from logscan.cause_rules import UNKNOWN
from logscan.charts.courses import Course
from logscan.charts.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Chart,
    Layer,
    count_axis,
    legend,
    panels,
    stack,
    styled,
    time_axis,
)
from logscan.rendering.phrases import cause_label, percentage

#: Colours and hatches of the causes: either tells neighbours apart.
_LOOKS = ((VERMILION, ""), (SKY, "////"), (ORANGE, ""), (BLUE, "...."), (PURPLE, ""), (GREEN, "\\\\\\\\"))
_LOOK_OF_OTHERS = (GREY, "")
_COLUMNS = 3  # of the legend
_LEGEND_LINE = 0.16  # inches


def causes(course: Course, about: str) -> Chart | None:
    """Negative replies by cause over time, stacked; None if there are none. ``about`` says what log it is."""
    found = course.causes(len(_LOOKS) - 1)
    if found is None:
        return None
    layers = []
    for number, (cause, counts) in enumerate(found.counts.items()):
        color, hatch = _LOOK_OF_OTHERS if cause is None else _LOOKS[number]
        layers.append(Layer(_name(cause), counts, color, hatch))
    share = percentage(layers[0].total, sum(layer.total for layer in layers))
    title = f"Causes of 4xx and 5xx: {layers[0].name} {share}"
    figure, (axes,) = panels(title, about, [2.3], extra=0.2 + _LEGEND_LINE * -(-len(layers) // _COLUMNS))
    with styled():
        stack(axes, found.bins, layers)
        count_axis(axes, f"replies per {found.bins.unit}")
        time_axis(axes, found.bins, course.zone)
        legend(figure, _COLUMNS)
    counted = ", ".join(layer.title for layer in layers)
    return Chart(title, f"4xx and 5xx replies per {found.bins.unit} by cause: {counted}.", figure)


def _name(cause: str | None) -> str:
    if cause is None:
        return "other causes"
    return "cause unknown" if cause == UNKNOWN else cause_label(cause)
