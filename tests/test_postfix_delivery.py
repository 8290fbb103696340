"""logscan mail and a real Postfix: what lies in the mailbox, and what is told when it refuses; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from logscan.cli import run
from postfix_server import Postfix, postfix

SAMPLE = str(Path(__file__).parents[1] / "sample_logs" / "postfix.log")
SUBJECT = (
    "[logscan] mx1 Tue 17 Nov: 421 rate limit 15:54-16:25 from mx1.bigmail.example, 18 deferred, +4 more"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
    with postfix(tmp_path_factory.mktemp("certificate")) as running:
        yield running


@pytest.fixture(autouse=True)
def surroundings(server: Postfix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing configured, the server's certificate trusted, and sendmail handing in at this server."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("LOGSCAN_CONFIG", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    monkeypatch.setenv("MAIL_CONFIG", str(server.configuration))
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/bin")


def mail(*arguments: str) -> int:
    return run(
        [
            "mail",
            SAMPLE,
            "--tz",
            "UTC",
            "--to",
            "kim@example.org",
            "--from",
            "logscan@example.org",
            *arguments,
        ]
    )


@pytest.mark.parametrize("way", ["SMTP with STARTTLS", "sendmail"])
def test_the_report_is_delivered(server: Postfix, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert mail(*(["--smtp", server.where] if way != "sendmail" else [])) == 0
    assert capsys.readouterr().err == "logscan: sent to kim@example.org\n"
    octets = server.next_message()
    message = message_from_bytes(octets, policy=default)
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == SUBJECT
    assert message["Return-Path"] == "<logscan@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert ("ESMTPS" in message["Received"]) == (way != "sendmail")
    assert octets.isascii()
    assert max(map(len, octets.splitlines())) < 200
    assert [(part.get_content_type(), part.defects) for part in message.walk()] == [
        ("multipart/alternative", []),
        ("text/plain", []),
        ("multipart/related", []),
        ("text/html", []),
        ("image/png", []),
        ("image/png", []),
    ]
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().startswith("logscan  mx1  Tue 2026-11-17 00:00-23:44 UTC\n")
    for part in message.walk():
        if part.get_content_type() == "image/png":
            assert part.get_content().startswith(b"\x89PNG")
            assert f'<img src="cid:{part["Content-ID"].strip("<>")}"' in page.get_content()


def test_a_refusal_is_explained_and_the_message_kept(
    server: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mail("--smtp", server.where, "--attach", "csv") == 5
    told, explained, kept = capsys.readouterr().err.splitlines()
    assert told == (
        f"logscan: not sent: {server.where} answered MAIL FROM with 552 5.3.4 Message size exceeds fixed limit"
    )
    assert explained.startswith("logscan: Message too big: ")
    assert kept.startswith("logscan: the message is kept; to send it: logscan mail --resend ")
    assert len(list(tmp_path.rglob("*.eml"))) == 1


def test_the_log_of_the_delivery_is_understood(server: Postfix, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(server.log), "-q", "--tz", "UTC"]) == 0
    shown = capsys.readouterr().out
    assert "100 % understood" in shown
    assert " sent 2 " in shown
