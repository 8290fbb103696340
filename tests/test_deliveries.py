"""What became of messages that were put off is told from the lines that end them."""

from __future__ import annotations

from pathlib import Path

from logscan import read_table
from logscan.flagging.deliveries import follow
from logscan.flagging.negatives import Log, Negatives

SLOW_DOWN = "SMTP error from remote mail server after MAIL FROM:<a@example.org>: 421 4.7.0 Slow down"


def followed(log: Path, text: str) -> tuple[list[int], list[int], list[int]]:
    """Of each refusal in an Exim log: the message, and when it was accepted or failed, in seconds after noon."""
    log.write_text("".join(f"2026-11-22 12:{line}\n" for line in text.strip().splitlines()))
    messages = follow(Negatives.of(Log(read_table([str(log)], tz="UTC"))))
    noon = 1_795_348_800

    def seconds(moments: list[int]) -> list[int]:
        return [moment if moment < 0 else moment // 1_000_000 - noon for moment in moments]

    return messages.number.tolist(), seconds(messages.accepted.tolist()), seconds(messages.failed.tolist())


def test_exim_tells_in_a_later_line_whose_mail_a_refused_sender_held_up(tmp_path: Path) -> None:
    number, accepted, failed = followed(
        tmp_path / "mainlog",
        f"""
00:00 1xTLSv-00AErC-FQ H=mx1.example.net [192.0.2.7]: {SLOW_DOWN}
00:00 1xTLSv-00AErC-FQ H=mx2.example.net [192.0.2.8]: {SLOW_DOWN}
00:01 1xTLSv-00AErC-FQ => b@example.com R=dnslookup T=remote_smtp H=mx.example.com [198.51.100.7] C="250 OK"
00:02 1xTLSv-00AErC-FQ == b@example.net R=dnslookup T=remote_smtp defer (-45) H=mx2.example.net [192.0.2.8]: {SLOW_DOWN}
15:00 1xTLSv-00AErC-FQ => b@example.net R=dnslookup T=remote_smtp H=mx1.example.net [192.0.2.7] C="250 OK"
""",
    )
    assert len(set(number)) == 1
    assert number[0] >= 0
    assert set(accepted) == {900}  # not when the other recipient's copy was delivered
    assert set(failed) == {-1}


def test_exim_message_that_another_server_took_at_once_was_delivered(tmp_path: Path) -> None:
    _, accepted, _ = followed(
        tmp_path / "mainlog",
        f"""
00:00 1xTLSv-00AErC-FQ H=mx1.example.net [192.0.2.7]: {SLOW_DOWN}
00:03 1xTLSv-00AErC-FQ => b@example.net R=dnslookup T=remote_smtp H=mx2.example.net [192.0.2.8] C="250 OK"
""",
    )
    assert accepted == [3]
