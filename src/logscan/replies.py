"""Splits an SMTP reply into code, enhanced code and text (RFC 5321 section 4.2, RFC 3463, RFC 2034)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

#: One line of a reply: the code, then a blank (last line), a hyphen (more follow) or nothing at all.
REPLY_LINE = re.compile(r"([2-5]\d\d)(?:([ \t-])(.*))?\Z", re.DOTALL)

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:[ \t]+|\Z)")


class Reply(NamedTuple):
    """What a server answered."""

    code: int | None
    """Reply code; null if the text has none."""
    enhanced: str | None
    """Enhanced status code, such as ``4.7.0``."""
    text: str
    """The rest; lines joined by one blank, repeated codes removed."""


class ReplyLine(NamedTuple):
    """One line of a reply as it was on the wire."""

    code: int
    last: bool
    text: str


def reply_line(line: str) -> ReplyLine | None:
    """One reply line taken apart, or nothing if the line is none.

    >>> reply_line("250-SIZE 10240000")
    ReplyLine(code=250, last=False, text='SIZE 10240000')
    """
    match = REPLY_LINE.match(line)
    if match is None:
        return None
    code, separator, text = match.groups()
    return ReplyLine(int(code), separator != "-", text or "")


def join_reply(lines: Sequence[str]) -> Reply:
    """One reply from its lines.

    The code stands on the last line that has one, the enhanced code on the first that has one:
    some servers repeat it on each line, some give it once.
    """
    code = enhanced = None
    parts = []
    for line in lines:
        taken = reply_line(line)
        if taken is not None:
            code, text = taken.code, taken.text.strip()
        else:
            text = line.strip()
        match = _ENHANCED.match(text)
        if match is not None:
            enhanced = enhanced or match[1]
            text = text[match.end() :]
        if text:
            parts.append(text)
    return Reply(code, enhanced, " ".join(parts))


def split_reply(text: str) -> Reply:
    r"""One reply from its text, whose lines are separated by line ends.

    >>> split_reply("452-4.2.2 Mailbox full\r\n452 4.2.2 502 MB of 500 MB used")
    Reply(code=452, enhanced='4.2.2', text='Mailbox full 502 MB of 500 MB used')
    """
    return join_reply(text.splitlines())
