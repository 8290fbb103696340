"""The sessions of an invented Exim, whose VRFY ACL answers 502."""

from __future__ import annotations

import string
from functools import partial
from typing import NamedTuple

from invented import DOMAIN, Peer, Receiver, Reply, World
from server import Server
from timeline import Action, Timeline

VERSION = "4.96"  # as in Debian 12
QUEUE_RUN = 1800
BACKOFF = (900, 1800, 3600, 7200, 14_400)  # seconds between attempts
INBOUND_TLS = "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no"
OUTBOUND_TLS = "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=yes"
ROUTE = "R=dnslookup T=remote_smtp"
# After which command, and the number that Exim puts in brackets after "defer".
PHASES = {
    "CONNECT": ("initial connection", 0),
    "MAIL": ("MAIL FROM:<{sender}> SIZE={size}", -45),
    "RCPT": ("RCPT TO:<{to}>", -44),
    "EOD": ("end of data", -46),
}
UNREACHABLE = ((110, "Connection timed out"), (111, "Connection refused"), (113, "No route to host"))
REJECTIONS = (
    "{host} F=<{sender}> rejected RCPT <{to}>: Unrouteable address",
    "{host} F=<{sender}> rejected RCPT <{to}>: Unrouteable address",
    "{host} F=<{sender}> rejected RCPT <{to}>: {ip} is listed at dnsbl.example.net",
    "{host} F=<{sender}> rejected RCPT <{to}>: {ip} is listed at dnsbl.example.net",
    "{host} F=<{sender}> rejected RCPT <relay@elsewhere.example>: relay not permitted",
    "{host} F=<{sender}> rejected RCPT <{to}>: Sender verify failed",
    "{host} F=<{sender}> temporarily rejected RCPT <{to}>: Could not complete sender verify callout",
    "{host} rejected EHLO or HELO {helo}: forged name",
)
# What clients leave behind that send no mail.
PROBES = (
    "SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from "
    'H=[{ip}] input="GET / HTTP/1.1\\r\\n"',
    'SMTP syntax error in "{token}" {host} unrecognized command',
    'SMTP protocol error in "AUTH LOGIN" {host} AUTH command used when not advertised',
    "SMTP command timeout on connection from ({helo}) [{ip}]",
    "unexpected disconnection while reading SMTP command from ({helo}) [{ip}] D=3s",
    "TLS error on connection from ({helo}) [{ip}] (gnutls_handshake): An unexpected TLS packet was received.",
    'SMTP call from ({helo}) [{ip}] dropped: too many unrecognized commands (last was "{token}")',
    "{host} rejected VRFY root",
)
BASE_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Message(NamedTuple):
    """A queued message, with the recipients that still wait for it."""

    id: str
    sender: str
    size: int
    recipients: list[tuple[str, Receiver]]
    attempts: int = 0


class Exim(Server):
    """An MX with greylistd, SpamAssassin and Dovecot, that also serves users and a web shop."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        usual: dict[Action, int] = {
            self.mail: 26, self.rejected: 24, self.greylisted: 4, self.probe: 10, self.password_guess: 14,
            self.submission: 10, self.application: 8, self.spam: 3,
        }  # fmt: skip
        super().__init__(world, timeline, usual)
        self._pid = 20_000
        self._limits: dict[str, float] = {}
        self.put(
            0, f"exim {VERSION} daemon started: pid=911, -q30m, listening for SMTP on port 25 (IPv6 and IPv4)"
        )
        timeline.at(QUEUE_RUN, self._queue_run)

    def limit(self, receiver: Receiver, until: float) -> None:
        self._limits[receiver.domain] = until

    # Other mail servers, and bots

    def mail(self, moment: float) -> None:
        peer, sender = self._server()
        self._accept(moment, peer, sender, self.world.favour(self.world.users))

    def rejected(self, moment: float) -> None:
        peer = self._bot(moment)
        values = {"sender": f"{self.world.pick(self.world.contacts)}@{peer.domain}", "helo": peer.helo}
        to = f"{self.world.token(7)}@{DOMAIN}"
        line = self.world.pick(REJECTIONS).format(host=_host(peer), ip=peer.ip, to=to, **values)
        self.put(moment + 0.4, line)

    def greylisted(self, moment: float) -> None:
        peer, sender = self._server()
        to = self.world.favour(self.world.users)
        self.put(moment, f"{_host(peer)} F=<{sender}> temporarily rejected RCPT <{to}>: greylisted.")
        again = moment + 305 + 900 * self.random()
        if self.random() < 0.8:
            self.timeline.at(again, partial(self._accept, peer=peer, sender=sender, to=to))

    def probe(self, moment: float) -> None:
        peer = self._bot(moment)
        line = self.world.pick(PROBES)
        token = self.world.token(5)
        self.put(moment + 1, line.format(host=_host(peer), ip=peer.ip, helo=peer.helo, token=token))

    def spam(self, moment: float) -> None:
        """Refuse a message for its content."""
        peer, sender = self._server()
        score = f"This message scored {8 + 20 * self.random():.1f} spam points."
        line = f"{_host(peer)} {INBOUND_TLS} F=<{sender}> rejected after DATA: {score}"
        self.put(moment, f"{self._new_id(moment)} {line}")

    # Our own users

    def password_guess(self, moment: float) -> None:
        peer, user = self._bot(moment), self.world.pick(self.world.users)
        failure = f"535 Incorrect authentication data (set_id={user})"
        self.put(moment + 2, f"dovecot_login authenticator failed for ({peer.helo}) [{peer.ip}]: {failure}")

    def submission(self, moment: float) -> None:
        peer, sender = self.world.pick(self.world.desktops), self.world.favour(self.world.users)
        origin = f"{_host(peer)} P=esmtpsa {INBOUND_TLS} A=dovecot_plain:{sender}"
        self._send(moment, sender, origin, self.recipients())

    def application(self, moment: float, receiver: Receiver | None = None) -> None:
        self._send(moment, f"shop@{DOMAIN}", "U=www-data P=local", [self.recipient(receiver)])

    # Episodes

    def load_spike(self, moment: float, seconds: float, connections: int) -> None:
        pushy = self.world.pick(self.world.servers)
        for number in range(connections):
            when = moment + seconds * self.random()
            if number % 4 == 3:
                self.put(
                    when, f"Connection from [{pushy.ip}] refused: too many connections from that IP address"
                )
            else:
                peer = self.world.pick(self.world.servers if number % 2 else self.world.bots)
                self.put(when, f"Connection from [{peer.ip}] refused: too many connections")

    def verb_probe(self, moment: float, seconds: float, commands: int) -> None:
        peer = self.world.pick(self.world.bots)
        for number in range(commands):
            when = moment + seconds * self.random()
            if number % 4 == 3:
                self.put(when, f'SMTP syntax error in "XADR {number}" {_host(peer)} unrecognized command')
            else:
                user = self.world.pick(self.world.users).partition("@")[0]
                self.put(when, f"{_host(peer)} rejected VRFY {user}: 502 5.5.1 VRFY is not available")

    # Pieces of sessions

    def _server(self) -> tuple[Peer, str]:
        peer = self.world.favour(self.world.servers)
        return peer, f"{self.world.pick(self.world.contacts)}@{peer.domain}"

    def _bot(self, moment: float) -> Peer:
        peer = self.world.pick(self.world.bots)
        if peer.name == "unknown":
            self.put(moment, f"no host name found for IP address {peer.ip}")
        return peer

    def _accept(self, moment: float, peer: Peer, sender: str, to: str) -> None:
        """Take a message for one of our users and put it into the mailbox."""
        message, token = self._new_id(moment), self.world.token(16)
        origin = f"{_host(peer)} P=esmtps {INBOUND_TLS}"
        self.put(moment, f"{message} <= {sender} {origin} S={self.world.size()} id={token}@{peer.domain}")
        self._to_mailbox(moment + 0.2, message, to)

    def _to_mailbox(self, moment: float, message: str, to: str) -> None:
        local = to.partition("@")[0]
        answer = f"250 2.0.0 <{to}> {self.world.token(16)} Saved"
        self.put(moment, f'{message} => {local} <{to}> R=local_user T=dovecot_lmtp C="{answer}"')
        self.put(moment, f"{message} Completed")

    def _send(self, moment: float, sender: str, origin: str, recipients: list[tuple[str, Receiver]]) -> None:
        message = Message(self._new_id(moment), sender, self.world.size(), recipients)
        header = f"{self.world.token(16)}@{DOMAIN}"
        self.put(moment, f"{message.id} <= {sender} {origin} S={message.size} id={header}")
        self._attempt(moment + 0.1, message)

    # Delivery to other servers

    def _attempt(self, moment: float, message: Message) -> None:
        """Try all recipients that still wait; come back later for those that were put off."""
        waiting, end, failed = [], moment, False
        for to, receiver in message.recipients:
            took = 0.3 + 2 * self.random()
            flag = self._deliver(moment, moment + took, message, to, receiver)
            end = max(end, moment + took)
            if flag == "==" and message.attempts == len(BACKOFF):
                self.put(end, f"{message.id} ** {to}: retry timeout exceeded")
                flag = "**"
            failed |= flag == "**"
            if flag == "==":
                waiting.append((to, receiver))
        if failed:
            self._bounce(end, message)
        if waiting:
            again = moment + BACKOFF[message.attempts] + 60 * self.random()
            later = message._replace(recipients=waiting, attempts=message.attempts + 1)
            self.timeline.at(again, partial(self._attempt, message=later))
        else:
            self.put(end, f"{message.id} Completed")

    def _deliver(self, begin: float, end: float, message: Message, to: str, receiver: Receiver) -> str:
        """Try one recipient; give the flag of the line that this leaves."""
        chance, hosts = self.random(), receiver.hosts
        head = f"{message.id} "
        if begin < self._limits.get(receiver.domain, 0) and chance < 0.9:
            reply = receiver.limit
        elif chance < 0.02 and message.attempts < 3:
            number, reason = self.world.pick(UNREACHABLE)
            for name, ip in hosts:
                self.put(end, f"{head}H={name} [{ip}] {reason}")
            self.put(end, f"{head}== {to} {ROUTE} defer ({number}): {reason}")
            return "=="
        elif chance < (0.06 if message.attempts == 0 else 0.2):
            reply = self.world.pick(receiver.put_off)
        elif chance > 0.975:
            reply = self.world.pick(receiver.refused)
        else:
            name, ip = hosts[0]
            accepted = self.world.fill(receiver.accepted, receiver, message.sender, to)
            self.put(end, f'{head}=> {to} {ROUTE} H={name} [{ip}] {OUTBOUND_TLS} C="{accepted}"')
            return "=>"
        reply = self.world.answer(reply, receiver, message.sender, to)
        error, number = _error(reply, message, to)
        if not reply.temporary:
            name, ip = hosts[0]
            self.put(end, f"{head}** {to} {ROUTE} H={name} [{ip}] {OUTBOUND_TLS}: {error}")
            return "**"
        for name, ip in hosts[:-1] if reply.stage == "RCPT" else hosts:
            self.put(end, f"{head}H={name} [{ip}]: {error}")
        name, ip = hosts[-1]
        self.put(end, f"{head}== {to} {ROUTE} defer ({number}) H={name} [{ip}]: {error}")
        return "=="

    def _bounce(self, moment: float, message: Message) -> None:
        """Tell the sender, who is one of our users, that the message will not arrive."""
        notice = self._new_id(moment)
        self.put(moment, f"{notice} <= <> R={message.id} U=Debian-exim P=local S={self.world.size()}")
        self._to_mailbox(moment + 0.1, notice, message.sender)

    def _queue_run(self, moment: float) -> None:
        self._pid += 1
        self.put(moment, f"Start queue run: pid={self._pid}")
        self.put(moment + 5, f"End queue run: pid={self._pid}")
        self.timeline.at(moment + QUEUE_RUN, self._queue_run)

    def _new_id(self, moment: float) -> str:
        """Seconds, process id and fraction in base 62, as before Exim 4.97."""
        self._pid = 20_000 + (self._pid + 3) % 4_000_000
        seconds = int(self.timeline.clock(moment).timestamp())
        return f"{_base_62(seconds, 6)}-{_base_62(self._pid, 6)}-{_base_62(int(moment % 1 * 2000), 2)}"


def _host(peer: Peer) -> str:
    if peer.name == peer.helo:
        return f"H={peer.name} [{peer.ip}]"
    verified = "" if peer.name == "unknown" else f"{peer.name} "
    return f"H={verified}({peer.helo}) [{peer.ip}]"


def _error(reply: Reply, message: Message, to: str) -> tuple[str, int]:
    """Word a remote reply as Exim does; give the number for ``defer`` too."""
    phase, number = PHASES[reply.stage]
    phase = phase.format(sender=message.sender, size=message.size, to=to)
    return f"SMTP error from remote mail server after {phase}: " + "\\n".join(reply.lines), number


def _base_62(number: int, width: int) -> str:
    digits = ""
    while number or len(digits) < width:
        number, digit = divmod(number, 62)
        digits = BASE_62[digit] + digits
    return digits
