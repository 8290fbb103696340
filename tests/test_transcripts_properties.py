"""What holds for any transcript, however it is cut, and for any bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.coverage import InputReport
from logscan.transcripts.reader import TranscriptReader, detect_transcript

FIXTURES = [path.read_bytes() for path in sorted((Path(__file__).parent / "transcripts").glob("*.txt"))]
PIECES = [
    *("220 mx ESMTP", "250-mx", "250 SIZE", "354 go", "421 4.7.0 busy", "334 x", "999", "\t99", ""),
    *(
        "EHLO x",
        "MAIL FROM:<a@x>",
        "RCPT TO:<b@y>",
        "DATA",
        ".",
        "BDAT 99999999999 LAST",
        "AUTH LOGIN",
        "QUIT",
    ),
    *(
        "SMTP<< ",
        "SMTP>> ",
        "<-  ",
        " -> ",
        "C: ",
        "S: ",
        "Log data:",
        "=== Trying h:25...",
        "Follow: tcp,ascii",
    ),
    *("{", '{"level":"PROTOCOL"}', "#Fields: a b", "reply: retcode (250); Msg: b'x'", "\\ud800", "&lt;"),
    *("\x1b[K", "\b", "\0"),
]


def rows(blocks: list[bytes]) -> list[dict]:
    return [
        row for batch in TranscriptReader(blocks, InputReport("x")).batches() for row in batch.to_pylist()
    ]


@given(data=st.sampled_from(FIXTURES), cuts=st.lists(st.integers(0, 12_000), max_size=5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_split_into_blocks_gives_the_same_rows(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    blocks = [data[start:end] for start, end in pairwise(edges)]
    assert rows(blocks) == rows([data])


@given(data=st.binary(max_size=400))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_bytes_raise(data):
    rows([data])
    detect_transcript(data)


@given(lines=st.lists(st.lists(st.sampled_from(PIECES), max_size=3).map("".join), max_size=30))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_dialogue_however_absurd_raises(lines):
    rows(["\n".join(lines).encode("utf-8", "replace")])


@given(
    secret=st.text(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", min_size=12, max_size=40
    ),
    mark=st.sampled_from(
        [("", ""), (" -> ", "<-  "), ("C: ", "S: "), ("--> ", "<-- "), ("tool sent ", "tool got ")]
    ),
    inline=st.booleans(),
    echoed=st.booleans(),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_what_a_client_sent_to_log_in_appears_nowhere(secret, mark, inline, echoed):
    secret = f"Zz{secret}"
    login = [f"C:AUTH PLAIN {secret}"] if inline else ["C:AUTH LOGIN", "S:334 VXNlcm5hbWU6", f"C:{secret}"]
    refusal = f"S:535 5.7.8 bad login {secret}" if echoed else "S:535 5.7.8 bad login"
    script = [
        "S:220 mx ESMTP",
        "C:EHLO client.example.org",
        "S:250-mx",
        "S:250 AUTH PLAIN LOGIN",
        *login,
        refusal,
    ]
    lines = [mark[line[0] == "S"] + line[2:] for line in [*script, "C:QUIT", "S:221 bye"]]
    reader = TranscriptReader(["\n".join(lines).encode()], InputReport("x"))
    table = [row for batch in reader.batches() for row in batch.to_pylist()]
    assert ("AUTH", 535) in {(row["command"], row["code"]) for row in table}
    assert secret not in str(table)
    assert secret not in str(reader.report)
