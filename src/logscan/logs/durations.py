"""Spans of time as mail servers log them, in seconds."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_SPAN = re.compile(r"(?:\d{1,9}[wdhm]){0,4}(?:\d{1,9}(?:\.\d{1,9})?s)?")
_PART = re.compile(r"([\d.]+)([wdhms])")


def seconds(text: str) -> float | None:
    """How long Exim says something took: ``3s``, ``0.345s``, ``1m3s``, ``2d4h``; None if it says nothing.

    >>> seconds("1m3s")
    63.0
    """
    if not text or _SPAN.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
