"""Text of any encoding and line end, in blocks of whole lines."""

from __future__ import annotations

import codecs
import hashlib
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.reading import lines
from logscan.reading.lines import NotTextError, utf8, whole_lines

LINE = "Nov  5 10:11:12 mx1 postfix/smtpd[2101]: connect from münchen.example.org[192.0.2.1]\n"


def converted(*pieces: bytes) -> tuple[bytes, list[str]]:
    warnings: list[str] = []
    return b"".join(utf8(pieces, warnings.append)), warnings


def split(data: bytes, length: int) -> list[bytes]:
    return [data[start : start + length] for start in range(0, len(data), length)]


@pytest.fixture
def short_lines(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lines, "LONGEST_LINE", 8)
    return 8


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_every_unicode_encoding_becomes_utf8_without_mark(mark: bytes, encoding: str) -> None:
    stored = mark + (LINE * 2000).encode(encoding)
    assert converted(*split(stored, 4099)) == ((LINE * 2000).encode(), [])


def test_a_lone_surrogate_is_replaced() -> None:
    text, _ = converted(codecs.BOM_UTF16_LE + b"a\0\x00\xd8b\0\n\0")
    assert text == "a\N{REPLACEMENT CHARACTER}b\n".encode()


def test_bytes_that_are_no_utf8_stay() -> None:
    assert converted(b"caf\xe9\n") == (b"caf\xe9\n", [])


def test_nuls_are_left_out_and_counted() -> None:
    assert converted(b"\0\0=== Trying\n", b"a\0b\n") == (b"=== Trying\nab\n", ["NUL bytes left out: 3"])


def test_a_hole_before_the_first_line_is_no_binary_data() -> None:
    text, warnings = converted(bytes(200_000), LINE.encode())
    assert text == LINE.encode()
    assert warnings == ["NUL bytes left out: 200,000"]


def test_returns_alone_end_lines_only_where_nothing_else_does() -> None:
    assert converted(b"220 mx\rEHLO x\r", b"250 mx\r")[0] == b"220 mx\nEHLO x\n250 mx\n"
    assert converted(b"10%\r20%\n")[0] == b"10%\r20%\n"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(100), "a program"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
        (b"LPKSHHRH" + bytes(200), "systemd journal"),
        (b"PK\x03\x04" + bytes(200), "ZIP"),
        (b"mail.log".ljust(257, b"\0") + b"ustar\x0000" + bytes(200), "tar"),
        (hashlib.shake_256(b"").digest(8192), "binary data"),
        (
            b"".join(b"\x07\0\0\0" + bytes([n]) + b"\x12\0\0pts/0".ljust(40, b"\0") for n in range(64)),
            "binary data",
        ),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(NotTextError, match=what):
        converted(data)


def test_colours_and_backspaces_are_text() -> None:
    data = b"\x1b[32mEHLO x\x08\x08y\x1b[0m\r\n" * 50
    assert converted(data) == (data.replace(b"\r", b""), [])


def blocks(pieces: Iterable[bytes], size: int) -> tuple[list[bytes], list[str]]:
    warnings: list[str] = []
    return [b"".join(block) for block in whole_lines(pieces, size, warnings.append)], warnings


@given(
    st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b"\xff"]), max_size=60), st.integers(1, 20)
)
def test_any_split_into_pieces_and_blocks_gives_the_same_text(parts: list[bytes], size: int) -> None:
    whole = b"220 mx\n" + b"".join(parts)
    expected = whole.replace(b"\r\n", b"\n")
    for length in (1, 3, 7, 1000):
        result, warnings = blocks(utf8(split(whole, length), pytest.fail), size)
        assert b"".join(result) == expected
        assert all(block.endswith(b"\n") for block in result[:-1])
        assert all(result)
        assert not warnings


@pytest.mark.usefixtures("short_lines")
@given(
    st.lists(st.integers(0, 30), max_size=20),
    st.booleans(),
    st.integers(1, 40),
    st.sampled_from([1, 2, 5, 9, 1000]),
)
def test_long_lines_are_cut_wherever_pieces_and_blocks_end(
    lengths: list[int], ended: bool, size: int, piece: int
) -> None:
    whole = b"\n".join(b"x" * length for length in lengths) + b"\n" * ended
    expected = b"\n".join(b"x" * min(length, 8) for length in lengths) + b"\n" * ended
    result, warnings = blocks(split(whole, piece), size)
    assert b"".join(result) == expected
    assert all(block.endswith(b"\n") for block in result[:-1])
    cut = sum(length > 8 for length in lengths)
    assert warnings == ([f"lines cut to 8 bytes: {cut}"] if cut else [])


def test_blocks_are_about_as_large_as_asked_for() -> None:
    line = LINE.encode()
    for piece in (100, 5000, 5001):
        result, _ = blocks(split(line * 1000, piece), 5000)
        assert all(5000 - len(line) <= len(block) < 5000 + piece for block in result[:-1])


def test_one_huge_line_takes_little_memory() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first\n"
        for _ in range(1600):
            yield bytes(b"x" * 65536)
        yield b"\nlast\n"

    tracemalloc.start()
    try:
        result, warnings = blocks(pieces(), 1 << 16)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert b"".join(result) == b"first\n" + b"x" * lines.LONGEST_LINE + b"\nlast\n"
    assert warnings == ["lines cut to 1,048,576 bytes: 1"]
    assert peak < 10 << 20
