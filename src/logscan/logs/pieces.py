r"""Long syslog entries that Exim sent in pieces: ``[1/3] …``, ``[2\3] …``, ``[3/3] …``.

A slash says that the piece was cut for its length, or is the last; a backslash, that a new line began behind it. The
first line is the record; the lines behind it are headers of a refused message.
"""

from __future__ import annotations

import re

from logscan.logs.eights import Text

_PIECE = re.compile(rb"^([^\n]*? )([^ \n]+ [^ \n]+: )\[(\d{1,3})([/\\])\d{1,3}\] ([^\n]*)", re.MULTILINE)
#: Told in one pass; the two texts looked for one after the other take three times as long.
_FIRST = re.compile(rb": \[1[/\\]")


def rejoin(data: Text) -> Text:
    """The lines with pieces put together where the first one is; the lines of the others become empty.

    Of an entry that goes on in the next block, each block keeps its share.
    """
    if not _FIRST.search(data):
        return data
    entries: dict[bytes, list[bytes]] = {}
    closed: set[bytes] = set()
    places: list[tuple[int, int, list[bytes]]] = []
    for match in _PIECE.finditer(data):
        head, origin, number, cut, text = match.groups()
        if number == b"1":
            # Host, tag and process id tell whose pieces belong together.
            entries[origin] = [head, origin, text]
            closed.discard(origin)
            places.append((match.start(), match.end(), entries[origin]))
        elif origin in entries:
            if origin not in closed:
                entries[origin].append(text)
            places.append((match.start(), match.end(), []))
        if cut == b"\\":
            closed.add(origin)
    parts, done = [], 0
    for start, end, entry in places:
        parts += [data[done:start], *entry]
        done = end
    return b"".join([*parts, data[done:]])
