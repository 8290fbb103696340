"""Sends messages: through the machine's own sendmail, or by SMTP."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import ssl
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from logscan.errors import NotSent
from logscan.mailing.envelope import Envelope
from logscan.mailing.failures import shown, told_of_failures
from logscan.mailing.servers import Security

# Cron's PATH has none of the folders that sendmail is usually in.
_SENDMAIL_FOLDERS = ("/usr/sbin", "/usr/lib")


def sendmail_program() -> str | None:
    """The sendmail command of this machine, if it has one."""
    return shutil.which("sendmail", path=os.pathsep.join((os.environ.get("PATH", ""), *_SENDMAIL_FOLDERS)))


class Transport(Protocol):
    """A way to send a mail."""

    def send(self, message: bytes, envelope: Envelope) -> None:
        """Send ``message``, whose lines end in LF; raises NotSent."""


@dataclass(frozen=True, slots=True)
class Sendmail:
    """The sendmail command of this machine's mail server, which gets ``timeout`` seconds."""

    timeout: float

    def send(self, message: bytes, envelope: Envelope) -> None:
        """Hand the message over; the recipients are arguments, so that no header decides who gets it."""
        program = sendmail_program()
        if program is None:
            raise NotSent("there is no sendmail command on this machine; --smtp HOST sends without one")
        command = [program, "-i", "-f", envelope.sender, "--", *envelope.recipients]
        try:
            done = subprocess.run(  # noqa: S603  no shell, and addresses are checked
                command, input=message, capture_output=True, timeout=self.timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NotSent(f"{program} did not end within {self.timeout:g} s") from error
        except OSError as error:
            raise NotSent(f"{program} does not run: {error.strerror}") from error
        if done.returncode:
            said = shown((done.stderr or done.stdout).decode("utf-8", "replace"))
            raise NotSent(
                f"{program} failed with exit status {done.returncode}: {said or 'it does not say why'}"
            )


@dataclass(frozen=True, slots=True)
class Smtp:
    """A server that takes mail by SMTP, and gets ``timeout`` seconds for each answer."""

    host: str
    port: int
    security: Security
    timeout: float
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def send(self, message: bytes, envelope: Envelope) -> None:
        """Send the message to all recipients that the server takes."""
        with told_of_failures(f"{self.host}:{self.port}", self.timeout) as refuse:
            smtp = self._connected()
            try:
                if self.security is Security.STARTTLS:
                    smtp.starttls(context=ssl.create_default_context())
                if self.user is not None and self.password is not None:
                    smtp.login(self.user, self.password)
                in_crlf = re.sub(rb"\r?\n", b"\r\n", message)
                refused = smtp.sendmail(envelope.sender, envelope.recipients, in_crlf)
            finally:
                with suppress(OSError):  # what became of the mail is known by now
                    smtp.quit()
            if refused:
                refuse(refused)

    def _connected(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)
