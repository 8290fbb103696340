"""Which server a mail is handed to, how the connection is encrypted, and the password for it."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path

from logscan.errors import UsageError
from logscan.terminal import sanitise

PASSWORD_VARIABLE = "LOGSCAN_SMTP_PASSWORD"  # noqa: S105  a name, not a password

#: Name of the credential that systemd may hand over, see LoadCredential= in systemd.exec(5).
CREDENTIAL = "logscan-smtp-password"

# A name or IPv4 address, or an IPv6 address in brackets; and a port.
_SERVER = re.compile(
    r"(?:(?P<name>[\w-]{1,63}(?:\.[\w-]{1,63})*)|\[(?P<ip6>[\da-f:.]+)\])(?::(?P<port>\d{1,5}))?",
    re.ASCII | re.IGNORECASE,
)


class Security(StrEnum):
    """How a connection is encrypted; nothing is sent if the server does not agree."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


def server(text: str, kind: Security) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[2001:db8::1]:port``; without one it is the usual port.

    Raises UsageError for anything else.
    """
    found = _SERVER.fullmatch(text)
    port = int(found["port"] or _PORTS[kind]) if found else 0
    if not found or not 0 < port < 65536:
        raise UsageError(f"no server: {sanitise(text)[:80]!r} (host or host:port)")
    return found["name"] or found["ip6"], port


def password(file: str | None) -> str:
    """The first line of ``file``; else what the environment holds; else systemd's credential.

    Raises UsageError if there is none, or one that cannot be sent.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if file is None and PASSWORD_VARIABLE in os.environ:
        found = os.environ[PASSWORD_VARIABLE]
    elif file is not None or folder:
        found = _first_line(Path(file) if file is not None else Path(folder or "", CREDENTIAL))
    else:
        raise UsageError(f"--smtp-user needs a password: --smtp-password-file FILE, or {PASSWORD_VARIABLE}")
    if not found or not found.isascii():  # smtplib sends no others
        raise UsageError("the SMTP password is empty, or has characters beyond ASCII")
    return found


def is_credential(file: str) -> bool:
    """Whether systemd handed over the file, for as long as this service runs."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and Path(file).is_relative_to(folder or "")


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{path}: the SMTP password cannot be read: {reason}") from error
