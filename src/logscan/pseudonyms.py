"""Pseudonyms for whatever names a person, a host or an address: in the columns, in reply texts, in raw lines.

A pseudonym is a keyed hash (HMAC-SHA256, RFC 2104) of what it stands for: equal values get equal pseudonyms in
all columns and texts, and nobody without the key can test a guess. What findings rest on is kept: which names
share a domain, which addresses share a /24 or /64, and the form of each value.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import PurePath
from string import ascii_lowercase

import pyarrow as pa

from logscan.coverage import InputReport
from logscan.ip_pseudonyms import IpPseudonyms
from logscan.knowledge import load
from logscan.tally import coded

KEY_VARIABLE = "LOGSCAN_ANONYMIZE_KEY"

_PUBLIC = frozenset(chain.from_iterable(load("public_names").values()))
#: What Postfix writes in angle brackets that is not a name.
_COMMANDS = {"CONNECT", "HELO", "EHLO", "MAIL", "RCPT", "DATA", "VRFY", "ETRN", "END-OF-MESSAGE"}
#: Keys whose values are users: in reply texts and raw lines, user=anna.
_USER_KEYS = {"user", "username", "login", "uid", "sasl_username", "set_id", "account", "mailbox"}
_ADDRESS_KEYS = _USER_KEYS | {"from", "to", "orig_to", "sender", "recipient", "rcpt", "mail", "id", "f"}

_LETTERS = 10
#: A name with more labels is no host's; its first ones count as one.
_LABELS = 10

# Each begins where it cannot go on to the left, or takes all it can, so that no character is tried twice.
_WORD = re.compile(r"""((?:[<"']|(?:[Uu]ser|[Mm]ailbox|[Aa]ccount) )?)([^\s<>()\[\]{},;"'|]+)""")
_PIECE = re.compile(r"[^/=:?&%#]+")
_IPV6 = re.compile(
    r"(?:(?<=v6:)|(?<=[G-Zg-z]:)|(?<![0-9A-Za-z:.]))[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*"
)
_IPV4 = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_HOST = re.compile(r"(?<![\w-])(?<![\w-]\.)[\w-]+(?:\.[\w-]+)*\.[^\W\d_][\w-]+")
_HEADER = re.compile(
    r"((?:<[0-9]{1,3}>)?1? ?(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]+) )(\S+)"
)
_FOLDERS = re.compile(r"(?<![^\s:])/(?:[^\s/:]+/)+")


class Pseudonyms:
    """Maps values to pseudonyms under one key, for one run; ``keep_networks`` leaves the /24 or /48 of addresses.

    Only pseudonyms of /24 networks depend on what came before: two that would share one get different ones.
    """

    def __init__(self, key: bytes, own_domains: Iterable[str] = (), *, keep_networks: bool = False) -> None:
        self._key = key
        self._own_domains = {domain.lower() for domain in own_domains}
        self._ips = IpPseudonyms(self._digest, keep_networks=keep_networks)
        self._hosts: set[str] = set()
        self._users: set[str] = set()

    @classmethod
    def of_run(
        cls, own_domains: Iterable[str] = (), key: str | None = None, *, keep_networks: bool = False
    ) -> Pseudonyms:
        """Pseudonyms under the key in LOGSCAN_ANONYMIZE_KEY, else under ``key``, else under one that is soon forgotten.

        ``own_domains`` are kept, and what lies under them gets pseudonyms under them.
        """
        key = os.environ.get(KEY_VARIABLE) or key
        secret = key.encode("utf-8", "surrogateescape") if key else secrets.token_bytes(32)
        return cls(secret, own_domains, keep_networks=keep_networks)

    def of_table(self, replies: pa.Table) -> pa.Table:
        """The replies table, or some of its columns, with pseudonyms; codes, causes and counts stay."""
        # Texts name users of their own rows; to know all that ever were would fill the memory.
        self._users = set()
        for name, pseudonym in self._columns().items():
            if name in replies.column_names:
                place = replies.schema.get_field_index(name)
                replies = replies.set_column(place, replies.field(place), _mapped(replies[name], pseudonym))
        return replies

    def of_input(self, report: InputReport) -> InputReport:
        """How a source was read, told without its folder and with pseudonyms in the lines it quotes."""
        return replace(
            report,
            source=file_name(report.source),
            reason=self.of_message(report.reason, [report.source]),
            examples=[self.of_line(line) for line in report.examples],
            warnings=[self.of_message(warning, [report.source]) for warning in report.warnings],
            error=report.error and self.of_message(report.error, [report.source]),
        )

    def of_message(self, message: str, sources: Iterable[str]) -> str:
        """A message of logscan's own: files without their folders."""
        for source in sources:
            message = message.replace(source, file_name(source))
        return _FOLDERS.sub("", message)

    def of_line(self, line: str) -> str:
        """A raw line of a log; the host in a syslog header is one whatever it looks like."""
        if header := _HEADER.match(line):
            return header[1] + self.of_host(header[2]) + self.of_text(line[header.end() :])
        return self.of_text(line)

    def of_text(self, text: str) -> str:
        """Free text: addresses, host names, IP addresses and known users in it replaced, the rest as it is."""
        return _WORD.sub(lambda found: found[1] + self._of_word(found[2], found[1]), text)

    def of_address(self, address: str) -> str:
        """A mail address or Message-ID: local part and domain each by its own pseudonym."""
        local, at, domain = address.rpartition("@")
        if not at:
            return self.of_user(address)
        return f"{self._of_local(local)}@{self.of_host(domain)}"

    def of_user(self, name: str) -> str:
        """A local part or login name; one that is an address is replaced as such."""
        return self.of_address(name) if "@" in name else self._of_local(name)

    def of_host(self, name: str) -> str:
        """A host name or domain, label by label: what lies under one domain stays under one, an own one as it is."""
        if name in _PUBLIC or not name:
            return name
        if name[0] == "[" and name[-1] == "]":
            return f"[{self.of_host(name[1:-1].removeprefix('IPv6:'))}]"
        if (found := self._ips.of(name)) is not None:
            return found
        self._hosts.add(name)
        labels = name.rsplit(".", _LABELS)
        *parts, top = labels
        # The topmost label enters into the hashes of those under it, and needs none of its own.
        last = "example" if parts and top else top and _in_case_of(top, self._letters("host", top.lower()))
        shown = [
            part and _in_case_of(part, self._letters("host", ".".join(labels[place:]).lower()))
            for place, part in enumerate(parts)
        ]
        kept = self._own_labels(labels)
        return ".".join([*shown, last][: len(labels) - kept] + labels[len(labels) - kept :])

    def _own_labels(self, labels: list[str]) -> int:
        """How many of the last labels are an own domain."""
        lengths = range(len(labels), 0, -1) if self._own_domains else ()
        return next((n for n in lengths if ".".join(labels[-n:]).lower() in self._own_domains), 0)

    def of_id(self, value: str) -> str:
        """A session id."""
        return self._letters("id", value)

    def _of_local(self, part: str) -> str:
        self._users.add(part)
        return part and _in_case_of(part, self._letters("user", part.lower()))

    def _columns(self) -> dict[str, Callable[[str], str]]:
        """The columns that tell of somebody; the texts last, when hosts and users are known."""
        return {
            "host": self.of_host,
            "peer_name": self.of_host,
            "peer_ip": self.of_host,
            "helo": self.of_host,
            "sender": self.of_address,
            "recipient": self.of_address,
            "sasl_username": self.of_user,
            "message_id": self.of_address,
            "session": self.of_id,
            "source": file_name,
            "text": self.of_text,
        }

    def _of_word(self, word: str, opening: str) -> str:
        if not opening and word.rstrip(".:!").isalpha():  # prose: most words are
            return word
        scheme, is_url, place = word.partition("://")
        if is_url:
            host, slash, _ = place.partition("/")
            return f"{scheme}://{self._of_pieces(host.rpartition('@')[2], '')}{slash and '/…'}"
        if "@" in word.lstrip("@"):
            return self._of_addressed(word)
        return self._of_pieces(word, opening)

    def _of_addressed(self, word: str) -> str:
        """A word with an address in it: to=anna@example.org, TO:anna@example.org: and the like."""
        whole, _, domain = word.rpartition("@")
        before, colon, local = whole.rpartition(":")
        key, equals, value = local.partition("=")
        before += colon
        if equals and key.lower() in _ADDRESS_KEYS:
            before, local = f"{before}{key}=", value
        if "@" in before:  # a list of addresses, or something made to look like one
            before, local = "", whole
        end = len(re.split(r"[:/=?&]", domain, maxsplit=1)[0].rstrip(".!"))
        name = f"{self._of_local(local)}@{self.of_host(domain[:end])}"
        return f"{self._of_pieces(before, '')}{name}{self._of_pieces(domain[end:], '')}"

    def _of_pieces(self, word: str, opening: str) -> str:
        if word.count(":") > 1:
            word = _IPV6.sub(self._of_ipv6_match, word)
        found: list[str] = []
        end = 0
        for piece in _PIECE.finditer(word):
            between = word[end : piece.start()]
            before = between[-1:] if between.endswith(("=", "/", ":")) else opening
            key = found[-1].lower() if before == "=" and found else ""
            found += (between, self._of_piece(piece[0], before, key))
            end = piece.end()
        return "".join([*found, word[end:]])

    def _of_piece(self, piece: str, before: str, key: str) -> str:
        bare = piece if piece in self._hosts else piece.strip(".!")
        if not bare or bare in _PUBLIC:
            return piece
        if key in _USER_KEYS or (before and bare in self._users):
            new = self.of_user(bare)
        elif _HOST.fullmatch(bare) or self._is_host(bare, before):
            new = self.of_host(bare)
        elif before == "<" and bare not in _COMMANDS:
            new = self.of_user(bare)
        else:
            new = _HOST.sub(lambda found: self.of_host(found[0]), bare)
            new = _IPV4.sub(lambda found: self._ips.of(found[0]) or found[0], new)
        return piece.replace(bare, new, 1)

    def _is_host(self, word: str, before: str) -> bool:
        """Whether a word without dots is a known host's name, and no ordinary word that a host is called by."""
        return word in self._hosts and bool(before or re.search(r"[0-9-]", word))

    def _of_ipv6_match(self, found: re.Match[str]) -> str:
        address = found[0].rstrip(".")
        if address.endswith(":") and not address.endswith("::"):
            address = address[:-1]
        return (self._ips.of(address) or address) + found[0][len(address) :]

    def _letters(self, kind: str, value: str) -> str:
        """Letters only: digits would make a name look like an id, and reports fold ids away."""
        number = int.from_bytes(self._digest(kind, value)[:8])
        letters = []
        for _ in range(_LETTERS):
            number, letter = divmod(number, 26)
            letters.append(ascii_lowercase[letter])
        return "".join(letters)

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")


def file_name(path: str) -> str:
    """The name of a file without its folder."""
    return PurePath(path).name or path


def _mapped(column: pa.ChunkedArray, pseudonym: Callable[[str], str]) -> pa.Array:
    """The column with each distinct value replaced, in its own type."""
    found = coded(column)
    values = [None if value is None else pseudonym(value) for value in found.values.to_pylist()]
    mapped = pa.array(values, pa.string()).take(pa.array(found.codes, mask=found.codes < 0))
    return mapped.dictionary_encode() if pa.types.is_dictionary(column.type) else mapped


def _in_case_of(original: str, pseudonym: str) -> str:
    """The pseudonym in capitals, with one, or without: values that differ in case only still do."""
    if original == original.lower():
        return pseudonym
    return pseudonym.upper() if original == original.upper() else pseudonym.capitalize()
