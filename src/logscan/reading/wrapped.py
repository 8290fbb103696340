"""What all wrapped log lines have in common: how the line inside begins, and lines cut into parts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

#: Begins a line that has a header of its own (RFC 3164, RFC 3339, Exim's, journalctl's short-unix).
OWN_STAMP = (
    r"(?:<[0-9]{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{10}\.[0-9]+ )"
)
#: Begins a line that lacks but stamp and host: in a container there may be nobody to add them.
TAG = r"[A-Za-z][A-Za-z0-9_./-]*\[[0-9]+\]: "
#: Begins a journal message that is a whole line of a container's syslog. Exim's stamp alone is no header.
WHOLE_LINE = (
    r"^(?:<[0-9]{1,3}>)?(?:[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}:|[0-9]{4}-[0-9]{2}-[0-9]{2}T)"
)

#: Stands where a header has the host, if it is not known (RFC 5424 section 6.2.4).
NO_HOST = b"-"

# For Python and for RE2: what the fields of JSON must look like, and what in them cannot stand in a header.
STAMP = r"^[0-9T:.Z+-]+$"
MICROSECONDS = r"^[0-9]{1,16}$"  # up to the year 2286
PID = r"^[0-9]{1,10}$"
NOT_IN_HOST = r"[\x00-\x20]"
NOT_IN_TAG = r"[\x00-\x20:\[\]]"
BREAKS = r"[\x00\r\n]"

_BARE = re.compile(TAG.encode())
_BREAKS = re.compile(BREAKS.encode())


class Entry(NamedTuple):
    """What one wrapped line holds.

    `stamp` is the wrapping's own, or empty if none is wanted. A text that is not `complete` goes on in the
    next entry of the same `stream`.
    """

    stamp: bytes
    text: bytes
    stream: bytes = b""
    complete: bool = True

    def line(self) -> bytes:
        """Return the text as one line, with a header in front if it has but a tag."""
        text = _BREAKS.sub(b" ", self.text.rstrip(b"\r\n"))
        if self.stamp and _BARE.match(text):
            return b" ".join((self.stamp, NO_HOST, text))
        return text


def line_by_line(block: bytes, read: Callable[[bytes], Entry | None]) -> bytes:
    """Return the block with each line replaced by what `read` finds in it; None leaves the line as it is.

    Parts of a line are joined where its last part is; the lines of the others become empty. Of a line that
    goes on in the next block, each block keeps its share.
    """
    lines = block.split(b"\n")
    begun: defaultdict[bytes, list[tuple[int, Entry]]] = defaultdict(list)
    for index, line in enumerate(lines):
        entry = read(line)
        if entry is None:
            continue
        begun[entry.stream].append((index, entry))
        lines[index] = b""
        if entry.complete:
            lines[index] = _joined(begun.pop(entry.stream))
    for parts in begun.values():
        lines[parts[-1][0]] = _joined(parts)
    return b"\n".join(lines)


def _joined(parts: list[tuple[int, Entry]]) -> bytes:
    _, first = parts[0]
    return first._replace(text=b"".join(entry.text for _, entry in parts)).line()
