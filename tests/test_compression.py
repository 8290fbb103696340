"""Compressed streams: told apart by content, joined members, damage, bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logscan.reading.compression import Raw, decompressed

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
TEXT = b"".join(b"%08x line %d\n" % (zlib.crc32(b"%d" % number), number) for number in range(20_000))

every_codec = pytest.mark.parametrize("name", COMPRESSORS)


def contents(
    stored: bytes, *, rewindable: bool = True, at_once: int | None = None
) -> tuple[bytes, list[str]]:
    stream = io.BytesIO(stored)
    warnings: list[str] = []

    def read(size: int) -> bytes:
        return stream.read(min(size, at_once or size))

    raw = Raw(read, stream.seek if rewindable else None)
    return b"".join(decompressed(raw, 4096, warnings.append)), warnings


@every_codec
def test_contents_come_back(name: str) -> None:
    assert contents(COMPRESSORS[name](TEXT)) == (TEXT, [])


@every_codec
def test_a_pipe_that_gives_single_bytes_is_recognised(name: str) -> None:
    assert contents(COMPRESSORS[name](TEXT[:3000]), at_once=1) == (TEXT[:3000], [])


@every_codec
def test_members_are_joined(name: str) -> None:
    compress = COMPRESSORS[name]
    members = [TEXT[start : start + 999] for start in range(0, 20_000, 999)]
    assert contents(b"".join(map(compress, members))) == (b"".join(members), [])


@every_codec
def test_nul_padding_after_and_between_members_is_no_damage(name: str) -> None:
    member = COMPRESSORS[name](TEXT[:999])
    assert contents(member + bytes(512) + member + bytes(200_000)) == (TEXT[:999] * 2, [])


@every_codec
def test_an_empty_member_has_no_contents(name: str) -> None:
    assert contents(COMPRESSORS[name](b"")) == (b"", [])


@every_codec
def test_what_follows_the_last_member_is_reported(name: str) -> None:
    text, warnings = contents(COMPRESSORS[name](TEXT) + b"appended by mistake")
    assert text == TEXT
    assert warnings == [f"something else follows the {name} data; it was not read"]


@every_codec
def test_a_file_cut_short_gives_its_beginning_and_a_warning(name: str) -> None:
    stored = COMPRESSORS[name](TEXT)
    text, warnings = contents(stored[: len(stored) * 2 // 3])
    assert TEXT.startswith(text)
    if name != "bzip2":  # which has blocks of 900 kB: all or nothing here
        assert len(text) > len(TEXT) // 3
    assert len(warnings) == 1
    assert f"the {name} data ends early" in warnings[0]


@every_codec
def test_a_file_cut_in_its_trailer_gives_everything_and_a_warning(name: str) -> None:
    text, warnings = contents(COMPRESSORS[name](TEXT)[:-3])
    assert text == TEXT
    assert len(warnings) == 1


@every_codec
def test_members_before_damage_survive(name: str) -> None:
    compress = COMPRESSORS[name]
    damaged = bytearray(compress(TEXT[1000:2000]))
    damaged[len(damaged) // 2] ^= 0xFF
    damaged[len(damaged) // 2 + 1] ^= 0xFF
    text, warnings = contents(compress(TEXT[:1000]) + bytes(damaged))
    assert text.startswith(TEXT[:1000])
    assert len(warnings) == 1
    assert f"the {name} data is damaged" in warnings[0]


def test_a_wrong_checksum_loses_nothing_that_was_decoded() -> None:
    stored = bytearray(gzip.compress(TEXT))
    stored[-6] ^= 1
    text, warnings = contents(bytes(stored))
    assert text == TEXT
    assert len(warnings) == 1


def test_damage_in_a_short_gzip_file_loses_only_what_follows() -> None:
    stored = bytearray(gzip.compress(TEXT[:60_000]))  # decoded in a single call
    middle = len(stored) // 2
    stored[middle : middle + 40] = b"\xff" * 40
    text, _ = contents(bytes(stored))
    intact = len(text) - next(
        (back for back in range(len(text)) if TEXT.startswith(text[: len(text) - back])), 0
    )
    assert intact > 20_000


def test_damage_read_from_a_pipe_still_gives_what_earlier_calls_decoded() -> None:
    stored = bytearray(gzip.compress(TEXT * 3))
    stored[-6] ^= 1
    text, warnings = contents(bytes(stored), rewindable=False)
    assert (TEXT * 3).startswith(text)
    assert len(text) > len(TEXT)
    assert len(warnings) == 1


@every_codec
def test_a_small_file_that_expands_hugely_takes_little_memory(name: str) -> None:
    stored = COMPRESSORS[name](bytes(100 << 20))
    tracemalloc.start()
    try:
        length = sum(map(len, decompressed(Raw(io.BytesIO(stored).read, None), 4096, pytest.fail)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 100 << 20
    assert peak < 40 << 20


def test_plain_data_comes_in_pieces_of_the_size_asked_for() -> None:
    pieces = list(decompressed(Raw(io.BytesIO(TEXT).read, None), 1000, pytest.fail))
    assert b"".join(pieces) == TEXT
    assert {len(piece) for piece in pieces[1:-1]} == {1000}


@given(st.binary(max_size=300))
def test_any_bytes_that_no_codec_wrote_come_unchanged(data: bytes) -> None:
    assert contents(b"." + data) == (b"." + data, [])


@given(st.sampled_from(sorted(COMPRESSORS)), st.data())
def test_any_damage_is_survived(name: str, data: st.DataObject) -> None:
    stored = bytearray(COMPRESSORS[name](TEXT[:2000]))
    position = data.draw(st.integers(8, len(stored) - 1))
    stored[position] ^= data.draw(st.integers(1, 255))
    text, _ = contents(bytes(stored))
    again, _ = contents(bytes(stored))
    assert text == again
