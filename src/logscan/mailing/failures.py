"""Why a server did not take a mail: its own words, and what the catalogue knows about them."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from logscan.cause_rules import UNKNOWN
from logscan.codes.catalogue import explain
from logscan.errors import NotSent
from logscan.replies import split_reply
from logscan.terminal import sanitise

_LONGEST_REPLY = 200  # characters

#: What smtplib raises → what the server answered. STARTTLS raises the bare base of these.
_ANSWERED: Mapping[type[smtplib.SMTPResponseException], str] = {
    smtplib.SMTPConnectError: "the connection",
    smtplib.SMTPHeloError: "EHLO",
    smtplib.SMTPAuthenticationError: "AUTH",
    smtplib.SMTPSenderRefused: "MAIL FROM",
    smtplib.SMTPDataError: "the message",
    smtplib.SMTPResponseException: "STARTTLS",
}

Refused = Mapping[str, tuple[int, bytes]]
"""Recipients that were refused, each with code and text of the reply."""


@contextmanager
def told_of_failures(server: str, timeout: float) -> Iterator[Callable[[Refused], None]]:
    """Turn what goes wrong with ``server`` into NotSent; yields what to call if some recipients are refused."""

    def refuse(refused: Refused) -> None:
        raise _refused(server, refused, tuple(refused))

    try:
        yield refuse
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused(server, error.recipients, ()) from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        if isinstance(said, str):  # smtplib's own word for a line without end
            raise NotSent(f"{server} answered as no SMTP server does: {said}") from error
        raise NotSent(_answer(server, _ANSWERED[type(error)], error.smtp_code, said)) from error
    except smtplib.SMTPNotSupportedError as error:
        missing = "STARTTLS" if "STARTTLS" in str(error) else "AUTH"
        hint = "see --smtp-security" if missing == "STARTTLS" else "try it without --smtp-user"
        raise NotSent(f"{server} does not offer {missing}; {hint}") from error
    except smtplib.SMTPServerDisconnected as error:
        if isinstance(error.__context__, TimeoutError):
            raise _timed_out(server, timeout) from error
        raise NotSent(f"{server} hung up") from error
    except TimeoutError as error:
        raise _timed_out(server, timeout) from error
    except ssl.SSLCertVerificationError as error:
        raise NotSent(
            f"{server} has a certificate that is not trusted here: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise NotSent(f"{server} does not speak TLS as expected: {error.reason or error}") from error
    except socket.gaierror as error:
        raise NotSent(f"{server} has no address: {error.strerror}") from error
    except smtplib.SMTPException as error:
        raise NotSent(f"{server}: {shown(str(error))}") from error
    except OSError as error:
        raise NotSent(f"{server} cannot be reached: {error.strerror or error}") from error


def shown(said: str) -> str:
    """What somebody else said, on one line, harmless and not too long."""
    text = sanitise(" ".join(said.split()))
    return text if len(text) <= _LONGEST_REPLY else f"{text[:_LONGEST_REPLY]}…"


def _timed_out(server: str, timeout: float) -> NotSent:
    return NotSent(f"{server} did not answer within {timeout:g} s")


def _refused(server: str, refused: Refused, recipients: tuple[str, ...]) -> NotSent:
    """The first refusal is explained, all refused recipients are named."""
    code, said = next(iter(refused.values()))
    return NotSent(_answer(server, f"RCPT TO {', '.join(refused)}", code, said), recipients)


def _answer(server: str, command: str, code: int, said: bytes) -> str:
    """What the server answered, and on a line of its own what that means and what to do."""
    reply = split_reply(said.decode("utf-8", "replace"))
    text = shown(" ".join(filter(None, (reply.enhanced, reply.text))))
    if not 400 <= code <= 599:
        return f"{server} answered {command} as no SMTP server does: {text or 'nothing'}"
    known = explain(code, reply=text, direction="outbound")
    cause = known.cause
    meaning = f"{cause.label}: {cause.meaning}" if cause and cause.key != UNKNOWN else f"{known.name}."
    advice = known.fix_received if cause is None else cause.advice_received
    return f"{server} answered {command} with {code} {text}\n{meaning} {advice}"
