"""Plots show what stands out, name their units, and are safe whatever a log holds."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from logscan import report
from logscan.charts.bins import Bins
from logscan.charts.courses import Course
from logscan.charts.style import plain
from logscan.cli import run
from logscan.errors import UsageError
from logscan.flagging.baseline import DAY, SECOND
from logscan.plots import WIDTH, inline_images, plot, save_plots
from logscan.reporting import Report
from reports import HOSTILE, a_report, flags
from tables import moment, replies

SRC = Path(__file__).parents[1] / "src"
UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
SENT = {"direction": "outbound", "command": "EOD", "code": 250, "status": "sent"}
REFUSED = {"direction": "inbound", "command": "RCPT", "code": 550, "cause": "recipient_unknown"}


def evenly(hours: float, number: int, **values: Any) -> list[dict[str, Any]]:
    """Equal rows at equal distances, from Monday's first moment on."""
    return [{"time": MONDAY + timedelta(hours=hours) * n / number, **values} for n in range(number)]


def texts(figure: Figure) -> list[str]:
    """All that is written in the figure."""
    figure.draw_without_rendering()  # makes the labels of ticks
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def axis_labels(figure: Figure) -> set[str]:
    return {label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def episodes(figure: Figure) -> list[list[tuple[float, float]]]:
    """By panel, the begin and end of what is marked as a flag, in hours since midnight."""
    midnight = moment("00:00").timestamp() / 3600
    return [
        [
            (round(box.x0 * 24 - midnight, 2), round(box.x1 * 24 - midnight, 2))
            for patch in axes.patches
            if patch.get_gid() == "flag"
            for box in [patch.get_path().get_extents(patch.get_patch_transform())]
        ]
        for axes in figure.axes
    ]


# ---- what is shown


def test_the_title_says_what_stands_out() -> None:
    assert plot(a_report())["replies"].get_suptitle() == "421 rate limit 14:05-14:24"


def test_axes_name_their_units_and_the_zone() -> None:
    figures = plot(a_report())
    assert axis_labels(figures["replies"]) == {"4xx, 5xx per 10 min", "2xx\nper 10 min", "time (UTC)"}
    assert axis_labels(figures["causes"]) == {"replies per 10 min", "time (UTC)"}


def test_times_are_shown_in_the_zone_that_is_asked_for() -> None:
    figure = plot(a_report(), tz="Asia/Tokyo")["replies"]
    assert figure.get_suptitle() == "421 rate limit Sun 2026-11-22 23:05-23:24"
    assert "time (Asia/Tokyo)" in axis_labels(figure)
    assert "12:00\n11-22" in texts(figure)


def test_flags_are_marked_when_they_were_and_named() -> None:
    figure = plot(a_report())["replies"]
    scanner, spike = (8.5, 8 + 31 / 60), (14 + 5 / 60, 14 + 24 / 60)
    named, refused, accepted = episodes(figure)
    assert named == [pytest.approx(scanner, abs=0.1), pytest.approx(spike, abs=0.1)]
    assert refused == [pytest.approx(spike, abs=0.01)]
    assert accepted == []
    written = texts(figure)
    assert "502 VRFY rejected we→them 08:30-08:31: 12" in written
    assert "421 rate limit they→us 14:05-14:24: 20" in written


def test_classes_are_counted_apart_and_421_by_itself() -> None:
    table = replies(
        {"code": 421, "time": "10:00"},
        {"code": 450, "time": "10:05", "count": 3},
        {"enhanced": "5.7.1", "time": "10:10"},
        {"code": 250, "time": "10:20"},
        {"code": 450, "basis": "withheld"},
        {"code": 550, "basis": "repeated"},
    )
    assert legend(plot(table)["replies"]) == ["421: 1", "other 4xx: 3", "5xx: 1", "2xx: 1"]


def test_a_quiet_log_shows_its_traffic() -> None:
    figures = plot(replies(*evenly(24, 30, **SENT)))
    assert list(figures) == ["replies"]
    assert figures["replies"].get_suptitle() == "Replies by class: nothing was refused"


@pytest.mark.parametrize(
    "rows", [[], [{"code": 421}], [{"code": 421, "count": 7}] * 2, [{"direction": "outbound"}]], ids=str
)
def test_nothing_is_drawn_where_there_is_nothing_over_time(rows: list[dict[str, Any]]) -> None:
    assert plot(replies(*rows)) == {}


def test_an_incident_is_among_the_causes_though_others_are_more_frequent() -> None:
    usual = ("recipient_unknown", "policy", "dns", "mailbox_full", "relay_denied", "spam_content")
    table = replies(
        *(row for cause in usual for row in evenly(24, 100, **{**REFUSED, "cause": cause})),
        {"time": MONDAY + timedelta(hours=5), "code": 421, "cause": "server_load", "count": 50},
    )
    figure = plot(table)["causes"]
    assert "server load: 50" in legend(figure)
    assert legend(figure)[-1] == "other causes: 200"
    assert figure.get_suptitle() == "Causes of 4xx and 5xx: unknown recipient 15.4 %"


def test_the_week_is_shown_from_four_days_on() -> None:
    assert "week" not in plot(replies(*evenly(95, 95, **REFUSED)))
    figure = plot(replies(*evenly(98, 98, **REFUSED)))["week"]
    assert axis_labels(figure) == {"hour of the day (UTC)", "weekday", "mean replies per hour"}


def test_the_week_holds_means_of_local_hours_and_leaves_out_days_without_log() -> None:
    table = replies(
        *evenly(24 * 12, 24 * 12 * 4, **REFUSED),  # four an hour; two Mondays, one Saturday
        {"time": MONDAY + timedelta(hours=8), **REFUSED, "count": 100},
    )
    week = Course(table, BERLIN).week()
    assert week is not None
    assert week.rates[0, 9] == (4 + 4 + 100) / 2
    assert week.rates[5, 9] == 4
    short = Course(replies(*evenly(24 * 5, 24 * 5, **REFUSED)), UTC_ZONE).week()
    assert short is not None
    assert np.isnan(short.rates[5:]).all()
    assert (short.rates[:5] == 1).all()


def test_delays_have_units_and_their_finding_as_title() -> None:
    rows = evenly(24, 200, **SENT)
    slow = [{**row, "delay": 3600.0 if n % 10 == 0 else 2.0} for n, row in enumerate(rows)]
    figure = plot(replies(*slow))["delays"]
    assert figure.get_suptitle() == "Delivery delay: half within 2 s, 95 % within 60 min"
    assert axis_labels(figure) == {"delay per 2 hours (log scale)", "time (UTC)"}
    assert {"1 s", "1 h"} <= set(texts(figure))


@pytest.mark.parametrize("number", [19, 20])
def test_percentiles_need_some_deliveries(number: int) -> None:
    assert ("delays" in plot(replies(*evenly(24, number, **SENT, delay=1.0)))) == (number == 20)


def test_a_table_without_delays_has_no_plot_of_them() -> None:
    table = replies(*evenly(24, 50, **SENT, delay=1.0))
    assert "delays" not in plot(table.drop_columns(["delay"]))


@given(st.lists(st.integers(0, 10**7), min_size=20, max_size=60))
def test_percentiles_are_delays_that_so_many_deliveries_do_not_exceed(milliseconds: list[int]) -> None:
    rows = evenly(24, len(milliseconds), **SENT)
    table = replies(*({**row, "delay": ms / 1000} for row, ms in zip(rows, milliseconds, strict=True)))
    delays = Course(table, UTC_ZONE).delays(50, 95)
    assert delays is not None
    for percent, delay in delays.overall.items():
        expected = np.percentile(milliseconds, percent, method="inverted_cdf")
        assert delay == pytest.approx(expected / 1000, abs=0.001)


# ---- time in bins


@given(
    st.lists(st.integers(0, 300 * DAY), min_size=1, max_size=30),
    st.integers(5, 150),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo"]),
)
def test_every_time_is_in_one_of_not_too_many_bins(offsets: list[int], most: int, zone: str) -> None:
    times = np.array(offsets) + int(MONDAY.timestamp()) * SECOND
    bins = Bins.over(times, ZoneInfo(zone), most)
    assert (np.diff(bins.edges) > 0).all()
    assert bins.counts(times, np.ones(len(times), np.int64)).sum() == len(times)
    assert len(bins) <= most + 1


def test_days_begin_at_midnight_also_after_clocks_are_changed() -> None:
    first, last = (datetime(2026, 10, day, 12, tzinfo=BERLIN).timestamp() for day in (20, 30))
    bins = Bins.over(np.array([first, last], np.int64) * SECOND, BERLIN, 20)
    begins = [datetime.fromtimestamp(edge / SECOND, BERLIN) for edge in bins.edges.tolist()]
    assert bins.unit == "day"
    assert {(begin.hour, begin.minute) for begin in begins} == {(0, 0)}
    assert [begin.day for begin in begins] == list(range(20, 32))


# ---- files and images


def test_files_are_png_on_white_with_more_pixels_than_are_shown(tmp_path: Path) -> None:
    paths = save_plots(a_report(), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["replies.png", "causes.png"]
    for path in paths:
        pixels = imread(path)
        assert pixels.shape[1] == WIDTH * 3 // 2
        assert (pixels[0, 0] == 1).all()  # white and opaque
        assert pixels[..., 3].min() == 1


def test_files_may_be_svg_and_are_the_same_each_time(tmp_path: Path) -> None:
    first, second = (save_plots(a_report(), tmp_path / name, "svg") for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert ElementTree.parse(first[0]).getroot().tag.endswith("svg")  # noqa: S314  # our own file


def test_only_png_and_svg_are_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="png or svg"):
        save_plots(a_report(), tmp_path, "../x")  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file: cannot be written: File exists"):
        save_plots(a_report(), tmp_path / "file")


def test_images_say_in_words_what_they_show() -> None:
    first, second = inline_images(a_report())
    assert first.alt == (
        "Replies per 10 min: 421: 20, 5xx: 44, 2xx: 121. 502 VRFY rejected we→them 08:30-08:31: 12. "
        "421 rate limit they→us 14:05-14:24: 20."
    )
    assert second.title == "Causes of 4xx and 5xx: relay denied 50.0 %"
    assert first.png.startswith(b"\x89PNG\r\n")
    assert first.cid != second.cid


def test_other_content_has_another_content_id() -> None:
    assert inline_images(a_report())[0].cid != inline_images(a_report(tz="Asia/Tokyo"))[0].cid


def test_notebooks_show_the_plots() -> None:
    html = a_report().plot()._repr_html_()
    assert html.count('src="data:image/png;base64,') == 2
    assert report(replies()).plot()._repr_html_() == "<p>nothing to plot</p>"


# ---- whatever a log holds


def a_report_in_the_words_of(text: str) -> Report:
    """A report with this text as a host's name and as a command."""
    spike, rejections = flags()
    table = replies({"time": "08:00", "code": 502}, {"time": "15:00", "code": 421}, host=text)
    return replace(a_report(table), flags=(spike, replace(rejections, command=text)))


@pytest.mark.parametrize(
    "text", [HOSTILE, "$x^2$", r"$\frac{1}{$", "例え.example", "a\nb", "{x}%s", "_underscore" * 40]
)
def test_what_others_wrote_is_shown_to_the_letter_or_made_visible(text: str, tmp_path: Path) -> None:
    shown = a_report_in_the_words_of(text)
    save_plots(shown, tmp_path, "svg")  # draws all texts; a warning would be an error
    written = "".join(texts(shown.plot()["replies"]))
    assert plain(text)[:20] in written
    assert not any(ord(character) < 32 and character != "\n" for character in written)
    assert "<script" not in (tmp_path / "replies.svg").read_text(encoding="utf-8")


def test_descriptions_are_harmless_too() -> None:
    plots = a_report_in_the_words_of(HOSTILE).plot()
    assert "\x1b" not in plots.images()[0].alt
    assert "<script" not in plots._repr_html_()


def test_the_users_settings_of_matplotlib_are_neither_used_nor_changed(tmp_path: Path) -> None:
    (plain_one,) = save_plots(report(replies(*evenly(24, 30, **SENT))), tmp_path / "a")
    with mpl.rc_context({"figure.facecolor": "black", "text.usetex": True, "savefig.transparent": True}):
        (styled_one,) = save_plots(report(replies(*evenly(24, 30, **SENT))), tmp_path / "b")
        assert mpl.rcParams["figure.facecolor"] == "black"
    assert styled_one.read_bytes() == plain_one.read_bytes()


# ---- the command


@pytest.fixture
def log(tmp_path: Path) -> str:
    line = "2026-11-22T10:{:02d}:00+00:00 mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>\n"
    path = tmp_path / "mail.log"
    path.write_text("".join(map(line.format, range(30))))
    return str(path)


def test_report_writes_plots_and_tells_their_names(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", log, "--plots", str(tmp_path / "plots")]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("logscan  mx1")
    assert shown.err == f"logscan: plots: {tmp_path}/plots/replies.png, {tmp_path}/plots/causes.png\n"
    assert run(["report", log, "--quiet", "--plots", str(tmp_path / "plots")]) == 0
    assert capsys.readouterr().err == ""


def test_report_fails_with_one_line_if_the_folder_cannot_be_written(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", log, "--plots", log]) == 2
    assert capsys.readouterr().err == f"logscan: {log}: cannot be written: File exists\n"


def test_plots_need_neither_pyplot_nor_pandas_nor_a_home(log: str, tmp_path: Path) -> None:
    code = (
        "import sys; from logscan.cli import main\ntry:\n main()\nfinally:\n"
        " print([name for name in ('matplotlib', 'matplotlib.pyplot', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "report", log, "--plots", str(tmp_path / "plots")],
        env={"PYTHONPATH": str(SRC), "HOME": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "['matplotlib']"
    assert len(done.stderr.splitlines()) == 1
