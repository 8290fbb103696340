"""SMTP servers on this machine for tests: a real one that keeps what it gets, and one that follows a script."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

LOOPBACK = "127.0.0.1"
USER, PASSWORD = "reports", "correct horse"


class Inbox:
    """Keeps the messages it gets; knows no recipient whose name begins with ``nobody``."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802
        if to.startswith("nobody"):
            return f"550 5.1.1 <{to}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(to)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 2.0.0 Ok: queued"

    def content(self) -> bytes:
        """The one message that came."""
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        return envelope.content


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Inbox, str]]:
    """A server of aiosmtpd, with its ``options``; yields its inbox and ``host:port``."""
    inbox = Inbox()
    with warnings.catch_warnings():
        # aiosmtpd announces its own future changes.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="aiosmtpd")
        controller = Controller(inbox, hostname=LOOPBACK, port=free_port(), **options)
        controller.start()
        try:
            yield inbox, f"{LOOPBACK}:{controller.port}"
        finally:
            controller.stop()


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def knows_user(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    """An authenticator that lets USER in with PASSWORD."""
    is_known = isinstance(login, LoginPassword) and (login.login, login.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_known, handled=False)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for LOOPBACK that nobody signed, and a server's context with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    made, key = folder / "certificate.pem", folder / "key.pem"
    request = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={LOOPBACK}"
    subprocess.run(
        [openssl, *request.split(), "-addext", f"subjectAltName=IP:{LOOPBACK}", "-keyout", key, "-out", made],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made, key)
    return made, context


@contextmanager
def scripted_server(answers: Mapping[str, bytes | None]) -> Iterator[str]:
    """A server that answers each verb as told, ``CONNECT`` with its greeting; None is silence. Yields ``host:port``."""
    usual = {
        "CONNECT": b"220 mx.example.net ESMTP\r\n",
        "DATA": b"354 Go on\r\n",
        "QUIT": b"221 2.0.0 Bye\r\n",
    }
    with socket.create_server((LOOPBACK, 0)) as listening:
        thread = threading.Thread(target=_follow, args=(listening, {**usual, **answers}), daemon=True)
        thread.start()
        yield f"{LOOPBACK}:{listening.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive(), "the client never hung up"


def _follow(listening: socket.socket, answers: Mapping[str, bytes | None]) -> None:
    connection, _ = listening.accept()
    # A client that understands nothing may hang up at once.
    with suppress(ConnectionError), connection, connection.makefile("rb") as lines:
        verb = "CONNECT"
        while True:
            answer = answers.get(verb, b"250 2.0.0 Ok\r\n")
            if answer is None:
                lines.read()  # until the client gives up
                return
            connection.sendall(answer)
            if verb == "DATA" and answer.startswith(b"354"):
                while lines.readline() not in (b".\r\n", b""):
                    pass
                verb = "EOD"
                continue
            line = lines.readline()
            if not line:
                return
            verb = line.split()[0].decode("ascii", "replace").upper()
