"""Picks rows of the replies table by code, direction and peer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa

from logscan.errors import UsageError
from logscan.tally import Mask, coded

_CODE = re.compile(r"[2-5](\d\d|xx)")
_ENHANCED = re.compile(r"[245x](\.(\d{1,3}|x)){2}")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted; what is empty does not restrict.

    ``codes``: reply codes (``421``), classes (``5xx``) and enhanced codes (``4.7.0``, ``x.7.1``, ``4.7.x``).
    ``peers``: names, with their subdomains, addresses and networks (``192.0.2.0/24``).
    Raises UsageError for what is none of these.
    """

    codes: Sequence[str] = ()
    direction: str | None = None
    peers: Sequence[str] = ()

    def __post_init__(self) -> None:
        for code in self.codes:
            if not (_CODE.fullmatch(code) or _ENHANCED.fullmatch(code)):
                raise UsageError(f"no such code: {code} (421, 5xx, 4.7.0 or 4.7.x)")
        if not all(peer.strip(" .") for peer in self.peers):
            raise UsageError("no such peer: '' (a name, an address or a network)")

    def of(self, replies: pa.Table) -> pa.Table:
        """The wanted rows of ``replies``."""
        wanted: Mask = np.ones(replies.num_rows, np.bool_)
        if self.codes:
            pattern = re.compile("|".join(re.escape(code).replace("x", r"\d+") for code in self.codes))
            wanted &= _holds(replies["code"], lambda code: bool(pattern.fullmatch(str(code)))) | _holds(
                replies["enhanced"], lambda code: bool(pattern.fullmatch(code))
            )
        if self.direction:
            wanted &= _holds(replies["direction"], lambda direction: direction == self.direction)
        if self.peers:
            names = tuple(f".{peer.lower().strip('.')}" for peer in self.peers)
            networks = [network for peer in self.peers if (network := _network(peer))]
            wanted &= _holds(replies["peer_name"], lambda name: f".{name.lower()}".endswith(names)) | _holds(
                replies["peer_ip"], lambda address: _within(address, networks)
            )
        return replies if wanted.all() else replies.filter(pa.array(wanted))


def _holds(column: pa.ChunkedArray, test: Callable[[Any], bool]) -> Mask:
    """Which rows hold a value that passes the test; each distinct value is tested once."""
    found = coded(column)
    passed = [test(value) for value in found.values.to_pylist()]
    return np.array([*passed, False])[found.codes]  # code -1, null, finds the last


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        return bool(networks) and any(ip_address(address) in network for network in networks)
    except ValueError:  # whatever stands where an address should
        return False
