"""The light markup of the catalogue's texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.codes.prose import display_width, escape_markdown, pad, tidy, to_html, to_markdown, wrap


def test_continuation_lines_join_with_a_blank():
    assert tidy("one\ntwo\n- item\n  goes on\n- next") == "one two\n- item goes on\n- next"


def test_japanese_continuation_lines_join_without_one():
    assert tidy("接続を\n切ります。") == "接続を切ります。"
    assert tidy("`a`、\n`b`") == "`a`、`b`"


def test_list_items_hang():
    assert wrap("- one two three\n- four", 9) == ["- one two", "  three", "- four"]


def test_a_word_longer_than_the_line_stays_whole_and_starts_no_empty_line():
    assert wrap("- https://example.com/a/long/path x", 10) == ["- https://example.com/a/long/path", "  x"]


def test_japanese_breaks_anywhere_but_not_before_closing_signs():
    assert wrap("あいう、えお", 6) == ["あい", "う、え", "お"]
    assert wrap("あい（う）", 6) == ["あい", "（う）"]


@given(st.text(st.sampled_from("ab あい、（）「」ー-"), max_size=40), st.integers(8, 30))
def test_wrapping_loses_nothing_but_blanks(text, width):
    assert "".join(wrap(text, width)).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.sampled_from(["word", "two", "あ", "い", "ok"]), max_size=30), st.integers(8, 30))
def test_wrapped_lines_keep_within_the_width(pieces, width):
    assert all(display_width(line) <= width for line in wrap(" ".join(pieces), width))


def test_wide_characters_take_two_columns():
    assert display_width("aあ") == 3
    assert pad("あ", 4) == "あ  "


def test_literals_become_code_and_all_else_is_escaped():
    assert to_html("`a<b` & <c>") == "<code>a&lt;b</code> &amp; &lt;c&gt;"
    assert to_markdown("`a_b` c_d") == "`a_b` c\\_d"


@pytest.mark.parametrize(("text", "escaped"), [
    ("# no heading", "\\# no heading"),
    ("12. no list", "12\\. no list"),
    ("- no item", "\\- no item"),
    ("---", "\\---"),
    ("4.7.0 stays", "4.7.0 stays"),
    ("![x](y) <b> a|b", "!\\[x\\](y) &lt;b&gt; a\\|b"),
])  # fmt: skip
def test_markdown_shows_text_as_it_stands(text, escaped):
    assert escape_markdown(text) == escaped
