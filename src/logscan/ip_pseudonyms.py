"""Pseudonyms for IP addresses, of which the ones that shared a network still do."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

#: 240.0.0.0/4 is reserved (RFC 1112 section 4), 2001:db8::/32 for documentation (RFC 3849): nobody's addresses.
_IPV4_BASE, _IPV6_BASE = 0xF000_0000, 0x2001_0DB8 << 96
_IPV4_NETWORKS = 1 << 20
#: Tries to give a /24 a pseudonym of its own; when most are taken, two may share one.
_TRIES = 32


class IpPseudonyms:
    """Maps IP addresses to others: reserved ones, or with ``keep_networks`` to some in the same /24 or /48.

    ``digest`` makes the keyed hash of a kind and a value, 32 bytes.
    """

    def __init__(self, digest: Callable[[str, str], bytes], *, keep_networks: bool) -> None:
        self._digest = digest
        self._keep = keep_networks
        self._networks: dict[str, int] = {}
        self._taken: set[int] = set()

    def of(self, text: str) -> str | None:
        """The pseudonym of an address; None for what is none."""
        try:
            address = ip_address(text)
        except ValueError:
            return None
        return str(self._of_ipv4(address) if address.version == 4 else self._of_ipv6(address))

    def _of_ipv4(self, address: IPv4Address) -> IPv4Address:
        network, host = divmod(int(address), 256)
        digest = self._digest("hosts of", str(network))
        left, right = divmod(host, 16)
        for turn in range(4):  # a Feistel network: a permutation of the /24's addresses, drawn by the key
            left, right = right, left ^ (digest[16 * (turn % 2) + right] >> 4 * (turn // 2)) & 15
        shown = network if self._keep else _IPV4_BASE >> 8 | self._network(str(network))
        return IPv4Address(shown << 8 | left << 4 | right)

    def _network(self, network: str) -> int:
        """A number of 20 bits for a /24, no other's if that can be."""
        if network not in self._networks:
            number = 0
            for attempt in range(_TRIES):
                number = int.from_bytes(self._digest(f"network {attempt}", network)[:4]) % _IPV4_NETWORKS
                if number not in self._taken:
                    break
            self._taken.add(number)
            self._networks[network] = number
        return self._networks[network]

    def _of_ipv6(self, address: IPv6Address) -> IPv6Address:
        network = self._digest("network", str(int(address) >> 64))
        host = int.from_bytes(self._digest("host", str(int(address)))[:8])
        if self._keep:
            kept = int(address) >> 80 << 80
            return IPv6Address(kept | int.from_bytes(network[:2]) << 64 | host)
        return IPv6Address(_IPV6_BASE | int.from_bytes(network[:4]) << 64 | host)
