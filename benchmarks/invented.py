"""The invented rest of the world: mail servers, bots, desktops, and the servers that we send mail to.

Names end in ``.example`` (RFC 2606); addresses come from ranges that no real machine has (RFC 2544,
RFC 3849, RFC 5737).
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address
from itertools import cycle, product
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

DOMAIN = "example.org"  # ours
HOST = "mx1.example.org"
ADDRESS = "192.0.2.25"


@dataclass(frozen=True, slots=True)
class Peer:
    """A machine that connects to us; ``client`` is how Postfix writes it."""

    name: str
    ip: str
    domain: str
    helo: str
    client: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of a remote server to CONNECT, MAIL, RCPT or EOD; each line keeps its code."""

    stage: str
    lines: tuple[str, ...]

    @property
    def temporary(self) -> bool:
        return self.lines[0][0] == "4"

    @property
    def enhanced(self) -> str:
        """As Postfix logs it in ``dsn=``: the reply's or N.0.0, and 4.y.z for every refused greeting."""
        code, word, *_ = self.lines[-1].split()
        status = word if word.replace(".", "").isdecimal() and word.count(".") == 2 else f"{code[0]}.0.0"
        return "4" + status[1:] if self.stage == "CONNECT" else status


@dataclass(frozen=True, slots=True)
class Receiver:
    """A domain that we send mail to, and how its servers answer."""

    domain: str
    hosts: tuple[tuple[str, str], ...]  # name and address, best first
    accepted: str
    put_off: tuple[Reply, ...]
    refused: tuple[Reply, ...]
    limit: Reply


class World:
    """All peers and receivers, and a seeded way to choose among them."""

    def __init__(
        self,
        seed: int,
        *,
        servers: tuple[str, int] = ("198.18.0.0/16", 6_000),
        bots: tuple[str, int] = ("198.19.0.0/17", 20_000),
        desktops: tuple[str, int] = ("198.19.128.0/17", 2_000),
    ) -> None:
        """Make so many peers of each sort, with addresses from the given networks."""
        self.rng = random.Random(seed)
        self.random = self.rng.random
        server_address, bot_address, desktop_address = (
            self._addresses(network) for network, _ in (servers, bots, desktops)
        )
        invented = tomllib.loads(Path(__file__).with_name("world.toml").read_text())
        adjectives, nouns, people = (
            invented["words"][kind].split() for kind in ("adjectives", "nouns", "people")
        )
        self._places = [f"{adjective}{noun}" for adjective, noun in product(adjectives, nouns)]
        self.rng.shuffle(self._places)
        self.servers = [self._server(number, server_address) for number in range(servers[1])]
        self.bots = [self._bot(number, next(bot_address)) for number in range(bots[1])]
        self.desktops = [_desktop(number, next(desktop_address)) for number in range(desktops[1])]
        self.users = [f"{name}{suffix}@{DOMAIN}" for suffix in ("", *range(2, 12)) for name in people]
        self.contacts = [f"{name}.{noun}" for name in people for noun in nouns]
        self._receivers: list[list[Receiver]] = []
        self._shares: list[int] = []
        for table in invented["receiver"]:
            small = self._places[len(self._receivers) :: 2][: servers[1] // 4]
            domains = [table["domain"]] if "domain" in table else [f"{place}.example" for place in small]
            self._receivers.append([_receiver(domain, table, server_address) for domain in domains])
            self._shares.append(table["share"])

    def pick(self, choices: Sequence[T]) -> T:
        """Give one of them; all are equally likely."""
        return choices[int(self.random() * len(choices))]

    def favour(self, choices: Sequence[T]) -> T:
        """Give one of them; the first ones are much likelier, as in real traffic."""
        return choices[int(self.random() ** 3 * len(choices))]

    def receiver(self) -> Receiver:
        """Give the domain that the next outgoing message goes to."""
        return self.favour(self.rng.choices(self._receivers, self._shares)[0])

    def big_receiver(self) -> Receiver:
        """Give the largest receiver."""
        return self._receivers[0][0]

    def size(self) -> int:
        """Give the size of some message: many small ones, few big ones."""
        return int(900 + 2e6 * self.random() ** 20 + 30_000 * self.random())

    def token(self, length: int = 12) -> str:
        """Give a random word, as receivers put into their replies."""
        return "".join(self.rng.choices("0123456789abcdef", k=length))

    def fill(self, line: str, receiver: Receiver, sender: str, to: str) -> str:
        """Fill the names in a receiver's reply line."""
        token = self.token()
        return line.format(
            to=to, sender=sender, domain=receiver.domain, host=receiver.hosts[0][0], id=token,
            number=int(self.random() * 1e11), eximid=f"1w{token[:4]}-{token[4:10]}-{token[10:]}",
        )  # fmt: skip

    def answer(self, reply: Reply, receiver: Receiver, sender: str, to: str) -> Reply:
        """Give the reply with its names filled in."""
        return Reply(reply.stage, tuple(self.fill(line, receiver, sender, to) for line in reply.lines))

    def _addresses(self, network: str) -> Iterator[str]:
        """Give the network's addresses in random order, again and again."""
        hosts = list(IPv4Network(network).hosts())
        self.rng.shuffle(hosts)
        return map(str, cycle(hosts))

    def _server(self, number: int, addresses: Iterator[str]) -> Peer:
        again, place = divmod(number, len(self._places))
        domain = f"{self._places[place]}.example"
        name = f"mail{again or ''}.{domain}"
        old_fashioned = number % 9 != 8
        ip = next(addresses) if old_fashioned else str(IPv6Address("2001:db8::19") + (number << 64))
        return Peer(name, ip, domain, name, f"{name}[{ip}]")

    def _bot(self, number: int, ip: str) -> Peer:
        name = "unknown" if number % 3 else f"dyn-{ip.replace('.', '-')}.dsl.example"
        helo = self.pick((f"[{ip}]", "localhost", "ylmf-pc", "User", f"host-{number}", "smtp.dsl.example"))
        return Peer(name, ip, "dsl.example", helo, f"{name}[{ip}]")


def _desktop(number: int, ip: str) -> Peer:
    name = f"cable-{number}.isp.example"
    return Peer(name, ip, "isp.example", f"[192.168.1.{number % 250 + 2}]", f"{name}[{ip}]")


def _receiver(domain: str, table: dict[str, Any], addresses: Iterator[str]) -> Receiver:
    return Receiver(
        domain,
        tuple((f"mx{number + 1}.{domain}", next(addresses)) for number in range(table["hosts"])),
        table["accepted"],
        tuple(_reply(reply) for reply in table["put_off"]),
        tuple(_reply(reply) for reply in table["refused"]),
        _reply(table["limit"]),
    )


def _reply(table: dict[str, Any]) -> Reply:
    return Reply(table["stage"], tuple(table["lines"]))
