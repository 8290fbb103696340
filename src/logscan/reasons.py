"""Folds reply texts that differ only in addresses, numbers and ids into one reason."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Bracketed things, mail addresses, IPv6 addresses and times of day, ids (a letter after a digit, or nine
# digits and more), numbers with dots and commas in them. [TSS04] or (S3140) stay: they name a reason.
_VARIABLE = (
    r"<[^<>]*>"
    r"|[^\s<>()\[\]:;,@]+@[^\s<>()\[\];,@]+"
    r"|\b[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
    r"|\b[A-Za-z]*[0-9]+[A-Za-z][0-9A-Za-z_-]*"
    r"|\b[A-Za-z]*[0-9]{9,}"
    r"|\b[0-9]+(?:[.,][0-9]+)*\b"
)
_LONGEST = 300


def fold(texts: pa.Array) -> Any:
    """Each text with its variable parts as ``…``, cut at 300 characters; null stays null.

    >>> fold(pa.array(["<a@example.com>: Greylisted for 60 s"]))[0].as_py()
    '…: Greylisted for … s'
    """
    return pc.utf8_slice_codeunits(pc.replace_substring_regex(texts, _VARIABLE, "…"), 0, _LONGEST)
