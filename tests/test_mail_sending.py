"""logscan mail: what arrives at a server, and what is said and kept when it does not."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from logscan.cli import run
from logscan.errors import UsageError
from logscan.mailing import messages
from logscan.mailing.envelope import address, own_address
from logscan.mailing.servers import Security, server
from smtp_servers import PASSWORD, USER, certificate, free_port, knows_user, mail_server, scripted_server

TO = ("--to", "kim@example.org")
UNENCRYPTED = ("--smtp-security", "none")

DEFERRED = "2026-11-22T14:{minute:02d}:{second:02d}+00:00 mx1 postfix/smtp[11]: 4BX7KC{number:04d}: to=<b{number}@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=4.7.0, status=deferred (host mx.example.net[192.0.2.7] said: 421 4.7.0 Too many messages, slow down (in reply to MAIL FROM command))\n"
SENT = "2026-11-22T{hour:02d}:10:00+00:00 mx1 postfix/smtp[11]: 4BX7KD{hour:04d}: to=<c@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings and folders of the user who runs the tests; no plots, which take a second."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("LOGSCAN_CONFIG", "LOGSCAN_SMTP_PASSWORD", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(messages, "inline_images", lambda report: [])


@pytest.fixture
def quiet_log(tmp_path: Path) -> str:
    path = tmp_path / "quiet.log"
    path.write_text("".join(SENT.format(hour=hour) for hour in range(24)))
    return str(path)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A day with a spike."""
    path = tmp_path / "mail.log"
    lines = [SENT.format(hour=hour) for hour in range(24)]
    lines[14:14] = [DEFERRED.format(minute=20 + i // 3, second=20 * (i % 3), number=i) for i in range(40)]
    path.write_text("".join(lines))
    return str(path)


def mail(*arguments: str, status: int = 0) -> None:
    assert (
        run(["mail", *arguments, "--tz", "UTC", "--timeout", "1", "--from", "logscan@example.org"]) == status
    )


def parsed(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "XDG_STATE_HOME").rglob("*.eml"))


# ---- What arrives


def test_the_report_arrives(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mail_server() as (inbox, where):
        mail(log, *TO, "--to", "lee@example.org", "--smtp", where, *UNENCRYPTED)
    (envelope,) = inbox.envelopes
    assert envelope.mail_from == "logscan@example.org"
    assert envelope.rcpt_tos == ["kim@example.org", "lee@example.org"]
    message = parsed(inbox.content())
    assert message["Subject"] == (
        "[logscan] mx1 Sun 22 Nov: 421 rate limit 14:20-14:33 from mx.example.net, 40 deferred"
    )
    assert message["To"] == "kim@example.org, lee@example.org"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert max(map(len, inbox.content().splitlines())) <= 998
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().startswith("logscan  mx1  Sun 2026-11-22 00:10-23:10 UTC")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "logscan: sent to kim@example.org, lee@example.org\n"


def test_tables_are_attached(log: str) -> None:
    with mail_server() as (inbox, where):
        mail(log, *TO, "--smtp", where, *UNENCRYPTED, "--attach", "parquet", "--attach", "csv")
    attached = {part.get_filename(): part for part in parsed(inbox.content()).iter_attachments()}
    assert set(attached) == {"replies.parquet", "replies.csv"}
    octets = attached["replies.csv"].get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert octets.count(b"\n") == 65
    assert octets.startswith(b'"time","host","parser",')


def test_a_dry_run_writes_the_message(log: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    mail(log, *TO, "--dry-run")
    message = parsed(capfdbinary.readouterr().out)
    assert message["Subject"].startswith("[logscan] mx1 Sun 22 Nov: 421 rate limit")
    assert message["From"] == "logscan@example.org"


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (["--only-if-flagged"], "nothing"),
        (["--all-clear"], "line"),
        (["--only-if-flagged", "--all-clear"], "line"),
        ([], "report"),
    ],
)
def test_without_findings_there_may_be_less(
    quiet_log: str, options: list[str], outcome: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    mail(quiet_log, *TO, "--dry-run", *options)
    shown = capfdbinary.readouterr()
    if outcome == "nothing":
        assert (shown.out, shown.err) == (b"", b"logscan: no findings, no mail\n")
        return
    message = parsed(shown.out)
    assert message["Subject"] == "[logscan] mx1 Sun 22 Nov: all clear"
    assert message.is_multipart() == (outcome == "report")


@pytest.mark.parametrize("option", ["--only-if-flagged", "--all-clear"])
def test_with_findings_the_report_comes(
    log: str, option: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    mail(log, *TO, "--dry-run", option)
    assert parsed(capfdbinary.readouterr().out).is_multipart()


def test_an_input_that_was_not_read_is_no_all_clear(
    quiet_log: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    mail(quiet_log, "/nonexistent.log", *TO, "--dry-run", "--all-clear", status=3)
    message = parsed(capfdbinary.readouterr().out)
    assert message["Subject"].endswith(": nothing found, 1 input not read")
    assert message.is_multipart()


# ---- Encryption and login


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A server that wants STARTTLS and a login, and its certificate, which is trusted."""
    made, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with mail_server(
        tls_context=context, require_starttls=True, authenticator=knows_user, auth_required=True
    ) as (inbox, where):
        yield where, made
        for envelope in inbox.envelopes:
            assert envelope.rcpt_tos == ["kim@example.org"]


@pytest.mark.parametrize("source", ["file", "environment", "credential"])
def test_login_over_starttls(
    log: str,
    secured: tuple[str, Path],
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "logscan-smtp-password").write_text(f"{PASSWORD}\n")
    options: list[str] = []
    if source == "file":
        options = ["--smtp-password-file", str(tmp_path / "logscan-smtp-password")]
    elif source == "environment":
        monkeypatch.setenv("LOGSCAN_SMTP_PASSWORD", PASSWORD)
    else:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    mail(log, *TO, "--smtp", secured[0], "--smtp-user", USER, *options)
    assert capsys.readouterr().err == "logscan: sent to kim@example.org\n"


def test_a_wrong_password_is_explained(
    log: str,
    secured: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOGSCAN_SMTP_PASSWORD", "wrong horse")
    mail(log, *TO, "--smtp", secured[0], "--smtp-user", USER, status=5)
    told, explained, _ = capsys.readouterr().err.splitlines()
    assert told.startswith(f"logscan: not sent: {secured[0]} answered AUTH with 535 5.7.8 ")
    assert explained.startswith("logscan: Login problem: ")
    assert "wrong horse" not in told + explained


def test_a_certificate_that_is_not_trusted_gets_nothing(
    log: str,
    secured: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    mail(log, *TO, "--smtp", secured[0], status=5)
    assert "a certificate that is not trusted here: self" in capsys.readouterr().err


# ---- What does not arrive is explained and kept

REFUSALS = {
    "421 greeting": (
        {"CONNECT": b"421 4.7.0 mx.example.net Too many connections from your address\r\n"},
        "answered the connection with 421 4.7.0 mx.example.net Too many connections from your address",
        "Connection limit: ",
    ),
    "502 to MAIL": (
        {"MAIL": b"502 5.5.1 Command not implemented\r\n"},
        "answered MAIL FROM with 502 5.5.1 Command not implemented",
        "Command rejected: ",
    ),
    "two lines after the data": (
        {"EOD": b"554-5.7.1 Message rejected\x1b[31m\r\n554 5.7.1 as spam\r\n"},
        r"answered the message with 554 5.7.1 Message rejected\x1b[31m as spam",
        "Content rejected: ",
    ),
    "unknown recipient": (
        {"RCPT": b"550 5.1.1 User unknown\r\n"},
        "answered RCPT TO kim@example.org with 550 5.1.1 User unknown",
        "Unknown recipient: ",
    ),
    "a text that tells no cause": (
        {"MAIL": b"550 No.\r\n"},
        "answered MAIL FROM with 550 No.",
        "Requested action not taken: mailbox unavailable. ",
    ),
    "STARTTLS refused": (
        {"EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n", "STARTTLS": b"454 4.7.0 TLS not available\r\n"},
        "answered STARTTLS with 454 4.7.0 TLS not available",
        "TLS problem: ",
    ),
    "STARTTLS not offered": ({}, "does not offer STARTTLS; see --smtp-security", None),
    "silence": ({"CONNECT": None}, "did not answer within 1 s", None),
    "silence after the data": ({"EOD": None}, "did not answer within 1 s", None),
    "a line without end": (
        {"CONNECT": b"220-" + b"x" * 10_000 + b"\r\n"},
        "answered as no SMTP server does: Line too long.",
        None,
    ),
    "something else": (
        {"CONNECT": b"SSH-2.0-OpenSSH\r\n"},
        "answered the connection as no SMTP server does",
        None,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_mail_is_explained_and_kept(
    log: str, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers, what, meaning = REFUSALS[case]
    options = () if case.startswith("STARTTLS") else UNENCRYPTED
    with scripted_server(answers) as where:
        mail(log, *TO, "--smtp", where, *options, status=5)
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *explanation, last = shown.err.splitlines()
    assert first.startswith(f"logscan: not sent: {where} {what}")
    assert [line.startswith(f"logscan: {meaning}") for line in explanation] == ([True] if meaning else [])
    assert last.startswith("logscan: the message is kept; to send it: logscan mail --resend ")
    (path,) = kept(tmp_path)
    assert parsed(path.read_bytes())["To"] == "kim@example.org"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_server_that_is_not_there(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"127.0.0.1:{free_port()}"
    mail(log, *TO, "--smtp", where, *UNENCRYPTED, status=5)
    assert f"not sent: {where} cannot be reached: Connection refused" in capsys.readouterr().err
    assert len(kept(tmp_path)) == 1


def test_tls_with_a_server_that_speaks_none(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_server({}) as where:
        mail(log, *TO, "--smtp", where, "--smtp-security", "tls", status=5)
    assert f"not sent: {where} does not speak TLS as expected: " in capsys.readouterr().err


def test_login_where_none_is_offered(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    monkeypatch.setenv("LOGSCAN_SMTP_PASSWORD", PASSWORD)
    with mail_server(tls_context=context, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as (inbox, where):
        mail(log, *TO, "--smtp", where, "--smtp-user", USER, status=5)
    assert inbox.envelopes == []
    assert f"not sent: {where}" in capsys.readouterr().err


def test_a_kept_message_is_sent_by_the_command_that_is_shown(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    mail(log, *TO, "--smtp", f"127.0.0.1:{port}", *UNENCRYPTED, status=5)
    hint = capsys.readouterr().err.splitlines()[-1].partition("to send it: ")[2]
    (path,) = kept(tmp_path)
    octets = path.read_bytes()
    with mail_server() as (inbox, where):
        assert run(shlex.split(hint.replace(f"127.0.0.1:{port}", where))[1:]) == 0
    assert inbox.content().replace(b"\r\n", b"\n") == octets
    assert inbox.envelopes[0].rcpt_tos == ["kim@example.org"]
    assert inbox.envelopes[0].mail_from == "logscan@example.org"
    assert kept(tmp_path) == []


def test_the_command_that_is_shown_names_no_credential_that_is_gone_by_then(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    for folder, named in (("credentials", False), ("etc", True)):
        file = tmp_path / folder / "password"
        file.parent.mkdir()
        file.write_text(PASSWORD)
        where = f"127.0.0.1:{free_port()}"
        mail(log, *TO, "--smtp", where, "--smtp-user", USER, "--smtp-password-file", str(file), status=5)
        hint = capsys.readouterr().err.splitlines()[-1]
        assert f"--smtp-user {USER}" in hint
        assert (str(file) in hint) == named


def test_a_message_that_fails_again_stays(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"127.0.0.1:{free_port()}"
    mail(log, *TO, "--smtp", where, *UNENCRYPTED, status=5)
    before = kept(tmp_path)
    mail("--resend", str(before[0]), "--smtp", where, *UNENCRYPTED, status=5)
    assert kept(tmp_path) == before
    assert str(before[0]) in capsys.readouterr().err.splitlines()[-1]


def test_only_those_who_were_refused_get_it_again(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mail_server() as (inbox, where):
        mail(log, *TO, "--to", "nobody@example.org", "--smtp", where, *UNENCRYPTED, status=5)
    assert inbox.envelopes[0].rcpt_tos == ["kim@example.org"]
    told, _, hint = capsys.readouterr().err.splitlines()
    assert told.startswith(
        f"logscan: not sent to everybody: {where} answered RCPT TO nobody@example.org with 550"
    )
    assert f"{kept(tmp_path)[0]} --to nobody@example.org --smtp " in hint


def test_where_its_folder_cannot_be_written_a_message_is_kept_among_temporary_files(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mail(log, *TO, "--smtp", f"127.0.0.1:{free_port()}", *UNENCRYPTED, status=5)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("logscan: not sent: ")
    (path,) = tmp_path.glob("logscan-unsent-*/*.eml")
    assert f"the message is kept; to send it: logscan mail --resend {path} " in second
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert parsed(path.read_bytes())["To"] == "kim@example.org"


def test_only_where_nothing_can_be_written_a_message_is_lost(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    mail(log, *TO, "--smtp", f"127.0.0.1:{free_port()}", *UNENCRYPTED, status=5)
    _, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"logscan: the message is lost: \S+/unsent cannot be written, nor can another: Not a directory",
        second,
    )


@pytest.mark.parametrize(
    "content", ["", "To: kim@example.org\n\n", "From: a@example.org\nTo: b@example.org, -oQ@example.org\n\n"]
)
def test_a_file_that_is_no_kept_message(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.eml").write_text(content)
    mail("--resend", str(tmp_path / "x.eml"), status=2)
    assert capsys.readouterr().err.count("\n") == 1


# ---- sendmail


@pytest.fixture
def sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sendmail command that keeps its arguments and its input beside itself, and then runs what ``then`` says."""
    program = tmp_path / "bin" / "sendmail"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncd {shlex.quote(str(program.parent))}\nprintf "%s\\n" "$@" >arguments\ncat >message\n. ./then\n'
    )
    program.chmod(0o755)
    (program.parent / "then").write_text("exit 0\n")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program.parent


def test_sendmail_gets_recipients_as_arguments(log: str, sendmail: Path) -> None:
    mail(log, *TO, "--to", "root")
    assert (sendmail / "arguments").read_text().split() == [
        *("-i", "-f", "logscan@example.org"),
        *("--", "kim@example.org", "root"),
    ]
    octets = (sendmail / "message").read_bytes()
    assert b"\r" not in octets
    assert parsed(octets)["To"] == "kim@example.org, root"


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (
            "echo 'postdrop: queue\x1b[31m file\nwrite error' >&2; exit 75",
            r"failed with exit status 75: postdrop: queue\x1b[31m file write error",
        ),
        ("exit 1", "failed with exit status 1: it does not say why"),
        ("exec sleep 20", "did not end within 1 s"),
    ],
)
def test_what_sendmail_says_is_told(
    log: str, sendmail: Path, tmp_path: Path, then: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (sendmail / "then").write_text(f"{then}\n")
    mail(log, *TO, status=5)
    first, last = capsys.readouterr().err.splitlines()
    assert first == f"logscan: not sent: {sendmail}/sendmail {message}"
    assert last.endswith(f"logscan mail --resend {kept(tmp_path)[0]}")


def test_no_sendmail(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("logscan.mailing.sending._SENDMAIL_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    mail(log, *TO, status=5)
    assert "not sent: there is no sendmail command on this machine; --smtp HOST" in capsys.readouterr().err
    assert len(kept(tmp_path)) == 1


# ---- Usage


@pytest.mark.parametrize(
    "text",
    [
        "kim@example.org\nBcc: x@example.org",
        "kim@example.org\r",
        "kim@example.org,lee@example.org",
        "Kim <kim@example.org>",
        "kim@example.org ",
        "-oQ/tmp",
        "kim@",
        "@example.org",
        "kim\x00@example.org",
        "kim@ex\u00e4mple.org",
        "kim@example.org@example.net",
        "=?utf-8?q?kim?=@example.org,",
        "x" * 255,
        "",
    ],
)
@pytest.mark.parametrize("option", ["--to", "--from"])
def test_what_is_no_single_address_is_a_usage_error(
    option: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {"--to": "kim@example.org", "--from": "lee@example.org"} | {option: text}
    assert run(["mail", "x.log", *(word for pair in others.items() for word in pair)]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("logscan: no mail address: ")
    assert shown.count("\n") == 1
    assert not re.search("[\x00-\x09\x0b-\x1f]", shown)


@pytest.mark.parametrize(
    "text",
    ["root", "kim+logs@mx1.example.org", "o'neil@example.org", "kim@[192.0.2.1]", "kim@[IPv6:2001:db8::1]"],
)
def test_addresses(text: str) -> None:
    assert address(text) == text


def test_without_from_this_user_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda: "mx1.example.org")
    monkeypatch.setattr("getpass.getuser", lambda: "kim")
    assert own_address() == "kim@mx1.example.org"


def test_a_machine_that_does_not_know_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", unknown)
    with pytest.raises(UsageError, match="use --from"):
        own_address()


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("mx.example.org", Security.STARTTLS, ("mx.example.org", 587)),
        ("mx.example.org", Security.TLS, ("mx.example.org", 465)),
        ("localhost", Security.NONE, ("localhost", 25)),
        ("192.0.2.1:2525", Security.NONE, ("192.0.2.1", 2525)),
        ("[2001:db8::1]:25", Security.TLS, ("2001:db8::1", 25)),
    ],
)
def test_servers(text: str, kind: Security, expected: tuple[str, int]) -> None:
    assert server(text, kind) == expected


@pytest.mark.parametrize(
    "text", ["", "mx:0", "mx:65536", "mx:smtp", "m x", "mx\r\n", "a..b", "2001:db8::1", "x" * 64]
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(UsageError, match="no server: "):
        server(text, Security.NONE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Use --to"),
        ([*TO, "--smtp", "mx:25x"], "no server: 'mx:25x'"),
        ([*TO, "--smtp-user", "kim"], "need --smtp HOST"),
        ([*TO, "--smtp", "mx", "--smtp-user", "kim"], "--smtp-user needs a password"),
        ([*TO, "--smtp", "mx", "--smtp-user", "kim", *UNENCRYPTED], "only sent encrypted"),
        (
            [*TO, "--smtp", "mx", "--smtp-user", "kim", "--smtp-password-file", "/nonexistent"],
            "/nonexistent: the SMTP",
        ),
        (
            [*TO, "--smtp", "mx", "--smtp-user", "kim", "--smtp-password-file", os.devnull],
            "password is empty",
        ),
        ([*TO, "--smtp", "mx", "--smtp-security", "ssl"], "--smtp-security"),
        ([*TO, "--attach", "xlsx"], "--attach"),
        ([*TO, "--timeout", "0"], "--timeout"),
        (["--resend", "/nonexistent.eml"], "/nonexistent.eml: cannot be read"),
    ],
)
def test_usage_errors_are_one_clear_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["mail", "x.log", *options]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("logscan: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err


@pytest.mark.parametrize(
    ("setting", "message"),
    [('smtp_security = "ssl"', "'ssl' is not one of"), ('attach = "xlsx"', "'xlsx' is not one of")],
)
def test_settings_are_checked_as_options_are(
    setting: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "logscan.toml"
    file.write_text(f'[mail]\nto = "kim@example.org"\nsmtp = "mx.example.org"\n{setting}\n')
    assert run(["--config", str(file), "mail", "x.log"]) == 2
    assert message in capsys.readouterr().err
