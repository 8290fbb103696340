"""Nothing from a log may steer the terminal; colour and ASCII follow the user's wishes."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.terminal import columns, sanitise, to_ascii, wants_ascii, wants_color

BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool = True, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@given(st.text())
def test_sanitised_text_has_no_control_or_bidi_characters(text: str) -> None:
    for character in sanitise(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "PDI",
        )


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("a\r\nb\tc", "a  b c"),
        ("\udce9", r"\udce9"),
        ("Übergröße 配達", "Übergröße 配達"),
    ],
)
def test_hostile_characters_become_visible_and_letters_stay(hostile: str, shown: str) -> None:
    assert sanitise(hostile) == shown


@given(st.text())
def test_ascii_text_is_ascii(text: str) -> None:
    assert to_ascii(text).isascii()


def test_drawings_have_ascii_likes() -> None:
    assert to_ascii("▁█ a → b · c…") == "_# a -> b - c..."


@pytest.mark.parametrize(
    ("terminal", "choice", "environment", "color"),
    [
        (True, "auto", {}, True),
        (False, "auto", {}, False),
        (True, "auto", {"NO_COLOR": "1"}, False),
        (True, "auto", {"NO_COLOR": ""}, True),
        (True, "auto", {"TERM": "dumb"}, False),
        (True, "never", {}, False),
        (False, "always", {"NO_COLOR": "1"}, True),
    ],
)
def test_color_follows_option_then_environment_then_terminal(
    terminal: bool, choice: str, environment: dict[str, str], color: bool
) -> None:
    assert wants_color(Stream(terminal=terminal), choice, environment) is color


@pytest.mark.parametrize(
    ("encoding", "environment", "ascii_only"),
    [
        ("utf-8", {}, False),
        ("utf-8", {"LANG": "en_US.UTF-8"}, False),
        ("utf-8", {"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ("utf-8", {"LANG": "POSIX"}, True),
        ("utf-8", {"LC_ALL": "C.UTF-8"}, False),
        ("ANSI_X3.4-1968", {"LANG": "en_US"}, True),
    ],
)
def test_ascii_follows_locale_and_encoding(
    encoding: str, environment: dict[str, str], ascii_only: bool
) -> None:
    assert wants_ascii(Stream(encoding=encoding), environment) is ascii_only


@pytest.mark.parametrize(
    ("terminal", "wide", "expected"),
    [(False, "60", 80), (True, "60", 60), (True, "20", 50), (True, "300", 120), (True, "", 80)],
)
def test_text_is_as_wide_as_the_terminal_within_limits(
    terminal: bool, wide: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", wide)
    assert columns(Stream(terminal=terminal)) == expected
