"""The state machine of one session."""

from __future__ import annotations

from logscan.transcripts.dialogue import Session


def talk(script: str, **options) -> list[tuple[str | None, int | None]]:
    """Play a dialogue whose lines begin with C: or S:, and give command and code of each reply."""
    session = Session(**options)
    answers = []
    for number, line in enumerate(script.strip().splitlines(), 1):
        side, text = line[:2], line[3:]
        if side == "C:":
            session.client(text)
        else:
            answers += session.server(number, text)
    answers += session.settle()
    return [(answer.command, answer.reply.code) for answer in answers]


GREETED = "S: 220 mx\nC: EHLO client\nS: 250-mx\nS: 250 PIPELINING\n"


def test_pipelined_commands_are_answered_in_order():
    script = "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\n"
    replies = "S: 250 2.1.0 Ok\nS: 550 5.1.1 no\nS: 452 4.2.2 full\nS: 554 5.5.1 no recipients"
    assert talk(GREETED + script + replies)[2:] == [
        ("MAIL", 250),
        ("RCPT", 550),
        ("RCPT", 452),
        ("DATA", 554),
    ]


def test_nothing_in_a_message_is_a_command_or_a_reply():
    body = "C: DATA\nS: 354 go\nC: 421 fake\nC: QUIT\nC: VRFY root\nC: .\nS: 250 2.0.0 queued"
    assert talk(GREETED + body)[2:] == [("DATA", 354), ("EOD", 250)]


def test_a_refused_data_opens_no_message():
    assert talk(GREETED + "C: DATA\nS: 503 no\nC: QUIT\nS: 221 bye")[2:] == [("DATA", 503), ("QUIT", 221)]


def test_lmtp_answers_the_dot_once_for_each_accepted_recipient():
    script = """S: 220 mx
C: LHLO client
S: 250 mx
C: MAIL FROM:<a@x>
S: 250 ok
C: RCPT TO:<b@y>
S: 250 ok
C: RCPT TO:<c@y>
S: 550 no
C: RCPT TO:<d@y>
S: 250 ok
C: DATA
S: 354 go
C: .
S: 250 b done
S: 452 d full
C: QUIT
S: 221 bye"""
    assert talk(script)[-3:] == [("EOD", 250), ("EOD", 452), ("QUIT", 221)]


def test_the_220_after_starttls_is_no_new_greeting():
    script = "C: STARTTLS\nS: 220 go ahead\nC: EHLO client\nS: 250 mx"
    assert talk(GREETED + script)[2:] == [("STARTTLS", 220), ("EHLO", 250)]


def test_what_follows_a_334_is_no_command():
    login = "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: DATA\nS: 334 UGFzc3dvcmQ6\nC: QUIT\n"
    script = login + "S: 535 5.7.8 no\nC: QUIT\nS: 221 bye"
    assert talk(GREETED + script)[2:] == [("AUTH", 334), ("AUTH", 334), ("AUTH", 535), ("QUIT", 221)]


def test_a_server_that_repeats_a_secret_is_redacted():
    session = Session()
    for line in ("EHLO x", "AUTH PLAIN AHVzZXIAc2VjcmV0"):
        session.client(line)
    session.server(1, "250 mx")
    (answer,) = session.server(2, "535 5.7.8 bad credentials AHVzZXIAc2VjcmV0")
    assert answer.reply.text == "bad credentials [hidden]"


def test_bdat_takes_its_octets_and_no_dot():
    script = "C: BDAT 15 LAST\nC: Subject: test\nS: 250 2.0.0 ok\nC: QUIT\nS: 221 bye"
    assert talk(GREETED + script)[2:] == [("BDAT", 250), ("QUIT", 221)]


def test_commands_shown_before_the_answer_to_a_hidden_message_wait_their_turn():
    commands = "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: BDAT 319 LAST\nC: QUIT\n"
    script = commands + "S: 250 2.1.0 a\nS: 250 2.1.5 b\nS: 250 c\nS: 221 d"
    assert talk(GREETED + script, body="hidden")[2:] == [
        ("MAIL", 250),
        ("RCPT", 250),
        ("BDAT", 250),
        ("QUIT", 221),
    ]


def test_a_421_that_nobody_asked_for_answers_nothing():
    assert talk(GREETED + "S: 421 4.4.2 timeout")[2:] == [(None, 421)]


def test_a_421_greeting_is_the_answer_to_the_connection():
    assert talk("S: 421 4.7.0 too many connections\nC: QUIT") == [("CONNECT", 421)]


def test_what_stands_before_the_greeting_is_no_command_unless_it_is_one():
    assert talk("C: nc -C mx 25\nS: 220 mx\nC: HELO client\nS: 250 mx")[1:] == [("HELO", 250)]
    assert talk("C: HELO client\nS: 220 mx\nS: 250 mx")[1:] == [("HELO", 250)]


def test_a_message_pasted_with_data_is_no_command():
    script = "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA\nC: Subject: x\nC: hello\nC: .\nC: QUIT\n"
    replies = "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 go\nS: 250 2.0.0 queued\nS: 221 bye"
    assert talk(GREETED + script + replies)[2:] == [
        ("MAIL", 250),
        ("RCPT", 250),
        ("DATA", 354),
        ("EOD", 250),
        ("QUIT", 221),
    ]


def test_a_bounce_that_shows_data_above_a_refused_recipient_means_rcpt():
    assert talk("C: DATA\nS: 550 5.1.1 <bob@y.example>: Recipient unknown") == [("RCPT", 550)]


def test_a_reply_cut_off_in_the_middle_still_counts():
    assert talk(GREETED + "C: RCPT TO:<b@y>\nS: 452-4.2.2 full")[2:] == [("RCPT", 452)]


def test_envelope_and_helo_come_from_the_commands():
    session = Session()
    session.server(1, "220 mx")
    for number, (command, reply) in enumerate(
        [
            ("EHLO client.example.org", "250 mx"),
            ("MAIL FROM:<>", "250 Ok"),
            ("RCPT TO:<bob@example.com>", "450 later"),
        ]
    ):
        session.client(command)
        (answer,) = session.server(number, reply)
    assert (answer.helo, answer.sender, answer.recipient) == ("client.example.org", "", "bob@example.com")
