"""The options of the mail command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from logscan.commands.options import TOP
from logscan.mailing.servers import PASSWORD_VARIABLE, Security


class Attachment(StrEnum):
    """Formats of attached tables."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """Who gets what, and how. The annotations are what the command line shows."""

    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="Who gets the report; may be repeated."),
    ] = None
    sender: Annotated[
        str | None,
        typer.Option("--from", metavar="ADDRESS", help="Who sends it; else this user on this machine."),
    ] = None
    top: Annotated[int, TOP] = 5
    attach: Annotated[
        list[Attachment] | None,
        typer.Option(metavar="FORMAT", help="Attach all replies: parquet, csv; may be repeated."),
    ] = None
    only_if_flagged: Annotated[
        bool, typer.Option("--only-if-flagged", help="No mail if the report has no findings.")
    ] = False
    all_clear: Annotated[
        bool,
        typer.Option(
            "--all-clear", help="One line instead of the report if it has none; also with --only-if-flagged."
        ),
    ] = False
    smtp: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]", help="Send by SMTP, instead of by this machine's sendmail command."
        ),
    ] = None
    smtp_security: Annotated[Security, typer.Option(help="How to encrypt; ports are 587, 465 and 25.")] = (
        Security.STARTTLS
    )
    smtp_user: Annotated[str | None, typer.Option(metavar="NAME", help="Log in as this user.")] = None
    smtp_password_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help=f"Holds the password; else {PASSWORD_VARIABLE}, else the systemd credential does.",
        ),
    ] = None
    timeout: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="How long to wait for each answer.")
    ] = 60
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the message to standard output, do not send it.")
    ] = False
    resend: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Send a message that was kept, instead of reading logs."),
    ] = None
