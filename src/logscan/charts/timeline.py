"""The plot of replies by class over time, with the episodes that were flagged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.axes import Axes

from logscan.charts.bins import Bins
from logscan.charts.courses import Course
from logscan.charts.style import (
    BLUE,
    DARK,
    GREY,
    ORANGE,
    SMALL,
    VERMILION,
    Chart,
    Layer,
    count_axis,
    days,
    legend,
    panels,
    plain,
    stack,
    styled,
    time_axis,
)
from logscan.flagging.baseline import DAY, SECOND
from logscan.flagging.findings import CommandRejections, Flag, Spike
from logscan.rendering.phrases import DIRECTIONS, code_and_cause, plural, span

#: Colours and hatches of the classes.
_LOOKS = {"421": (VERMILION, ""), "other 4xx": (ORANGE, ""), "4xx": (ORANGE, ""), "5xx": (BLUE, "////")}
_MOST_FLAGS = 6
_LANE = 0.19  # inches
_SHADE, _SHADE_OF_COMMANDS = "#f9d9c3", "#d3e6f3"
_LONGEST = 72  # characters of a label
_CHARACTER = 0.0096  # how much of the axis one takes, on average
_NARROWEST = 0.004  # a shorter episode would not be seen


def timeline(course: Course, flags: Sequence[Flag], about: str, day: datetime | None) -> Chart | None:
    """Negative replies by class, above them the flags, below them what was accepted; None if there is nothing.

    ``about`` says what log it is. The date is left out of times if they are all on that of ``day``.
    """
    bins = course.bins
    if bins is None:
        return None
    negative = [Layer(name, counts, *_LOOKS[name]) for name, counts in course.by_class(bins).items()]
    positive = Layer("2xx", course.accepted(bins), GREY)
    shown = sorted(sorted(flags, key=lambda flag: -flag.count)[:_MOST_FLAGS], key=lambda flag: flag.start)
    labels = [_label(flag, course.zone, day) for flag in shown]

    def draw_flags(axes: Axes) -> None:
        _flags(axes, shown, labels, bins)

    def draw_negative(axes: Axes) -> None:
        stack(axes, bins, negative)
        count_axis(axes, f"4xx, 5xx per {bins.unit}")
        for flag in shown:
            if isinstance(flag, Spike):
                _shade(axes, flag)

    def draw_positive(axes: Axes) -> None:
        stack(axes, bins, [positive])
        count_axis(axes, f"2xx\nper {bins.unit}")

    wanted = (
        (_LANE * len(shown), draw_flags, bool(shown)),
        (2.0, draw_negative, bool(negative)),
        (0.75 if negative else 1.6, draw_positive, bool(positive.total)),
    )
    drawings = {draw: height for height, draw, is_wanted in wanted if is_wanted}
    if not negative and not positive.total:
        return None
    title = _title(flags, bool(negative), course.zone, day)
    figure, panel = panels(title, about, list(drawings.values()), extra=0.3)
    with styled():
        for draw, axes in zip(drawings, panel, strict=True):
            draw(axes)
        time_axis(panel[-1], bins, course.zone)
        legend(figure, columns=4)
    hidden = [plural(len(flags) - len(shown), "more flag")] if len(flags) > len(shown) else []
    counts = ", ".join(layer.title for layer in (*negative, positive))
    return Chart(title, f"{'. '.join((f'Replies per {bins.unit}: {counts}', *labels, *hidden))}.", figure)


def _title(flags: Sequence[Flag], refused: bool, zone: ZoneInfo, day: datetime | None) -> str:
    spikes = sorted(
        (flag for flag in flags if isinstance(flag, Spike)), key=lambda spike: spike.expected - spike.count
    )
    if not spikes:
        return "Replies by class: no spikes" if refused else "Replies by class: nothing was refused"
    first = f"{_kind(spikes[0])} {span(spikes[0].start, spikes[0].end, zone, day=day)}"
    return f"{first}, {plural(len(spikes) - 1, 'more spike')}" if len(spikes) > 1 else first


def _kind(flag: Flag) -> str:
    if isinstance(flag, CommandRejections):
        return f"{flag.code} {flag.command or 'commands'} rejected"
    return code_and_cause(flag.code, flag.cause)


def _label(flag: Flag, zone: ZoneInfo, day: datetime | None) -> str:
    start, end = flag.start.astimezone(zone), flag.end.astimezone(zone)
    date = "" if day else f"{start:%m-%d} "
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%m-%d %H:%M}"
    return f"{_kind(flag)} {DIRECTIONS[flag.direction]} {date}{start:%H:%M}-{until}: {flag.count:,}"


def _flags(axes: Axes, flags: Sequence[Flag], labels: Sequence[str], bins: Bins) -> None:
    """A line for each flag: a bar while it lasted, and its label where there is room."""
    axes.set_axis_off()
    axes.set_ylim(len(flags), 0)
    left, right = days(bins.edges[[0, -1]])
    for lane, (flag, text) in enumerate(zip(flags, labels, strict=True)):
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        need = _CHARACTER * len(text) + 0.02
        start, end = np.clip((np.array(_moments(flag)) - left) / (right - left), 0, 1).tolist()
        width = max(end - start, _NARROWEST)
        is_command = isinstance(flag, CommandRejections)
        axes.barh(
            lane + 0.5,
            width * (right - left),
            left=left + start * (right - left),
            height=0.8,
            facecolor=_SHADE_OF_COMMANDS if is_command else _SHADE,
            edgecolor=BLUE if is_command else VERMILION,
            linewidth=0.8,
            gid="flag",
        )
        if start + width + need <= 1:
            x, side = start + width + 0.008, "left"
        elif start >= need:
            x, side = start - 0.008, "right"
        else:  # upon the bar, which is long
            x, side = min(max(start + 0.008, 0.008), 1 - need), "left"
        axes.text(
            x,
            lane + 0.53,
            plain(text),
            transform=axes.get_yaxis_transform(which="grid"),
            ha=side,
            va="center",
            fontsize=SMALL - 0.5,
            color=DARK if is_command else "black",
        )


def _shade(axes: Axes, flag: Flag) -> None:
    """The flag's time, behind the counts; the edge shows what is too short to be seen."""
    axes.axvspan(*_moments(flag), facecolor=_SHADE, edgecolor=_SHADE, linewidth=1, zorder=0, gid="flag")


def _moments(flag: Flag) -> tuple[float, float]:
    """When the flag begins and ends, in days since 1970."""
    return flag.start.timestamp() * SECOND / DAY, flag.end.timestamp() * SECOND / DAY
