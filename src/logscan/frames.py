"""How the lines of a log begin: the record headers that may stand before a message.

A frame is a list of header forms, tried in order. A form's regex has at most four groups and covers the
header exactly, so that RE2 matches it in one pass and the message's place follows from the groups' lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

_TRADITIONAL = r"[A-Z][a-z]{2} (?: \d|\d\d?) \d\d:\d\d:\d\d"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
_TAG = r"(?P<service>[^ \[:]+)(?P<pid>(?:\[\d+\])?): "


@dataclass(frozen=True, slots=True)
class HeaderForm:
    """One form of header.

    ``regex`` groups: ``stamp``, ``host``, ``service``, ``pid``, ``queue_id``, each optional. ``around`` is the number of
    bytes of the header outside all groups. ``stamp`` names the form of the stamp (see ``timestamps``).
    """

    name: str
    regex: str
    around: int
    stamp: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """Header forms of a family of logs; ``inner`` forms may follow, each tried on what the ones before left."""

    name: str
    forms: tuple[HeaderForm, ...]
    inner: tuple[tuple[HeaderForm, ...], ...] = ()


_SYSLOG = (
    # Nov  5 10:11:12 mx1 postfix/smtpd[2101]: ; a priority in front and a fraction of the second are allowed.
    HeaderForm("rfc3164", rf"^(?P<stamp>(?:<\d+>)?{_TRADITIONAL}(?:\.\d+)?) (?P<host>[^ ]+) {_TAG}", 4, "traditional"),
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
    # 1762333872.123456 mx1 postfix/smtpd[2101]: (journalctl -o short-unix)
    HeaderForm("short-unix", rf"^(?P<stamp>\d{{10}}\.\d+) (?P<host>[^ ]+) {_TAG}", 4, "unix"),
)

#: Solaris puts a message id between header and message: [ID 197553 mail.info]
_SOLARIS = HeaderForm("solaris", r"^(?P<pid>\[ID \d+ [a-z0-9.]+\]) ", 1, None)

#: 2026-11-23 10:00:00.123 +0100 [1234] 1vNabc-00000001xyz-1A2b ; Exim's main, reject and panic logs.
_EXIM = HeaderForm("exim", rf"^(?P<stamp>{_ISO}(?:\.\d+)?(?: [+-]\d{{4}})?) (?P<pid>(?:\[\d+\] )?)", 1, "iso")
_EXIM_ID = HeaderForm("exim-id", r"^(?P<queue_id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) ", 1, None)

FRAMES = {
    frame.name: frame
    for frame in (
        Frame("syslog", _SYSLOG, ((_SOLARIS,),)),
        Frame("exim", (_EXIM, *_SYSLOG), ((_EXIM,), (_EXIM_ID,))),
    )
}
