"""What a store tells of earlier days: the periods that a report is compared with, and what to expect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from logscan.comparison import Earlier, earlier
from logscan.history.manifest import Manifest
from logscan.windows import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from logscan.flagging.past import Past

#: So many earlier days tell what to expect: two of each day of the week.
DAYS = 14
#: An earlier period counts if the store begins no later than in this part of it.
_BEGUN = 24
_WEEK = timedelta(days=7)
#: What a period of the same length is called that lies so much earlier.
_LABELS = {timedelta(days=1): "day before", _WEEK: "week before"}

#: Rows of a store, with causes, from one moment on and before another.
Rows = Callable[[datetime, datetime], "pa.Table"]


def periods(window: Window, zone: ZoneInfo, now: datetime) -> list[tuple[str, datetime, datetime]]:
    """The period before ``window`` and the one a week before it, of the same length, with what each is called.

    They begin and end at the same times of day. Of a window that is not over yet, as much as has gone by is
    compared. Without both ends there are none.
    """
    if window.since is None or window.until is None or window.since >= now:
        return []
    start, end = (moment.astimezone(zone).replace(tzinfo=None) for moment in (window.since, window.until))
    days = (end - start).days
    whole = days and start.time() == end.time() == time()
    back = timedelta(days=days) if whole else window.until - window.since
    shifts = [(_LABELS.get(back, "period before"), back)]
    if back < _WEEK:
        shifts.append((_LABELS[_WEEK], _WEEK))
    last = min(end, now.astimezone(zone).replace(tzinfo=None))

    def at(moment: datetime, shift: timedelta) -> datetime:
        return (moment - shift).replace(tzinfo=zone).astimezone(UTC)

    return [(label, at(start, shift), at(last, shift)) for label, shift in shifts]


def compared(manifest: Manifest, window: Window, zone: ZoneInfo, now: datetime, rows: Rows) -> list[Earlier]:
    """The earlier periods of which the store has rows from their beginning on, with their counts."""
    from logscan.summary import kinds_of

    begin = min((file.first for file in manifest.files if file.first), default=None)
    found = []
    for label, start, end in periods(window, zone, now):
        if begin is not None and datetime.fromisoformat(begin) <= start + (end - start) / _BEGUN:
            kinds = kinds_of(rows(start, end))
            found += [earlier(label, start, end, kinds)] if kinds else []
    return found


def past(manifest: Manifest, window: Window, rows: Rows) -> Past | None:
    """What the stored days before ``window`` were like; None if they are too few, or the window has no beginning."""
    from logscan.flagging.past import FEWEST_DAYS, Past

    if window.since is None:
        return None
    days = sorted({file.day for file in manifest.files if file.day})
    ended = [day for day in days if datetime.combine(day, time(), UTC) + timedelta(days=1) <= window.since][
        -DAYS:
    ]
    if len(ended) < FEWEST_DAYS:
        return None
    starts = [datetime.combine(day, time(), UTC) for day in ended]
    return Past(rows(start, start + timedelta(days=1)) for start in starts)
