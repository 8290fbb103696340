"""How the lines of a log begin: the record headers that may stand before a message.

A frame is a list of header forms, tried in order. A form's regex has at most four groups, one more only in rare
forms, and covers the header exactly, so that RE2 matches it in one pass and the message's place follows from the
groups' lengths. A form that wraps has the header of an inner form behind it, or may have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from logscan.logs.eights import Text
from logscan.logs.headers import Headers, exim_headers, syslog_headers
from logscan.logs.lines import Lines
from logscan.logs.pieces import rejoin

_TRADITIONAL = r"[A-Z][a-z]{2} (?: \d|\d\d?) \d\d:\d\d:\d\d"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
_TAG = r"(?P<service>[^ \[:]+)(?P<pid>(?:\[\d+\])?): "


@dataclass(frozen=True, slots=True)
class HeaderForm:
    """One form of header.

    ``regex`` groups: ``stamp``, ``zone`` (where it stands apart from the stamp), ``host``, ``service``,
    ``pid``, ``queue_id``, each optional. ``around`` is the number of bytes of the header outside all groups;
    a group ``header`` around all of it does instead. ``stamp`` names the form of the stamp (see
    ``timestamps``).
    """

    name: str
    regex: str
    around: int
    stamp: str | None
    wraps: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """Header forms of a family of logs.

    ``inner`` forms are tried in order on what a wrapping form left. ``columns`` are the groups that are of
    use later. ``continuation`` is a regex of lines without header that go on with the record before.

    ``headers`` takes the most common form off all lines at once, which spares them the regexes. ``tagged``: every
    header ends in a syslog tag, a colon and a blank.

    ``mend`` undoes what was done to entries that were too long; the number of lines stays.
    """

    name: str
    forms: tuple[HeaderForm, ...]
    inner: tuple[HeaderForm, ...] = ()
    columns: tuple[str, ...] = ("host", "service", "pid", "queue_id")
    continuation: str | None = None
    headers: Callable[[Lines], Headers | None] | None = None
    tagged: bool = False
    mend: Callable[[Text], Text] | None = None


_SYSLOG = (
    # Nov  5 10:11:12 mx1 postfix/smtpd[2101]: ; a priority in front and a fraction of the second are allowed.
    HeaderForm(
        "rfc3164", rf"^(?P<stamp>(?:<\d+>)?{_TRADITIONAL}(?:\.\d+)?) (?P<host>[^ ]+) {_TAG}", 4, "traditional"
    ),
    # 2025-11-05T10:11:12.345678+01:00 mx1 postfix/smtpd[2101]:
    HeaderForm("rfc3339", rf"^(?P<stamp>(?:<\d+>)?{_ISO}[^ ]*) (?P<host>[^ ]+) {_TAG}", 4, "iso"),
    # <22>1 2025-11-05T10:11:12.003Z mx1.example.org postfix/smtpd 2101 - - (RFC 5424)
    HeaderForm(
        "rfc5424",
        rf"^(?P<stamp><\d+>1 {_ISO}[^ ]*) (?P<host>[^ ]+) (?P<service>[^ ]+) (?P<pid>[^ ]+ [^ ]+ (?:-|\[[^\]]*\])) ",
        4,
        "iso",
    ),
    # Nov  5 10:11:12 <mail.info> mx1 postfix/smtpd[2101]: (FreeBSD syslogd -v)
    HeaderForm("freebsd", rf"^(?P<stamp>{_TRADITIONAL} <[^>]*>) (?P<host>[^ ]+) {_TAG}", 4, "traditional"),
    # Nov  5 10:11:12 mx1 mail.info postfix/smtpd[2101]: (BusyBox syslogd)
    HeaderForm(
        "busybox",
        rf"^(?P<header>(?P<stamp>{_TRADITIONAL}) (?P<host>[^ ]+) [a-z]+[0-7]?\.[a-z]+ {_TAG})",
        0,
        "traditional",
    ),
    # 1762333872.123456 mx1 postfix/smtpd[2101]: (journalctl -o short-unix)
    HeaderForm("short-unix", rf"^(?P<stamp>\d{{10}}\.\d+) (?P<host>[^ ]+) {_TAG}", 4, "unix"),
)

#: Solaris puts a message id between header and message: [ID 197553 mail.info]
_SOLARIS = HeaderForm("solaris", r"^(?P<pid>\[ID \d+ [a-z0-9.]+\]) ", 1, None)

#: 2026-11-23 10:00:00.123 +0100 [1234] 1vNabc-00000001xyz-1A2b ; Exim's main, reject and panic logs.
_EXIM_ID = r"(?P<queue_id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{2}|[0-9A-Za-z]{5}-[0-9A-Za-z]{4}))"
_EXIM_STAMP = rf"(?P<stamp>{_ISO}(?:\.\d+)?) (?:(?P<zone>[+-]\d{{4}}) )?"
_EXIM = HeaderForm("exim", rf"^(?P<header>{_EXIM_STAMP}(?:\[\d+\] )?(?:{_EXIM_ID} )?)", 0, "iso", wraps=False)
#: What is left of it with syslog_timestamp = false.
_EXIM_UNSTAMPED = HeaderForm("exim-unstamped", rf"^(?P<header>(?:\[\d+\] )?(?:{_EXIM_ID} )?)", 0, None)
_EXIM_TAG = r"(?P<service>exim[^ \[:]*)(?:\[\d+\])?: "
_EXIM_TAGGED = (
    # 2026-11-23 10:00:00 mx1 exim[1234]: ; tried before the form of the files, to which the host is text.
    HeaderForm(
        "exim-iso",
        rf"^(?P<header>(?P<stamp>{_ISO}[^ ]*) (?P<host>[^ ]+) {_EXIM_TAG})",
        0,
        "iso",
    ),
    # mx1 exim[1234]: ; a collector has taken the stamp off.
    HeaderForm("exim-tag", rf"^(?P<header>(?P<host>[^ ]+) {_EXIM_TAG})", 0, None),
)
#: The headers of a refused message in the rejectlog, the second line of a remote server's reply to AUTH, the
#: lines of a configuration error: they begin like no record.
_EXIM_CONTINUATION = (
    r"^(?:[ \t]|[A-Z*] [!-9;-~]+:|Envelope-(?:from|to): <|\*\*\* truncated \*\*\*|[2-5]\d\d[ -]|\s*$)"
)

FRAMES = {
    frame.name: frame
    for frame in (
        Frame("syslog", _SYSLOG, (_SOLARIS,), headers=syslog_headers, tagged=True),
        Frame(
            "exim",
            (_EXIM_TAGGED[0], _EXIM, *_SYSLOG, _EXIM_TAGGED[1]),
            (_EXIM, _EXIM_UNSTAMPED),
            # Several processes log one delivery, so the process id joins nothing.
            ("host", "service", "queue_id"),
            _EXIM_CONTINUATION,
            headers=exim_headers,
            mend=rejoin,
        ),
    )
}
