"""Plots as small as a mail wants them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logscan.plots import Image
    from logscan.reporting import Report

_COLORS = 32  # plots have few, each with some shades at its edges


def inline_images(report: Report) -> list[Image]:
    """The plots of a report, with a palette instead of full colours: a third of the octets."""
    from logscan import plots

    return [replace(image, png=_with_palette(image.png)) for image in plots.inline_images(report)]


def _with_palette(png: bytes) -> bytes:
    from PIL import Image

    stream = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLORS).save(stream, "PNG", optimize=True)
    return stream.getvalue()
