"""Postfix logs as administrators have them: forms of stamps, instances, files; what other tools got wrong."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from logscan.scan import read_table

SPIKE = "host mta5.example.net[203.0.113.5] said: 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred (in reply to MAIL FROM command)"
LINES = [
    "postfix/postscreen[9]: NOQUEUE: reject: CONNECT from [198.51.100.9]:4000: all server ports busy",
    "postfix/smtpd[2]: NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 450 4.2.0 <b@example.org>: Recipient address "
    "rejected: Greylisted; from=<a@example.com> to=<b@example.org> proto=ESMTP helo=<x>",
    f"postfix/smtp[3]: 4Bx7Kc0mTnz2vQX: to=<c@example.net>, relay=mta5.example.net[203.0.113.5]:25, delay=2, delays=0/0/1/1, "
    f"dsn=4.7.0, status=deferred ({SPIKE})",
    "postfix/qmgr[4]: 4Bx7Kc0mTnz2vQY: from=<a@example.com>, status=expired, returned to sender",
]


def table(path: Path, text: str | bytes, **options: Any) -> list[dict[str, Any]]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    rows: list[dict[str, Any]] = read_table(str(path), tz="UTC", **options).to_pylist()
    return rows


def codes(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["direction"], row["code"], row["enhanced"], row["basis"], row["status"]) for row in rows]


EXPECTED = [
    ("inbound", 421, "4.3.2", "inferred", "rejected"),
    ("inbound", 450, "4.2.0", "logged", "rejected"),
    ("outbound", 421, "4.7.0", "logged", "deferred"),
    ("outbound", None, None, "logged", "expired"),
]


@pytest.mark.parametrize(
    "stamp",
    [
        "Nov  5 10:11:12 mx1 ",
        "Nov 05 10:11:12 mx1 ",
        "2025-11-05T10:11:12.345678+00:00 mx1 ",
        "2025-11-05T10:11:12+0000 mx1 ",
        "<22>Nov  5 10:11:12 mx1 ",
        "Nov  5 10:11:12 <mail.info> mx1 ",
        "1762337472.123456 mx1 ",
    ],
)
def test_every_form_of_header_gives_the_same_rows(stamp: str, tmp_path: Path) -> None:
    rows = table(tmp_path / "mail.log", "".join(f"{stamp}{line}\n" for line in LINES), year=2025)
    assert codes(rows) == EXPECTED
    assert {row["host"] for row in rows} == {"mx1"}
    assert {row["time"].replace(microsecond=0) for row in rows} == {
        datetime(2025, 11, 5, 10, 11, 12, tzinfo=UTC)
    }


def test_rfc_5424(tmp_path: Path) -> None:
    lines = [line.replace("[", " ", 1).replace("]:", " - -", 1) for line in LINES]
    rows = table(
        tmp_path / "mail.log", "".join(f"<22>1 2025-11-05T10:11:12.003Z mx1 {line}\n" for line in lines)
    )
    assert codes(rows) == EXPECTED


def test_solaris_message_ids_are_no_codes(tmp_path: Path) -> None:
    lines = [line.replace("]: ", "]: [ID 502 mail.info] ", 1) for line in LINES]
    assert (
        codes(table(tmp_path / "mail.log", "".join(f"Nov  5 10:11:12 mx1 {line}\n" for line in lines)))
        == EXPECTED
    )


def journal(line: str) -> str:
    tag, _, message = line.partition("]: ")
    name, _, pid = tag.partition("[")
    entry = {"SYSLOG_IDENTIFIER": name, "_PID": pid, "_HOSTNAME": "mx1", "MESSAGE": message}
    return json.dumps({"__REALTIME_TIMESTAMP": "1762337472123456", **entry})


@pytest.mark.parametrize("wrapping", ["journal", "docker", "gzip", "instance"])
def test_the_journal_containers_archives_and_other_instances_give_the_same_rows(
    wrapping: str, tmp_path: Path
) -> None:
    plain = [f"2025-11-05T10:11:12.123456+00:00 mx1 {line}" for line in LINES]
    if wrapping == "journal":
        data: bytes = "\n".join(journal(line) for line in LINES).encode()
    elif wrapping == "docker":
        data = "\n".join(
            json.dumps({"log": f"{line}\n", "stream": "stdout", "time": "2025-11-05T10:11:12.123456Z"})
            for line in plain
        ).encode()
    elif wrapping == "gzip":
        data = gzip.compress("\n".join(plain).encode())
    else:
        data = "\n".join(plain).replace(" postfix/", " postfix-out/").encode()
    assert codes(table(tmp_path / "mail.log", data + b"\n" * (wrapping != "gzip"))) == EXPECTED


def test_the_reason_for_a_deferral_keeps_the_remote_servers_words(tmp_path: Path) -> None:
    rows = table(tmp_path / "mail.log", f"Nov  5 10:11:12 mx1 {LINES[2]}\n")
    assert rows[0]["text"] == "[TSS04] Messages from 192.0.2.1 temporarily deferred"
    assert (rows[0]["command"], rows[0]["peer_name"], rows[0]["peer_port"]) == (
        "MAIL",
        "mta5.example.net",
        25,
    )


def test_throttling_is_not_called_an_authentication_failure(tmp_path: Path) -> None:
    rows = table(tmp_path / "mail.log", "".join(f"Nov  5 10:11:12 mx1 {line}\n" for line in LINES))
    assert [row["cause"] for row in rows[:3]] == ["server_load", "greylisting", "reputation"]


def test_an_id_queued_by_a_remote_server_joins_nothing(tmp_path: Path) -> None:
    delivered = "postfix/smtp[3]: {}: to=<c@example.net>, relay=mx[203.0.113.5]:25, delay=2, delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 3B9C42A0D1)"
    lines = [
        "postfix/qmgr[4]: 8F2A11C04E7: from=<a@example.com>, size=1, nrcpt=1 (queue active)",
        delivered.format("8F2A11C04E7"),
        "postfix/qmgr[4]: 8F2A11C04E8: from=<b@example.com>, size=1, nrcpt=1 (queue active)",
        delivered.format("8F2A11C04E8"),
    ]
    rows = table(tmp_path / "mail.log", "".join(f"Nov  5 10:11:12 mx1 {line}\n" for line in lines))
    assert [(row["sender"], row["status"]) for row in rows] == [
        ("a@example.com", "sent"),
        ("b@example.com", "sent"),
    ]


def test_words_in_headers_and_addresses_are_no_replies(tmp_path: Path) -> None:
    lines = [
        "postfix/cleanup[2]: 8F2A11C04E7: warning: header Subject: 550 5.1.1 reject: status=bounced from x[192.0.2.1]; from=<a@example.com> to=<b@example.org> proto=ESMTP helo=<x>",
        "postfix/smtpd[2]: warning: restriction `reject_rbl' after `permit' is ignored",
        "postfix/smtpd[2]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.1.1 <a; from=<fake@example.com> to=<q>@example.org>: "
        "Recipient address rejected: no; from=<real@example.com> to=<b@example.org> proto=ESMTP helo=<x>",
    ]
    rows = table(tmp_path / "mail.log", "".join(f"Nov  5 10:11:12 mx1 {line}\n" for line in lines))
    assert [(row["code"], row["sender"], row["recipient"]) for row in rows] == [
        (550, "real@example.com", "b@example.org")
    ]


def test_a_line_cut_by_syslog_still_gives_its_code(tmp_path: Path) -> None:
    line = f"Nov  5 10:11:12 mx1 {LINES[2]}"
    rows = table(tmp_path / "mail.log", line[: line.index("temporarily")] + "\n")
    assert (rows[0]["code"], rows[0]["status"]) == (421, "deferred")


def test_a_container_that_names_no_host_has_none(tmp_path: Path) -> None:
    entry = {"log": f"{LINES[0]}\n", "stream": "stdout", "time": "2025-11-05T10:11:12.123456Z"}
    rows = table(tmp_path / "mail.log", json.dumps(entry) + "\n")
    assert [(row["code"], row["host"]) for row in rows] == [(421, None)]
