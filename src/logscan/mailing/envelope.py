"""Who sends a mail and who gets it, and nothing that could be taken for a header or an option."""

from __future__ import annotations

import getpass
import re
import socket
from dataclasses import dataclass

from logscan.errors import UsageError
from logscan.terminal import sanitise

_MOST_OCTETS = 254  # of a path, RFC 5321 section 4.5.3.1.3, without its angle brackets

# A dot-string of RFC 5321 section 4.1.2: alone for a local user, or with a domain or an address literal.
# It does not begin with a hyphen, as options do.
_ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~][\w!#$%&'*+/=?^`{|}~.-]*(?:@(?:[a-z0-9.-]+|\[[a-z0-9.:]+\]))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Checked addresses."""

    sender: str
    recipients: tuple[str, ...]


def address(text: str) -> str:
    """``text`` if it is one bare address (``kim@example.org``) or the name of a local user (``root``).

    Raises UsageError for anything else: several addresses, control characters, a name beside the address,
    quoted or non-ASCII local parts.

    >>> address("kim@example.org")
    'kim@example.org'
    """
    if len(text) > _MOST_OCTETS or not _ADDRESS.fullmatch(text):
        hint = "; for several addresses repeat the option" if "," in text else ""
        raise UsageError(f"no mail address: {sanitise(text)[:80]!r}{hint}")
    return text


def own_address() -> str:
    """The user on this machine; raises UsageError if the system does not tell."""
    try:
        return address(f"{getpass.getuser()}@{socket.getfqdn()}")
    except (KeyError, OSError, UsageError) as error:
        raise UsageError("this machine does not tell who sends the mail; use --from") from error
