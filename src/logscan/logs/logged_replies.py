"""Replies as logs quote them → code, enhanced code and text."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.logs.columns import Columns, as_text, completed, replaced
from logscan.logs.cutting import tails
from logscan.replies import Reply, split_reply


def split_replies(columns: Columns) -> None:
    """Replace the column ``reply`` by ``code``, ``enhanced`` and ``text`` (RFC 5321 section 4.2, RFC 3463)."""
    replies = as_text(columns.pop("reply"))
    raw = replies.view(pa.binary())
    several = pc.or_kleene(
        pc.equal(pc.binary_slice(raw, 3, 4), b"-"),
        pc.invert(pc.match_substring_regex(replies, r"^[2-5]\d\d(?: |$)")),
    ).fill_null(False)
    code = pc.if_else(several, None, pc.binary_slice(raw, 0, 3)).view(pa.string()).cast(pa.int16())
    found = pc.extract_regex(
        pc.binary_slice(raw, 4, 16).view(pa.string()), r"^(?P<e>[245]\.\d{1,3}\.\d{1,3})(?: |$)"
    )
    enhanced = found.field("e")
    if enhanced.null_count == 0 and found.null_count:
        enhanced = pc.if_else(found.is_valid(), enhanced, None)
    skip = pc.add(pc.fill_null(pc.binary_length(enhanced), -1), 5)
    text = tails(raw, np.asarray(skip))
    if pc.any(several).as_py():
        # Replies of several lines, and what only looks like one: seldom, and few of them differ.
        few = replies.filter(several).dictionary_encode()
        split = [_split_logged_reply(value) for value in few.dictionary.to_pylist()]
        where = np.flatnonzero(np.asarray(several))
        code = replaced(code, where, pa.array([s.code for s in split], pa.int16()).take(few.indices))
        enhanced = replaced(
            enhanced, where, pa.array([s.enhanced for s in split], pa.string()).take(few.indices)
        )
        text = replaced(text, where, pa.array([s.text for s in split], pa.string()).take(few.indices))
    new = {"code": code, "enhanced": enhanced, "text": text}
    for name, values in new.items():
        old = columns.get(name)
        columns[name] = values if old is None else completed(values, old.cast(values.type))


def unquote_replies(columns: Columns) -> None:
    """Make the column ``quoted_reply``, in which a backslash protects quotes and backslashes, ``reply``."""
    quoted = as_text(columns.pop("quoted_reply"))
    plain = pc.replace_substring_regex(quoted, r"\\(.)", r"\1") if _holds(quoted, "\\") else quoted
    old = columns.get("reply")
    columns["reply"] = plain if old is None else completed(plain, as_text(old))


def _holds(texts: pa.Array, fragment: str) -> bool:
    return bool(pc.any(pc.match_substring(texts, fragment)).as_py())


def _split_logged_reply(text: str) -> Reply:
    r"""A reply whose lines a log has joined: by one blank (Postfix) or the two characters ``\\n`` (Exim)."""
    text = text.replace("\\n", "\n")
    if re.match(r"[2-5]\d\d-", text) and "\n" not in text:
        head, code = text[:4], text[:3]
        rest, lines = text[4:], []
        while (more := rest.find(f" {head}")) >= 0:
            lines.append(head + rest[:more])
            rest = rest[more + 5 :]
        last = rest.rfind(f" {code} ")
        if last >= 0:
            lines += [head + rest[:last], rest[last + 1 :]]
        else:
            lines.append(head + rest)
        return split_reply("\n".join(lines))
    return split_reply(text)
