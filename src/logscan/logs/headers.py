"""The headers that nearly all lines of a log have, taken off all lines of a block at once.

For each frame the common form of its header is told without a regex, from fixed shapes and single signs. It is one of
the frame's forms, read to the same end: a line of any other form, or of doubtful form, is left to the regexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logscan.logs.eights import Bytes, Eights, Mask, Positions, Shape, find, past_digits
from logscan.logs.lines import Lines

Span = tuple[Positions, Positions]
#: The longest host name or syslog tag whose end is looked for.
_LONGEST = 64
#: A queue id and the colon behind it are at most so long.
_LONGEST_ID = 24
#: A process id has at most so many digits.
_MOST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of some lines of a block.

    ``index`` says of which lines, ``form`` what form of stamp each has (a place in ``forms``), ``spans`` from where to
    where each of its parts goes, ``message`` where the message begins. With ``ids``, messages may begin with a queue id
    and a colon.
    """

    index: Positions
    forms: tuple[str, ...]
    form: Positions
    spans: dict[str, Span]
    message: Positions
    ids: bool

    def __len__(self) -> int:
        return len(self.index)

    def at(self, places: Positions) -> Headers:
        """The headers at some places."""
        return Headers(
            self.index[places],
            self.forms,
            self.form[places],
            {name: (starts[places], ends[places]) for name, (starts, ends) in self.spans.items()},
            self.message[places],
            self.ids,
        )

    def words(self, lines: Lines) -> tuple[Positions, Mask]:
        """Where the first words begin, behind a queue id; whether no queue id is there nor what might be one."""
        if not self.ids:
            return self.message, np.ones(len(self), bool)
        colon = find(lines.eights, self.message, b": \n", _LONGEST_ID)
        followed = _colon(lines.bytes, colon)
        first = lines.bytes[self.message]
        upper = (first - np.uint8(0x30) < 10) | (first - np.uint8(0x41) < 26)
        is_id = followed & upper & (colon - self.message < _LONGEST_ID)
        return np.where(is_id, colon + 2, self.message), ~followed


_TRADITIONAL = (Shape("Aaa 00 00:00:00 "), Shape("Aaa  0 00:00:00 "))
_ISO = (Shape("0000-00-00T00:00:00"), Shape("0000-00-00 00:00:00"))
_MESSAGE_ID = Shape("[ID ")


def syslog_headers(lines: Lines) -> Headers | None:
    """Stamp, host, tag and process id: ``Nov  5 10:11:12 mx1 postfix/smtpd[2101]: `` (RFC 3164), or with an ISO stamp.

    None if no line begins so. Left out: a priority or a fraction in front, ``<mail.info>`` behind the stamp,
    ``[ID 1 mail.info]`` before the message, ``mail.info`` or anything else with a blank in place of a tag.
    """
    block = lines.eights
    index, starts = np.arange(len(lines)), lines.starts
    traditional = _any_of(_TRADITIONAL, block, starts)
    iso = np.zeros(len(index), bool) if traditional.all() else ~traditional & _any_of(_ISO, block, starts)
    good = traditional | iso
    index, starts, traditional = index[good], starts[good], traditional[good]
    if not len(index):
        return None
    stamp_end = starts + 15
    if not traditional.all():
        stamp_end = np.where(traditional, stamp_end, find(block, starts + 19, b" ", _LONGEST))
    host_end = find(block, stamp_end + 1, b" ", _LONGEST)
    tag_end = find(block, host_end + 1, b"[: ", _LONGEST)
    raw = lines.bytes
    with_pid = raw[tag_end] == ord("[")
    pid_end = np.where(with_pid, past_digits(block, tag_end + 1, _MOST_DIGITS), tag_end)
    has_digits = pid_end > tag_end + 1
    closed = raw[pid_end] == ord("]")
    pid_end = np.where(with_pid, pid_end + 1, pid_end)
    message = pid_end + 2
    good = (~with_pid | (has_digits & closed)) & (host_end > stamp_end + 1) & (tag_end > host_end + 1)
    good &= (raw[stamp_end] == ord(" ")) & (raw[host_end] == ord(" ")) & _colon(raw, pid_end)
    # Behind <mail.info> the host is yet to come.
    good &= raw[stamp_end + 1] != ord("<")
    good &= (message <= lines.ends[index]) & ~_MESSAGE_ID.at(block, message)
    headers = Headers(
        index,
        ("traditional", "iso"),
        np.where(traditional, 0, 1),
        {
            "stamp": (starts, stamp_end),
            "host": (stamp_end + 1, host_end),
            "service": (host_end + 1, tag_end),
            "pid": (tag_end, pid_end),
        },
        message,
        ids=True,
    )
    return headers if good.all() else headers.at(np.flatnonzero(good))


_EXIM_STAMPS = (Shape("0000-00-00 00:00:00 "), Shape("0000-00-00 00:00:00.000 "))
_EXIM_ZONES = (Shape("+0000 "), Shape("-0000 "))
_EXIM_PIDS = tuple(Shape(f"[{'0' * digits}] ") for digits in range(1, 11))
_EXIM_IDS = (Shape("xxxxxx-xxxxxx-xx "), Shape("xxxxxx-xxxxxxxxxxx-xxxx "))


def exim_headers(lines: Lines) -> Headers | None:
    """Stamp, zone, process id and message id of Exim's files: ``2026-11-23 10:00:00 +0100 [1234] 1vNabc-00001c-2X ``.

    None if no line begins so. Left out: lines with a host and a tag behind the stamp.
    """
    block = lines.eights
    index, starts = np.arange(len(lines)), lines.starts
    stamped = _past(_EXIM_STAMPS, block, starts)
    good = stamped > starts
    if not good.all():
        index, starts, stamped = index[good], starts[good], stamped[good]
    if not len(index):
        return None
    zoned = _past(_EXIM_ZONES, block, stamped)
    numbered = zoned.copy()
    bracket = np.flatnonzero(lines.bytes[zoned] == ord("["))
    numbered[bracket] = _past(_EXIM_PIDS, block, zoned[bracket])
    message = _past(_EXIM_IDS, block, numbered)
    good = message <= lines.ends[index]
    bare = np.flatnonzero(message == stamped)
    second = find(block, message[bare], b" ", _LONGEST)
    good[bare] &= (second < message[bare] + _LONGEST) & (
        (block[second] & np.uint64((1 << 40) - 1)) != int.from_bytes(b" exim", "little")
    )
    headers = Headers(
        index,
        ("iso",),
        np.zeros(len(index), np.int64),
        {"stamp": (starts, zoned - 1), "queue_id": (numbered, np.maximum(message - 1, numbered))},
        message,
        ids=False,
    )
    return headers if good.all() else headers.at(np.flatnonzero(good))


def _any_of(shapes: Sequence[Shape], block: Eights, places: Positions) -> Mask:
    """Where a text of any of the shapes begins."""
    found = shapes[0].at(block, places)
    for shape in shapes[1:]:
        rest = np.flatnonzero(~found)
        if len(rest):
            found[rest] = shape.at(block, places[rest])
    return found


def _past(shapes: Sequence[Shape], block: Eights, places: Positions) -> Positions:
    """The places behind the first shape that begins there; unchanged where none does."""
    result = places.copy()
    rest = np.arange(len(places))
    for shape in shapes:
        if not len(rest):
            break
        found = shape.at(block, places[rest])
        result[rest[found]] += len(shape)
        rest = rest[~found]
    return result


def _colon(raw: Bytes, places: Positions) -> Mask:
    """Where a colon and a blank stand."""
    found: Mask = (raw[places] == ord(":")) & (raw[places + 1] == ord(" "))
    return found
