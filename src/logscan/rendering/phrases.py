"""How reports write numbers, times, durations and names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from logscan.causes import cause_info

#: Who answered whom.
DIRECTIONS = {"inbound": "we→them", "outbound": "they→us", None: "?"}


def counted(total: int, inferred: int = 0) -> str:
    """A count; ``*`` marks what stands nowhere in the log and is inferred.

    >>> counted(1080), counted(4, 4), counted(20, 7)
    ('1,080', '4*', '20 (7*)')
    """
    if inferred == total:
        return f"{total:,}{'*' if total else ''}"
    return f"{total:,} ({inferred:,}*)" if inferred else f"{total:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """The count with its noun.

    >>> plural(1, "line"), plural(2000, "reply", "replies")
    ('1 line', '2,000 replies')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def percentage(part: int, whole: int) -> str:
    """A share, which is 100 % or 0 % only if it is exactly that.

    >>> percentage(1076, 1080), percentage(99999, 100000), percentage(3, 3)
    ('99.6 %', '99.9 %', '100 %')
    """
    if part in (0, whole):
        return "100 %" if part else "0 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def span(start: datetime, end: datetime, zone: ZoneInfo, *, day: datetime | None = None) -> str:
    """From ``start`` to ``end``, in ``zone``; the date is left out if both are on the local date of ``day``.

    >>> utc = ZoneInfo("UTC")
    >>> noon = datetime(2026, 11, 22, 12, tzinfo=utc)
    >>> span(noon, noon + timedelta(minutes=19), utc)
    'Sun 2026-11-22 12:00-12:19'
    >>> span(noon, noon + timedelta(hours=12), utc, day=noon)
    '12:00-24:00'
    """
    start, end = start.astimezone(zone), end.astimezone(zone)
    last = (end - timedelta(microseconds=1)).date() if end > start else end.date()
    finish = "24:00" if last < end.date() else f"{end:%H:%M}"
    if start.date() != last:
        return f"{start:%a %Y-%m-%d %H:%M} - {last:%a %Y-%m-%d} {finish}"
    date = "" if day and day.astimezone(zone).date() == last else f"{start:%a %Y-%m-%d} "
    return f"{date}{start:%H:%M}-{finish}"


def duration(seconds: float) -> str:
    """A duration in the unit that fits.

    >>> duration(42), duration(840), duration(7200), duration(200000)
    ('42 s', '14 min', '2 h', '2.3 days')
    """
    for unit, length, limit in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < limit * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


def fine_duration(seconds: float) -> str:
    """A duration in the unit that fits, with what is below a second.

    >>> fine_duration(0.02), fine_duration(4.13), fine_duration(840)
    ('20 ms', '4.1 s', '14 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def cause_label(cause: str | None) -> str:
    """A cause in the middle of a sentence: lower case, but for names such as SPF."""
    if cause is None:
        return ""
    label = cause_info(cause).label
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def code_text(code: int | None, enhanced: str | None) -> str:
    """``421 4.7.0``, or what of it there is."""
    return " ".join(str(part) for part in (code, enhanced) if part is not None)


def code_and_cause(code: int | None, cause: str) -> str:
    """What kind of replies a spike is made of; without a code it may be of either class.

    >>> code_and_cause(421, "server_load"), code_and_cause(None, "greylisting")
    ('421 server load', '4xx/5xx greylisting')
    """
    return f"{code or '4xx/5xx'} {cause_label(cause)}"


def labelled(name: str, label: str) -> str:
    """A name with what the site calls it, if it does.

    >>> labelled("192.0.2.7", "branch office"), labelled("192.0.2.8", "")
    ('192.0.2.7 (branch office)', '192.0.2.8')
    """
    return f"{name} ({label})" if label else name


def listed(parts: Iterable[str]) -> str:
    """The parts that are not empty, between middle dots."""
    return " · ".join(part for part in parts if part)
