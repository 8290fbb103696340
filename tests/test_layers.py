"""Wrapped log lines made plain, line for line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.reading.layers import Layer, unwrap

CONNECT = "postfix/smtpd[2101]: connect from unknown[192.0.2.1]"
SYSLOG = f"Nov 05 10:11:12 mx1 {CONNECT}"
EXIM = (
    "2025-11-05 10:11:12 1vGhij-00000001abc-1A2b <= a@example.com H=mx.example.org [192.0.2.1] P=esmtp S=700"
)
RFC5424 = "<22>1 2025-11-05T10:11:12.003Z mx1 postfix/smtpd 2101 - - connect"
STAMP = "2025-11-05T10:11:12.003456789Z"
WITH_STAMP = f"{STAMP} - {CONNECT}"


def docker(log: str, time: str = STAMP, stream: str = "stdout") -> str:
    """Return a line as Docker writes it: compact, with <, > and & escaped."""
    line = json.dumps({"log": log, "stream": stream, "time": time}, separators=(",", ":"), ensure_ascii=False)
    return line.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def journal(message: object, **fields: object) -> str:
    entry: dict[str, object] = {
        "__CURSOR": "s=1;i=2",
        "_TRANSPORT": "syslog",
        "SYSLOG_IDENTIFIER": "postfix/smtpd",
        "SYSLOG_PID": "2101",
        "_PID": "2101",
        "_HOSTNAME": "mx1",
        "__REALTIME_TIMESTAMP": "1762337472003456",
        "MESSAGE": message,
    }
    entry.update(fields)
    return json.dumps({name: value for name, value in entry.items() if value is not ...})


def plain(*lines: str) -> list[str]:
    """Return what unwrap makes of the lines."""
    block = "".join(f"{line}\n" for line in lines).encode()
    layer = unwrap(block)
    assert layer is not None
    return layer.strip(block).decode().split("\n")[:-1]


# ------------------------------------------------------------------ each wrapping


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        pytest.param(docker(SYSLOG + "\n"), SYSLOG, id="docker"),
        pytest.param(docker(SYSLOG + "\r\n"), SYSLOG, id="docker with tty"),
        pytest.param(docker(CONNECT + "\n"), WITH_STAMP, id="docker without stamp"),
        pytest.param(docker(EXIM + "\n"), EXIM, id="docker with Exim"),
        pytest.param(docker("starting\n"), "starting", id="docker with other output"),
        pytest.param(docker('<a@example.org> "ü" & \\\n'), '<a@example.org> "ü" & \\', id="escapes"),
        pytest.param(docker("\n"), "", id="docker with an empty line"),
        pytest.param(f"{STAMP} stdout F {SYSLOG}", SYSLOG, id="CRI"),
        pytest.param(f"2025-11-05T10:11:12.5+01:00 stderr F {EXIM}", EXIM, id="CRI with Exim"),
        pytest.param(f"{STAMP} stdout F {CONNECT}", WITH_STAMP, id="CRI without stamp"),
        pytest.param(f"{STAMP} stdout F", "", id="CRI with an empty line"),
        pytest.param(f"mail-1  | {SYSLOG}", SYSLOG, id="compose"),
        pytest.param("mail-1  |", "", id="compose with an empty line"),
        pytest.param(f"mail-1  | {STAMP} {CONNECT}", WITH_STAMP, id="compose with stamps"),
        pytest.param(f"\x1b[36mmail-1  | \x1b[0m{SYSLOG}", SYSLOG, id="compose with colours"),
        pytest.param(f"mail.1.qx7z@node-2    | {SYSLOG}", SYSLOG, id="swarm"),
        pytest.param(f"[pod/mail-0/postfix] {SYSLOG}", SYSLOG, id="kubectl logs --prefix"),
        pytest.param(f"{STAMP} {SYSLOG}", SYSLOG, id="docker logs -t"),
        pytest.param(f"{STAMP} {CONNECT}", WITH_STAMP, id="docker logs -t without stamp"),
        pytest.param(f"Nov 05 10:11:13 {SYSLOG}", SYSLOG, id="ts"),
        pytest.param(f"Nov 05 10:11:12 {CONNECT}", f"Nov 05 10:11:12 - {CONNECT}", id="ts without stamp"),
        pytest.param(f"mail.log:{SYSLOG}", SYSLOG, id="grep in several files"),
        pytest.param(f"/var/log/mail.log.2.gz:123:{SYSLOG}", SYSLOG, id="zgrep -n"),
        pytest.param(f"mail.log-122-{EXIM}", EXIM, id="grep -C"),
        pytest.param(f"123:{EXIM}", EXIM, id="grep -n"),
        pytest.param(f"mail.log:7:{RFC5424}", RFC5424, id="grep of RFC 5424"),
        pytest.param(f"   123\t{SYSLOG}", SYSLOG, id="cat -n"),
        pytest.param(f"\x1b[01;31m\x1b[K{SYSLOG}\x1b[m\x1b[K", SYSLOG, id="colours"),
        pytest.param(f"\x1b]0;title\x07{SYSLOG}\x1b(B", SYSLOG, id="terminal title"),
        pytest.param(f"mail-json.log:3:{docker(CONNECT + chr(10))}", WITH_STAMP, id="grep of docker"),
    ],
)  # fmt: skip
def test_one_line(wrapped: str, expected: str) -> None:
    assert plain(wrapped) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        SYSLOG,
        EXIM,
        "Nov  5 10:11:12 mx1 exim[12]: " + EXIM,
        "2025-11-05T10:11:12.345678+01:00 mx1 " + CONNECT,
        RFC5424,
        "1762333872.123456 mx1 " + CONNECT,
        "2025-11-05 10:11:12 [1234] 1vGhij-00000001abc-1A2b Completed",
        "220 mx.example.org ESMTP",
        "<-  250-mx.example.org",
        "session.log:1:=== Trying 192.0.2.1:25...",
        "2025-11-05T10:11:12.003Z,mx\\receive,08DE,0,192.0.2.1:25",
        '{"level":"info","msg":"started"}',
        "",
    ],
)
def test_plain_lines_have_no_wrapping(line: str) -> None:
    assert unwrap(f"{line}\n".encode() * 3) is None


def test_a_head_without_a_line_end_is_enough() -> None:
    assert unwrap(docker(SYSLOG + "\n").encode()) is not None
    assert unwrap(b"") is None


# ------------------------------------------------------------------ the journal


def journal_line(message: object, **fields: object) -> str:
    (line,) = plain(journal(message, **fields))
    return line


def header(
    host: str = "mx1", tag: str = "postfix/smtpd", pid: str = "[2101]", fraction: str = "003456"
) -> str:
    return f"2025-11-05T10:11:12.{fraction}+00:00 {host} {tag}{pid}: "


HEADER = header()
FULL_SECOND = "1762337472000000"


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        pytest.param(journal("connect"), HEADER + "connect", id="usual"),
        pytest.param(journal(list(b"caf\xc3\xa9 \x1b")), HEADER + "café \x1b", id="bytes"),
        pytest.param(journal(list(b"\xe9")), HEADER + "\N{REPLACEMENT CHARACTER}", id="bytes not in UTF-8"),
        pytest.param(journal("two\nlines\n"), HEADER + "two lines", id="line feeds"),
        pytest.param(journal(None), HEADER, id="message left out by journalctl"),
        pytest.param(journal("x", SYSLOG_PID=...), HEADER + "x", id="pid of the process"),
        pytest.param(journal("x", SYSLOG_PID=..., _PID=...), header(pid="") + "x", id="no pid"),
        pytest.param(journal("x", SYSLOG_PID="", _PID="1\n2"), header(pid="") + "x", id="no usable pid"),
        pytest.param(journal("x", _HOSTNAME=...), header(host="-") + "x", id="no host"),
        pytest.param(
            journal("x", SYSLOG_IDENTIFIER=..., _COMM="smtpd"), header(tag="smtpd") + "x", id="no tag"
        ),
        pytest.param(journal("x", SYSLOG_IDENTIFIER="a: b[1]"), header(tag="a__b_1_") + "x", id="odd tag"),
        pytest.param(journal(SYSLOG), SYSLOG, id="a container's syslog"),
        pytest.param(journal(EXIM, SYSLOG_IDENTIFIER="exim"), header(tag="exim") + EXIM, id="Exim"),
        pytest.param(
            journal("x", __REALTIME_TIMESTAMP=FULL_SECOND), header(fraction="000000") + "x", id="second"
        ),
    ],
)
def test_a_journal_entry_becomes_a_syslog_line(wrapped: str, expected: str) -> None:
    assert plain(wrapped) == [expected]
    assert plain(wrapped, journal("ok"), "a line that is not JSON") == [
        expected,
        HEADER + "ok",
        "a line that is not JSON",
    ]


def test_a_journal_entry_without_a_time_passes_unchanged() -> None:
    for time in ("yesterday", "-1", "99999999999999999999", "1\n"):
        odd = journal("x", __REALTIME_TIMESTAMP=time)
        assert plain(journal("a"), odd) == [HEADER + "a", odd]


# ------------------------------------------------------------------ mixed, cut and odd input

WRAPPED = {
    "docker JSON": docker(SYSLOG + "\n"),
    "journal JSON": journal("connect"),
    "CRI": f"{STAMP} stdout F {SYSLOG}",
    "service names": f"mail-1  | {SYSLOG}",
    "grep": f"mail.log:12:{SYSLOG}",
    "stamps": f"{STAMP} {SYSLOG}",
    "colours": f"\x1b[1m{SYSLOG}",
}


def layer(name: str) -> Layer:
    found = unwrap(WRAPPED[name].encode())
    assert found is not None
    assert found.name == name
    return found


every_layer = pytest.mark.parametrize("name", WRAPPED)


@every_layer
def test_lines_that_are_not_wrapped_pass_unchanged(name: str) -> None:
    others = "\n".join(
        [EXIM, "", "{", '{"log":3}', "[]", '{"log":"x"', '{"MESSAGE":"x"}', "--", "mail.log", ""]
    )
    block = f"{WRAPPED[name]}\n{others}"
    first, _, rest = layer(name).strip(block.encode()).decode().partition("\n")
    assert first != WRAPPED[name]
    assert rest == others


@every_layer
@given(
    parts=st.lists(
        st.binary(max_size=30) | st.sampled_from([line.encode() + b"\n" for line in WRAPPED.values()])
    )
)
def test_any_bytes_keep_their_number_of_lines(name: str, parts: list[bytes]) -> None:
    block = b"".join(parts)
    assert layer(name).strip(block).count(b"\n") == block.count(b"\n")


@every_layer
@given(
    lines=st.lists(st.sampled_from([*WRAPPED.values(), EXIM, "", docker(CONNECT + "\n")]), max_size=8),
    cut=st.integers(0, 8),
)
def test_lines_may_be_converted_in_blocks_of_any_size(name: str, lines: list[str], cut: int) -> None:
    strip = layer(name).strip
    first, second = ("".join(f"{line}\n" for line in part).encode() for part in (lines[:cut], lines[cut:]))
    assert strip(first) + strip(second) == strip(first + second)


def test_wrappings_inside_wrappings_are_taken_off_from_the_outside() -> None:
    inner = f"\x1b[32mmail-1  | {STAMP} {SYSLOG}\x1b[0m"
    assert plain(docker(inner + "\n")) == [SYSLOG]
    found = unwrap(docker(inner + "\n").encode())
    assert found is not None
    assert found.name == "docker JSON, colours, service names, stamps"


def test_half_of_the_lines_are_enough_to_recognise_a_wrapping() -> None:
    assert unwrap(f"{WRAPPED['CRI']}\n{EXIM}\n".encode()) is not None
    assert unwrap(f"{WRAPPED['CRI']}\n{EXIM}\n{EXIM}\n".encode()) is None


def test_a_message_cannot_forge_a_line() -> None:
    forged = f"x\r\n{SYSLOG}\0y\n"
    assert plain(docker(forged)) == [f"x  {SYSLOG} y"]
    assert journal_line(forged) == HEADER + f"x  {SYSLOG} y"


# ------------------------------------------------------------------ lines in parts


def test_parts_of_a_line_are_joined_where_it_ends() -> None:
    assert plain(
        f"{STAMP} stdout P {CONNECT[:20]}",
        f"{STAMP} stderr F other",
        f"2025-11-05T10:11:13Z stdout P {CONNECT[20:30]}",
        f"2025-11-05T10:11:14Z stdout F {CONNECT[30:]}",
        f"{STAMP} stdout F {SYSLOG}",
    ) == ["", "other", "", WITH_STAMP, SYSLOG]
    assert plain(docker(SYSLOG[:9]), docker("other\n", stream="stderr"), docker(SYSLOG[9:] + "\n")) == [
        "",
        "other",
        SYSLOG,
    ]


def test_a_line_that_goes_on_in_the_next_block_is_not_lost() -> None:
    strip = layer("CRI").strip
    parts = [f"{STAMP} stdout P {SYSLOG[:60]}\n", f"{STAMP} stdout F {SYSLOG[60:]}\n"]
    assert [strip(part.encode()).decode() for part in parts] == [f"{SYSLOG[:60]}\n", f"{SYSLOG[60:]}\n"]


# ------------------------------------------------------------------ columns and lines alike

texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [SYSLOG, CONNECT, EXIM, "a\nb", "\r"]
)
times = st.sampled_from([STAMP, "", "2025-11-05T10:11:12+01:00", "a b"])
words = st.sampled_from(["", "mx1", "a b", "x[1]:", "12", "é"])


@given(st.lists(st.builds(docker, texts.map(lambda text: text + "\n"), times), min_size=1, max_size=5))
def test_docker_lines_are_the_same_as_columns_and_one_by_one(lines: list[str]) -> None:
    agree(layer("docker JSON").strip, lines)


@given(
    st.lists(
        st.builds(
            journal,
            texts | st.none() | st.binary(max_size=9).map(list),
            SYSLOG_IDENTIFIER=words | st.just(...),
            SYSLOG_PID=words | st.just(...),
            _HOSTNAME=words | st.just(...),
            _COMM=words | st.just(...),
            __REALTIME_TIMESTAMP=st.integers(0, 10**16 - 1).map(str),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_journal_entries_are_the_same_as_columns_and_one_by_one(lines: list[str]) -> None:
    agree(layer("journal JSON").strip, lines)


def agree(strip: Callable[[bytes], bytes], lines: list[str]) -> None:
    """Check that a line of another kind, which makes a block be read line by line, changes nothing else."""
    block = "".join(f"{line}\n" for line in lines).encode()
    other = b"not JSON\n"
    assert strip(block) + other == strip(block + other)


def test_regular_blocks_make_no_python_object_for_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    docker_strip, journal_strip = layer("docker JSON").strip, layer("journal JSON").strip
    monkeypatch.setattr(json, "loads", pytest.fail)
    for bare in (CONNECT, SYSLOG):
        block = (docker(f"{bare}\n") + "\n").encode() * 50
        assert docker_strip(block).count(CONNECT.encode() + b"\n") == 50
    block = (journal("connect") + "\n" + journal(list(b"caf\xe9")) + "\n").encode() * 50
    assert journal_strip(block).count(HEADER.encode()) == 100


def test_the_time_of_an_entry_is_in_utc() -> None:
    for microseconds in (0, 1, 999_999, 1_762_337_472_003_456, 9_999_999_999_999_999):
        moment = datetime(1970, 1, 1) + timedelta(microseconds=microseconds)
        line = journal_line("x", __REALTIME_TIMESTAMP=str(microseconds))
        assert line.split()[0] == moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
