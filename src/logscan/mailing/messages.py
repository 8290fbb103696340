"""A report as a mail: text and HTML as alternatives, plots within the HTML, tables attached."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from email.message import EmailMessage
from email.policy import default
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from logscan.export import write
from logscan.mailing.envelope import Envelope
from logscan.mailing.images import inline_images
from logscan.mailing.shortening import Limits, shortened
from logscan.mailing.subjects import subject
from logscan.rendering.contents import compose
from logscan.rendering.html import to_mail
from logscan.rendering.phrases import listed
from logscan.rendering.text import plain_text

if TYPE_CHECKING:
    from logscan.plots import Image
    from logscan.reporting import Report

#: What a message without attachments has at most, in octets: providers show only a part of longer ones.
MOST_OCTETS = 100_000

#: Tried in this order until the message is short enough; the last one is enough whatever a log holds.
_LIMITS = (Limits(200, 500), Limits(25, 400), Limits(10, 300), Limits(5, 200), Limits(3, 60))

#: Media types of tables by format.
_ATTACHMENTS = {"parquet": ("application", "vnd.apache.parquet"), "csv": ("text", "csv")}

_WIDTH = 80

#: Keeps a subject on one line: email would fold it before its first word, which some read as a blank.
_UNFOLDED = default.clone(max_line_length=300)


def report_message(report: Report, envelope: Envelope) -> EmailMessage:
    """The report as a message of at most MOST_OCTETS.

    Lists are cut as far as needed, and say so; then there are as many plots as fit, in their order.
    """
    for limits in _LIMITS:
        message = _alternatives(report, envelope, limits)
        if _fits(message):
            break
    images = inline_images(report)
    for number in range(len(images), 0, -1):
        illustrated = _alternatives(report, envelope, limits, images[:number])
        if _fits(illustrated):
            return illustrated
    return message


def short_message(report: Report, envelope: Envelope) -> EmailMessage:
    """One line instead of a report with nothing to look at."""
    contents = shortened(compose(report), _LIMITS[-1])
    totals = "   ".join(f"{label} {count}" for label, count in contents.totals)
    line = listed((contents.subject, contents.period, "all clear", contents.reading, totals))
    message = _headed(report, envelope)
    message.set_content(f"{line}\n", cte=_transfer_encoding(line))
    return message


def to_bytes(message: EmailMessage) -> bytes:
    """The message as it is kept and sent: in ASCII, with LF at the line ends."""
    return message.as_bytes(policy=_UNFOLDED)


def attach(message: EmailMessage, replies: pa.Table, kinds: Iterable[str]) -> None:
    """Attach the replies table as a file of each of the formats ``kinds``."""
    for kind in dict.fromkeys(kinds):
        maintype, subtype = _ATTACHMENTS[kind]
        with tempfile.TemporaryDirectory(prefix="logscan-") as folder:
            path = Path(folder) / f"replies.{kind}"
            write(replies, path)
            octets = path.read_bytes()
        message.add_attachment(octets, maintype=maintype, subtype=subtype, filename=path.name)


def _alternatives(
    report: Report, envelope: Envelope, limits: Limits, images: Sequence[Image] = ()
) -> EmailMessage:
    text = plain_text(shortened(compose(report), limits), width=_WIDTH)
    page = to_mail(shortened(compose(report, verbose=1), limits), images)
    message = _headed(report, envelope)
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(page, subtype="html", cte=_transfer_encoding(page))
    _, html = message.iter_parts()
    for image in images:
        html.add_related(image.png, "image", "png", cid=f"<{image.cid}>", disposition="inline")
    return message


def _headed(report: Report, envelope: Envelope) -> EmailMessage:
    """A message that has headers only. RFC 3834 section 5 defines Auto-Submitted."""
    message = EmailMessage()
    message["Subject"] = subject(report)
    message["From"] = envelope.sender
    message["To"] = ", ".join(envelope.recipients)
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid("logscan", envelope.sender.partition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    return message


def _fits(message: EmailMessage) -> bool:
    octets = to_bytes(message)
    return len(octets) + octets.count(b"\n") <= MOST_OCTETS  # on its way each line ends in CRLF


def _transfer_encoding(text: str) -> str:
    """The shorter one: quoted-printable adds two octets to each that it escapes, base64 a third to all."""
    octets = text.encode()
    escaped = sum(octet > 126 or octet == ord("=") for octet in octets)
    return "base64" if 6 * escaped > len(octets) else "quoted-printable"
