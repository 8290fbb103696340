"""Regexes whose last group runs to the end of the text: it is what the rest of the regex leaves.

RE2 would walk to the end of every text only to find the end there, at each step of a text's way anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

#: The group around everything in front of the last group.
HEAD = "head_"
#: RE2 matches in one pass only with as many groups.
_MOST_GROUPS = 4
_NAME = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class Tail:
    """A regex without its last group.

    Behind the group HEAD, which ``regex`` has instead, the text is ``group``'s; all of it without such a group.
    """

    regex: str
    group: str
    whole: bool


@cache
def tail_of(regex: str) -> Tail | None:
    """The regex without its last group, if that ends in ``.*)$`` and nothing but the end can follow.

    >>> tail_of("^from (?P<peer>[^ ]+) (?P<reason>[A-Z].*)$")
    Tail(regex='^(?P<head_>from (?P<peer>[^ ]+) )[A-Z]', group='reason', whole=False)
    """
    if not (regex.startswith("^") and regex.endswith(".*)$")):
        return None
    opened, bars = [0], set[int]()
    start = 0
    for place, sign in _signs(regex):
        if sign == "(":
            opened.append(place)
        elif sign == ")":
            start = opened.pop()
        elif sign == "|":
            bars.add(opened[-1])
    name = _NAME.match(regex, start)
    body = regex[name.end() : -4] if name else ""
    before = regex[1:start]
    # A choice outside any other group would end the group HEAD, or the last group, too early.
    if name is None or "(?P<" in body or body.endswith("\\") or bars & {0, start}:
        return None
    if len(_NAME.findall(before)) >= _MOST_GROUPS:
        return None
    if not before:
        return Tail(f"^{body}", name[1], whole=True)
    return Tail(f"^(?P<{HEAD}>{before}){body}", name[1], whole=False)


def _signs(regex: str) -> Iterator[tuple[int, str]]:
    """The brackets and bars of a regex with their places, but those that stand for themselves."""
    place = 0
    while place < len(regex):
        if regex[place] == "\\":
            place += 1
        elif regex[place] == "[":
            # The first member stands for itself, even a closing bracket.
            place += 2 if regex[place + 1] == "^" else 1
            place += 2 if regex[place] == "\\" else 1
            while regex[place] != "]":
                place += 2 if regex[place] == "\\" else 1
        elif regex[place] in "()|":
            yield place, regex[place]
        place += 1
