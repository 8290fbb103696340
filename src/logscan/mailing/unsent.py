"""Messages that could not be sent are kept, and read again."""

from __future__ import annotations

import secrets
import tempfile
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import getaddresses
from pathlib import Path

import platformdirs

from logscan.atomic import replacing
from logscan.errors import UsageError
from logscan.mailing.envelope import Envelope, address


def folder() -> Path:
    """Where messages are kept; it need not exist."""
    return platformdirs.user_state_path("logscan") / "unsent"


def keep(message: bytes) -> Path:
    """Write the message to a new file that only this user may read; raises UsageError if that fails.

    Where the usual folder cannot be written, it is one among the temporary files.
    """
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        return _written(folder(), message)
    except (OSError, UsageError):
        pass
    try:
        return _written(Path(tempfile.mkdtemp(prefix="logscan-unsent-")), message)
    except OSError as error:
        raise UsageError(f"{folder()} cannot be written, nor can another: {error.strerror}") from error


def _written(place: Path, message: bytes) -> Path:
    path = place / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.eml"
    with replacing(path) as stream:
        stream.write(message)
    return path


def load(path: Path) -> tuple[bytes, Envelope]:
    """The message in a file, and who its headers say sends and gets it.

    Raises UsageError if the file cannot be read, or is no message with checked addresses.
    """
    try:
        message = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    headers = message_from_bytes(message)

    def addresses(name: str) -> tuple[str, ...]:
        found = getaddresses([str(value) for value in headers.get_all(name, [])])
        return tuple(address(given) for _, given in found)

    senders, recipients = addresses("From"), addresses("To")
    if len(senders) != 1 or not recipients:
        raise UsageError(f"{path}: no message that says who sends it, and to whom")
    return message, Envelope(senders[0], recipients)


def forget(path: Path) -> None:
    """Remove the file of a message that has been sent, if it was kept by ``keep``."""
    if path.resolve().parent == folder().resolve():
        path.unlink(missing_ok=True)
