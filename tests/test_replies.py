"""Reply text → code, enhanced code, text."""

from __future__ import annotations

import pytest

from logscan.replies import Reply, reply_line, split_reply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 5.1.1 User unknown", Reply(550, "5.1.1", "User unknown")),
        ("250", Reply(250, None, "")),
        ("421 mx.example.com Too busy", Reply(421, None, "mx.example.com Too busy")),
        ("452-4.2.2 Mailbox full\r\n452 4.2.2 502 MB used", Reply(452, "4.2.2", "Mailbox full 502 MB used")),
        ("554-Refused\n554 5.7.1 see the policy", Reply(554, "5.7.1", "Refused see the policy")),
        ("554  5.7.1 Two blanks", Reply(554, "5.7.1", "Two blanks")),
        ("250-mx.example.com\n250-SIZE 100\n250 HELP", Reply(250, None, "mx.example.com SIZE 100 HELP")),
        ("no code at all", Reply(None, None, "no code at all")),
        ("", Reply(None, None, "")),
    ],
)
def test_a_reply_is_split_into_code_enhanced_code_and_text(text, expected):
    assert split_reply(text) == expected


def test_the_code_of_the_last_line_and_the_first_enhanced_code_count():
    assert split_reply("550-5.1.1 first\n551 5.7.1 second") == Reply(551, "5.1.1", "first second")


@pytest.mark.parametrize(
    "line", ["150 no such class", "050 queued", "2500 too long", "25", "x250 Ok", "250Ok"]
)
def test_other_numbers_begin_no_reply(line):
    assert reply_line(line) is None


def test_a_hyphen_says_that_more_lines_follow():
    assert reply_line("250-SIZE") == (250, False, "SIZE")
    assert reply_line("250 SIZE") == (250, True, "SIZE")
