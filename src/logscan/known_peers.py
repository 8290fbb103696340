"""What a site says about itself, and the peers in a log that it has words for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: What a relay, content filter or monitor of the site itself is called.
OWN_RELAY = "own relay"


@dataclass(frozen=True, slots=True)
class KnownPeers:
    """Words for peers of one log, by the names and addresses that the log has for them.

    ``own`` are those of ``labels`` that are the site's own relays.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    def label(self, *peer: str | None) -> str:
        """What a peer, given by address, name or both, is called; empty if there is no word for it."""
        return next((label for name in peer if name and (label := self.labels.get(name))), "")

    def under(self, pseudonym: Callable[[str], str]) -> KnownPeers:
        """Only which peers are own relays, under pseudonyms: what a site calls others may tell who they are."""
        own = frozenset(map(pseudonym, self.own))
        return KnownPeers(dict.fromkeys(own, OWN_RELAY), own)

    def is_own(self, *peer: str | None) -> bool:
        """Whether a peer is one of the site's own relays."""
        return not self.own.isdisjoint(peer)


@dataclass(frozen=True, slots=True)
class Site:
    """The site whose log it is: its mail ``domains``, its own ``relays``, ``names`` for others, a key for pseudonyms.

    Relays and names are given by address, network (``192.0.2.0/24``) or host name, which stands for all hosts
    under it too. Of several that hold a peer the narrowest counts, and any network before any host name.
    """

    domains: tuple[str, ...] = ()
    relays: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    anonymize_key: str | None = field(default=None, repr=False)

    def known_in(self, replies: pa.Table) -> KnownPeers:
        """The peers of a replies table that the site has words for.

        A host name is known only if all its addresses in the log are, and by the same words.
        """
        if not self.relays and not self.names:
            return KnownPeers()
        import numpy as np

        from logscan.tally import coded, group

        names, relays = _Places(self.names), _Places(dict.fromkeys(self.relays, OWN_RELAY))
        name, address = coded(replies["peer_name"]), coded(replies["peer_ip"])
        pairs = group([name, address], np.ones(replies.num_rows, np.int64)).example
        by_address: dict[str, tuple[str, ...]] = {}
        by_name: dict[str, set[tuple[str, ...]]] = {}
        for host, ip in zip(name.at(pairs), address.at(pairs), strict=True):
            words = tuple(filter(None, (relays.word(host, ip), names.word(host, ip))))
            if ip and words:
                by_address[ip] = words
            if host and host != "unknown":
                by_name.setdefault(host, set()).add(words)
        known = {
            host: words for host, (words, *others) in by_name.items() if words and not others
        } | by_address
        return KnownPeers(
            labels={peer: ", ".join(words) for peer, words in known.items()},
            own=frozenset(peer for peer, words in known.items() if words[0] == OWN_RELAY),
        )


class _Places:
    """Words by address, network and host name, looked up without trying them all."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._hosts: dict[str, str] = {}
        networks: dict[tuple[int, int], dict[int, str]] = {}
        for place, word in words.items():
            try:
                network = ip_network(place, strict=False)
            except ValueError:
                self._hosts[place.lower()] = word
                continue
            alike = networks.setdefault((network.version, network.prefixlen), {})
            alike[int(network.network_address) >> (network.max_prefixlen - network.prefixlen)] = word
        self._networks = dict(sorted(networks.items(), key=lambda item: -item[0][1]))

    def word(self, host: str | None, address: str | None) -> str | None:
        """The word of the narrowest place that holds a peer."""
        found = self._by_address(address) if address and self._networks else None
        rest = (host or "").lower() if self._hosts else ""
        while found is None and rest:
            found = self._hosts.get(rest)
            rest = rest.partition(".")[2]
        return found

    def _by_address(self, text: str) -> str | None:
        try:
            address = ip_address(text)
        except ValueError:  # whatever stands where an address should
            return None
        for (version, bits), words in self._networks.items():
            if version == address.version:
                number = int(address) >> (address.max_prefixlen - bits)
                if number in words:
                    return words[number]
        return None
