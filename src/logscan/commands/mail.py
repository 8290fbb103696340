"""The mail command."""

from __future__ import annotations

import shlex
import sys
from email.message import EmailMessage
from pathlib import Path

from logscan.commands.mail_options import MailOptions
from logscan.commands.options import ReadOptions
from logscan.commands.output import tell
from logscan.commands.reading import Reading
from logscan.errors import LogscanError, NotSent, UsageError
from logscan.flagging.flags import FlagOptions
from logscan.known_peers import Site
from logscan.mailing import unsent
from logscan.mailing.envelope import Envelope, address, own_address
from logscan.mailing.messages import attach, report_message, short_message, to_bytes
from logscan.mailing.sending import Sendmail, Smtp, Transport
from logscan.mailing.servers import Security, is_credential, password, server
from logscan.mailing.subjects import is_clear
from logscan.plots import PLOT_COLUMNS
from logscan.schema import REPORT_ONLY, SCHEMA


def run(reading_options: ReadOptions, options: MailOptions, flags: FlagOptions, site: Site) -> int:
    """Read, report, send, and return the exit status."""
    transport = _transport(options)
    if options.resend is not None:
        return _resend(Path(options.resend), options, transport, quiet=reading_options.quiet)
    if not options.to:
        raise UsageError("who is to get the report? Use --to")
    envelope = Envelope(_sender(options) or own_address(), _recipients(options))
    reading = Reading(
        reading_options, site, (*SCHEMA.names, *REPORT_ONLY.names) if options.attach else PLOT_COLUMNS
    )
    message = _message(reading, envelope, options, flags)
    if message is None:
        if not reading_options.quiet:
            tell("no findings, no mail")
        return reading.status
    return _deliver(to_bytes(message), envelope, options, transport, reading_options.quiet) or reading.status


def _message(
    reading: Reading, envelope: Envelope, options: MailOptions, flags: FlagOptions
) -> EmailMessage | None:
    """What is to be sent, None for nothing."""
    table = reading.table()
    found = reading.report(table, top=options.top, flags=flags)
    if options.all_clear and is_clear(found):
        message = short_message(found, envelope)
    elif options.only_if_flagged and not found.flags:
        return None
    else:
        message = report_message(found, envelope)
    attach(message, table.select(SCHEMA.names) if options.attach else table, options.attach or ())
    return message


def _resend(path: Path, options: MailOptions, transport: Transport, *, quiet: bool) -> int:
    message, written = unsent.load(path)
    envelope = Envelope(_sender(options) or written.sender, _recipients(options) or written.recipients)
    status = _deliver(message, envelope, options, transport, quiet, kept=path)
    if status == 0 and not options.dry_run:
        unsent.forget(path)
    return status


def _deliver(
    message: bytes,
    envelope: Envelope,
    options: MailOptions,
    transport: Transport,
    quiet: bool,
    kept: Path | None = None,
) -> int:
    """Send the message, or show it; keep it, and tell how to go on, if it was not sent to everybody."""
    if options.dry_run:
        sys.stdout.buffer.write(message)
        return 0
    try:
        transport.send(message, envelope)
    except NotSent as error:
        what, *explanation = str(error).splitlines()
        tell(f"not sent{' to everybody' if error.recipients else ''}: {what}")
        for line in explanation:
            tell(line)
        try:
            path = kept or unsent.keep(message)
        except LogscanError as failure:
            tell(f"the message is lost: {failure}")
        else:
            tell(f"the message is kept; to send it: {_again(path, error.recipients, options)}")
        return error.exit_status
    if not quiet:
        tell(f"sent to {', '.join(envelope.recipients)}")
    return 0


def _again(path: Path, recipients: tuple[str, ...], options: MailOptions) -> str:
    """The command that sends a kept message, to ``recipients`` if not to all."""
    words = ["logscan", "mail", "--resend", str(path)]
    for recipient in recipients:
        words += ("--to", recipient)
    if options.smtp is not None:
        words += ("--smtp", options.smtp, "--smtp-security", str(options.smtp_security))
    if options.smtp_user is not None:
        words += ("--smtp-user", options.smtp_user)
    # systemd's credentials are gone when somebody reads this; the configuration knows the file they came from.
    if options.smtp_password_file is not None and not is_credential(options.smtp_password_file):
        words += ("--smtp-password-file", options.smtp_password_file)
    return shlex.join(words)


def _transport(options: MailOptions) -> Transport:
    if options.smtp is None:
        if options.smtp_user is not None or options.smtp_password_file is not None:
            raise UsageError("--smtp-user and --smtp-password-file need --smtp HOST")
        return Sendmail(options.timeout)
    kind = options.smtp_security
    host, port = server(options.smtp, kind)
    if options.smtp_user is None:
        return Smtp(host, port, kind, options.timeout)
    if kind is Security.NONE:
        raise UsageError("a password is only sent encrypted: --smtp-security starttls or tls")
    if not options.smtp_user.isascii():  # smtplib sends no others
        raise UsageError("--smtp-user has characters beyond ASCII")
    return Smtp(host, port, kind, options.timeout, options.smtp_user, password(options.smtp_password_file))


def _sender(options: MailOptions) -> str | None:
    return None if options.sender is None else address(options.sender)


def _recipients(options: MailOptions) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(address, options.to or ())))
