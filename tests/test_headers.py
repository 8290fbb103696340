"""Headers taken off all lines at once: what is taken is what the regexes of the frame take, to the byte."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logscan.logs.eights import Shape, eights, find, past_digits
from logscan.logs.frames import FRAMES
from logscan.logs.lines import PADDING, Lines, split_lines
from logscan.logs.records import Records, records_behind, split_records

SAMPLES = Path(__file__).parents[1] / "sample_logs"

HEADERS = {
    "syslog": [
        "Nov  5 10:11:12 mx1 postfix/smtpd[2101]: ",
        "Nov 15 10:11:12 mx1.example.org postfix-out/submission/smtpd[7]: ",
        "2026-11-05T10:11:12.345678+01:00 mx1 postfix/qmgr[815]: ",
        "2026-11-05 10:11:12 mx1 dovecot: ",
        "<22>Nov  5 10:11:12 mx1 postfix/smtpd[1]: ",
        "Nov  5 10:11:12.123 mx1 postfix/smtpd[1]: ",
        "Nov  5 10:11:12 <mail.info> mx1 postfix/smtpd[1]: ",
        "Nov  5 10:11:12 mx1 mail.info postfix/smtpd[1]: ",
        "Nov  5 10:11:12 mx1 postfix/smtpd[1]: [ID 197553 mail.info] ",
        "1762333872.123456 mx1 postfix/smtpd[2101]: ",
    ],
    "exim": [
        "2026-11-23 10:00:00 1vNabc-00000001xyz-1A2b ",
        "2026-11-23 10:00:00.123 +0100 [1234] 1vNabc-0001aB-2B ",
        "2026-11-23 10:00:00 -0330 [7] ",
        "2026-11-23 10:00:00 ",
        "2026-11-23 10:00:00 mx1 exim[1234]: 1vNabc-0001aB-2B ",
        "Nov 23 10:00:00 mx1 exim[1234]: 2026-11-23 10:00:00 1vNabc-0001aB-2B ",
    ],
}
MESSAGES = [
    "",
    "8F2A11C04E7: removed",
    "NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 no",
    "Completed",
    "a: b: c",
    "ü",
]


@st.composite
def damaged(draw: st.DrawFn, frame: str) -> bytes:
    """A line of a frame; often with a few characters changed, put in or left out."""
    line = draw(st.sampled_from(HEADERS[frame])) + draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(line)))
        put = draw(
            st.sampled_from(
                ["", " ", ":", "[", "]", "0", "A", "a", "-", ": ", "/", "é", "\x7f", "<", "x" * 70]
            )
        )
        line = line[:place] + put + line[place + draw(st.integers(0, 2)) :]
    return line.encode()


def as_dicts(records: Records) -> list[dict[str, Any]]:
    values, zones = records.times(np.arange(len(records)))
    messages = records.messages(np.arange(len(records)))
    columns = {name: column.to_pylist() for name, column in records.columns.items()}
    return [
        {
            "line": int(records.index[place]),
            "message": messages[place].as_py(),
            "time": (int(values[place]), int(zones[place])),
            **{name: column[place] for name, column in columns.items() if column[place] is not None},
        }
        for place in range(len(records))
    ]


def taken(lines: Lines, frame: str) -> list[dict[str, Any]]:
    headers = FRAMES[frame].headers
    assert headers is not None
    found = headers(lines)
    return [] if found is None else as_dicts(records_behind(lines, found))


@pytest.mark.parametrize("frame", sorted(HEADERS))
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_is_taken_at_once_is_what_the_regexes_take(frame: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(damaged(frame), min_size=1, max_size=6))
    lines = split_lines(b"\n".join(written) + b"\n" * data.draw(st.integers(0, 1)))
    by_regex = {
        row["line"]: row for row in as_dicts(split_records(lines, np.arange(len(lines)), FRAMES[frame]))
    }
    for row in taken(lines, frame):
        if " " in str(row.get("service", "")):
            # A tag with a blank is none (see ``Services.daemon``), nor is there one for the regexes.
            assert row["line"] not in by_regex
        else:
            assert row == by_regex.get(row["line"])


@pytest.mark.parametrize(("frame", "log"), [("syslog", "postfix.log"), ("exim", "exim_mainlog")])
def test_all_lines_of_an_ordinary_log_are_taken_at_once(frame: str, log: str) -> None:
    lines = split_lines((SAMPLES / log).read_bytes())
    assert len(taken(lines, frame)) == len(lines) > 500


@given(st.binary(max_size=40), st.sampled_from(["00:00", "Aaa 00", "xxxxxx-xxxxxx-xx ", "[0] "]))
@example(b"12:34", "00:00")
@example(b"Nov 05 10", "Aaa 00")
def test_a_shape_is_found_where_its_signs_stand(data: bytes, pattern: str) -> None:
    classes = {"0": b"0123456789", "A": bytes(range(65, 91)), "a": bytes(range(97, 123))}
    classes["x"] = classes["0"] + classes["A"] + classes["a"]
    expected = [
        all(byte in classes.get(sign, sign.encode()) for byte, sign in zip(text, pattern, strict=False))
        and len(text) == len(pattern)
        for text in (data[place : place + len(pattern)] for place in range(len(data)))
    ]
    padded = eights(data + bytes(PADDING))
    assert Shape(pattern).at(padded, np.arange(len(data))).tolist() == expected


@given(st.binary(max_size=60), st.integers(0, 60))
def test_signs_are_found_as_find_does(data: bytes, start: int) -> None:
    padded, place = eights(data + b":" + bytes(PADDING)), np.array([min(start, len(data))])
    first = min((data + b":").find(sign, int(place[0])) % 1000 for sign in (b":", b"["))
    assert find(padded, place, b":[", 128).tolist() == [first]
    digits = len(data) - len(data[place[0] :].lstrip(b"0123456789"))
    assert past_digits(padded, place, 128).tolist() == [digits]
