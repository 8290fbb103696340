"""The sessions of an invented Postfix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from invented import ADDRESS, DOMAIN, Peer, Receiver, World
from postfix_queue import TLS, Queue
from server import Server
from timeline import Action, Timeline

VERSION = "3.7.11"  # as in Debian 12
POSTSCREEN = "postfix/postscreen[820]: "
REJECTIONS = (
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table",
    "554 5.7.1 Service unavailable; Client host [{ip}] blocked using dnsbl.example.net",
    "554 5.7.1 Service unavailable; Client host [{ip}] blocked using bl.example.com; see example.com/{ip}",
    "454 4.7.1 <{to}>: Relay access denied",
    "450 4.1.8 <{sender}>: Sender address rejected: Domain not found",
    "450 4.7.25 Client host rejected: cannot find your hostname, [{ip}]",
    "504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname",
    "550 5.7.23 <{to}>: Recipient address rejected: Message rejected due to: SPF fail - not authorized",
)
# What clients leave behind that send no mail; last come the counters of the disconnect line.
PROBES = (
    ("lost connection after CONNECT from {client}", "commands=0/0"),
    ("lost connection after EHLO from {client}", "ehlo=1 commands=1"),
    ("ehlo=1 quit=1 commands=2",),
    ("warning: non-SMTP command from {client}: GET / HTTP/1.1", "unknown=0/1 commands=0/1"),
    (
        "SSL_accept error from {client}: -1",
        "warning: TLS library problem: error:0A000102:SSL routines::unsupported protocol:",
        "lost connection after STARTTLS from {client}",
        "ehlo=1 starttls=0/1 commands=1/2",
    ),
    ("improper command pipelining after CONNECT from {client}: \\026\\003\\001", "unknown=0/1 commands=0/1"),
    ("timeout after EHLO from {client}", "ehlo=1 commands=1"),
    ("warning: hostname {helo} does not resolve to address {ip}", "helo=1 vrfy=0/1 quit=1 commands=2/3"),
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what to whom, through which machine."""

    peer: Peer
    sender: str
    to: str

    @property
    def tail(self) -> str:
        """What smtpd and cleanup put at the end of a rejection."""
        return f"from=<{self.sender}> to=<{self.to}> proto=ESMTP helo=<{self.peer.helo}>"


class Postfix(Server):
    """An MX with postscreen, postgrey, OpenDKIM and Dovecot, that also serves users and a web shop."""

    def __init__(self, world: World, timeline: Timeline, *, long_ids: bool = False) -> None:
        usual: dict[Action, int] = {
            self.mail: 22, self.rejected: 14, self.greylisted: 4, self.screened_out: 16, self.probe: 11,
            self.password_guess: 12, self.submission: 7, self.application: 5,
            self.mailbox_read: 8, self.spam: 2,
        }  # fmt: skip
        super().__init__(world, timeline, usual)
        self.queue = Queue(world, timeline, long_ids=long_ids)
        self.put(0, "postfix/postfix-script[811]: starting the Postfix mail system")
        self.put(0, f"postfix/master[813]: daemon started -- version {VERSION}, configuration /etc/postfix")
        timeline.at(600, self._statistics)

    def limit(self, receiver: Receiver, until: float) -> None:
        self.queue.limit(receiver, until)

    # Other mail servers, and bots

    def mail(self, moment: float) -> None:
        self._accept(self._screen(moment, envelope := self._envelope(bot=False)), envelope)

    def rejected(self, moment: float) -> None:
        envelope = self._envelope(bot=True)
        peer = envelope.peer
        reply = self.world.pick(REJECTIONS)
        self._refuse(
            self._screen(moment, envelope),
            envelope,
            reply.format(to=envelope.to, sender=envelope.sender, ip=peer.ip, helo=peer.helo),
        )

    def greylisted(self, moment: float) -> None:
        envelope = self._envelope(bot=self.random() < 0.3)
        begin = self._screen(moment, envelope)
        peer = envelope.peer
        client = f"client_name={peer.name}, client_address={peer.ip}"
        triplet = f"{client}, sender={envelope.sender}, recipient={envelope.to}"
        self.put(begin + 0.4, f"postgrey[702]: action=greylist, reason=new, {triplet}")
        self._refuse(
            begin,
            envelope,
            f"450 4.2.0 <{envelope.to}>: Recipient address rejected: Greylisted, "
            f"see http://postgrey.example.org/help/{DOMAIN}.html",
        )
        if peer.domain != "dsl.example":  # bots do not come back
            again = moment + 305 + 900 * self.random()
            self.timeline.at(again, partial(self._come_back, envelope=envelope, triplet=triplet))

    def screened_out(self, moment: float) -> None:
        """Let postscreen refuse a client that is on a block list."""
        envelope = self._envelope(bot=True)
        peer, at = envelope.peer, self._port(envelope.peer)
        dnsblog = self.queue.processes["dnsblog"].take(moment, moment + 0.2)
        self.put(moment, f"{POSTSCREEN}CONNECT from {at} to [{ADDRESS}]:25")
        listed = f"addr {peer.ip} listed by domain dnsbl.example.net as 127.0.0.2"
        self.put(moment + 0.1, f"postfix/dnsblog[{dnsblog}]: {listed}")
        if self.random() < 0.4:
            greeting = f"EHLO {peer.helo}\\r\\n"
            self.put(
                moment + 0.2, f"{POSTSCREEN}PREGREET {len(greeting) - 2} after 0.2 from {at}: {greeting}"
            )
        self.put(moment + 6, f"{POSTSCREEN}DNSBL rank 3 for {at}")
        if self.random() < 0.75:
            listed = f"Service unavailable; client [{peer.ip}] blocked using dnsbl.example.net"
            tail = envelope.tail.replace(" ", ", ")
            self.put(moment + 6.5, f"{POSTSCREEN}NOQUEUE: reject: RCPT from {at}: 550 5.7.1 {listed}; {tail}")
        else:
            self.put(moment + 6.5, f"{POSTSCREEN}HANGUP after 0.5 from {at} in tests after SMTP handshake")
        self.put(moment + 6.9, f"{POSTSCREEN}DISCONNECT {at}")

    def probe(self, moment: float) -> None:
        envelope = self._envelope(bot=True)
        peer = envelope.peer
        *notes, counters = self.world.pick(PROBES)
        begin = self._screen(moment, envelope)
        end = begin + 0.3 * (len(notes) + 1)
        smtpd = self._connect(begin, end, peer)
        for number, note in enumerate(notes, 1):
            self.put(
                begin + 0.3 * number, smtpd + note.format(client=peer.client, helo=peer.helo, ip=peer.ip)
            )
        self.put(end, f"{smtpd}disconnect from {peer.client} {counters}")

    def spam(self, moment: float) -> None:
        """Let a milter refuse the content."""
        envelope = self._envelope(bot=False)
        client = envelope.peer.client
        begin = self._screen(moment, envelope)
        smtpd = self._connect(begin, begin + 1.5, envelope.peer)
        queue_id = self.queue.new_id(begin + 0.3)
        self.put(begin + 0.3, f"{smtpd}{queue_id}: client={client}")
        self.queue.headers(begin + 0.4, queue_id, envelope.sender)
        pid = self.queue.processes["cleanup"].take(begin + 0.9, begin + 1.3)
        self.put(
            begin + 1.2,
            f"postfix/cleanup[{pid}]: {queue_id}: milter-reject: END-OF-MESSAGE from {client}: "
            f"5.7.1 Spam message rejected; {envelope.tail}",
        )
        counters = "ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5"
        self.put(begin + 1.5, f"{smtpd}disconnect from {client} {counters}")

    # Our own users

    def password_guess(self, moment: float) -> None:
        peer = self.world.favour(self.world.bots)
        smtpd = self._connect(moment, moment + 2.5, peer, "submission/smtpd")
        self.put(
            moment + 2,
            f"{smtpd}warning: {peer.client}: SASL LOGIN authentication failed: (reason unavailable), "
            f"sasl_username={self.world.pick(self.world.users)}",
        )
        self.put(moment + 2.5, f"{smtpd}lost connection after AUTH from {peer.client}")
        self.put(moment + 2.5, f"{smtpd}disconnect from {peer.client} ehlo=1 auth=0/1 commands=1/2")

    def submission(self, moment: float) -> None:
        peer, sender = self.world.pick(self.world.desktops), self.world.favour(self.world.users)
        smtpd = self._connect(moment, moment + 1.1, peer, "submission/smtpd")
        self.put(moment + 0.1, f"{smtpd}Anonymous TLS connection established from {peer.client}: {TLS}")
        queue_id = self.queue.new_id(moment + 0.4)
        login = f"sasl_method=PLAIN, sasl_username={sender}"
        self.put(moment + 0.4, f"{smtpd}{queue_id}: client={peer.client}, {login}")
        recipients = self.recipients()
        self.queue.outward(moment + 0.5, queue_id, sender, recipients)
        rcpt = len(recipients)
        counters = f"ehlo=2 starttls=1 auth=1 mail=1 rcpt={rcpt} data=1 quit=1 commands={7 + rcpt}"
        self.put(moment + 1.1, f"{smtpd}disconnect from {peer.client} {counters}")

    def application(self, moment: float, receiver: Receiver | None = None) -> None:
        queue_id, sender = self.queue.new_id(moment), f"shop@{DOMAIN}"
        pid = self.queue.processes["pickup"].take(moment, moment)
        self.put(moment, f"postfix/pickup[{pid}]: {queue_id}: uid=33 from=<{sender}>")
        self.queue.outward(moment + 0.05, queue_id, sender, [self.recipient(receiver)])

    def mailbox_read(self, moment: float) -> None:
        user, peer = self.world.favour(self.world.users), self.world.pick(self.world.desktops)
        session, end = self.world.token(16), moment + 1 + 59 * self.random()
        pid = self.queue.processes["imap"].take(moment, end)
        login = f"user=<{user}>, method=PLAIN, rip={peer.ip}, lip={ADDRESS}, mpid={pid}, TLS"
        self.put(moment, f"dovecot: imap-login: Login: {login}, session=<{session}>")
        volume = f"in={len(user) * 20} out={self.world.size()}"
        self.put(end, f"dovecot: imap({user})<{pid}><{session}>: Disconnected: Logged out {volume} deleted=0")

    # Episodes

    def load_spike(self, moment: float, seconds: float, connections: int) -> None:
        limit = 'warning: service "smtpd" (pass) has reached its process limit "100"'
        self.put(moment, f"postfix/master[813]: {limit}: new clients may experience noticeable delays")
        pushy = self.world.pick(self.world.servers)
        for number in range(connections):
            when = moment + seconds * self.random()
            if number % 4 == 3:
                smtpd = self._connect(when, when, pushy)
                excess = f"Connection concurrency limit exceeded: {51 + number % 3} from {pushy.client}"
                self.put(when, f"{smtpd}warning: {excess} for service smtpd")
                self.put(when, f"{smtpd}disconnect from {pushy.client} commands=0/0")
            else:
                at = self._port(self._envelope(bot=number % 2 == 0).peer)
                self.put(when, f"{POSTSCREEN}CONNECT from {at} to [{ADDRESS}]:25")
                self.put(when, f"{POSTSCREEN}NOQUEUE: reject: CONNECT from {at}: all server ports busy")
                self.put(when, f"{POSTSCREEN}DISCONNECT {at}")

    def verb_probe(self, moment: float, seconds: float, commands: int) -> None:
        envelope = self._envelope(bot=True)
        while commands > 0:
            begin = self._screen(moment + seconds * self.random(), envelope)
            smtpd = self._connect(begin, begin + 4, envelope.peer)
            vrfy, unknown = 3 + int(9 * self.random()), 1 + int(3 * self.random())
            counters = f"ehlo=1 vrfy=0/{vrfy} unknown=0/{unknown} quit=1 commands=2/{2 + vrfy + unknown}"
            self.put(begin + 4, f"{smtpd}disconnect from {envelope.peer.client} {counters}")
            commands -= vrfy + unknown

    # Pieces of sessions

    def _envelope(self, *, bot: bool) -> Envelope:
        world = self.world
        peer = world.pick(world.bots) if bot else world.favour(world.servers)
        to = f"{world.token(7)}@{DOMAIN}" if bot else world.favour(world.users)
        return Envelope(peer, f"{world.pick(world.contacts)}@{peer.domain}", to)

    def _port(self, peer: Peer) -> str:
        return f"[{peer.ip}]:{1025 + int(64_000 * self.random())}"

    def _screen(self, moment: float, envelope: Envelope) -> float:
        """Let postscreen hand the client to smtpd; give the moment of that."""
        at = self._port(envelope.peer)
        self.put(moment, f"{POSTSCREEN}CONNECT from {at} to [{ADDRESS}]:25")
        self.put(moment + 0.01, f"{POSTSCREEN}PASS OLD {at}")
        return moment + 0.02

    def _connect(self, begin: float, end: float, peer: Peer, daemon: str = "smtpd") -> str:
        """Log the connection; give what the lines of its process begin with."""
        smtpd = f"postfix/{daemon}[{self.queue.processes[daemon].take(begin, end)}]: "
        self.put(begin, f"{smtpd}connect from {peer.client}")
        return smtpd

    def _refuse(self, begin: float, envelope: Envelope, reply: str) -> None:
        client = envelope.peer.client
        smtpd = self._connect(begin, begin + 0.9, envelope.peer)
        self.put(begin + 0.5, f"{smtpd}NOQUEUE: reject: RCPT from {client}: {reply}; {envelope.tail}")
        self.put(begin + 0.9, f"{smtpd}disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")

    def _come_back(self, moment: float, envelope: Envelope, triplet: str) -> None:
        begin = self._screen(moment, envelope)
        waited = 300 + int(600 * self.random())
        self.put(begin, f"postgrey[702]: action=pass, reason=triplet found, delay={waited}, {triplet}")
        self._accept(begin, envelope)

    def _accept(self, begin: float, envelope: Envelope) -> None:
        peer = envelope.peer
        smtpd = self._connect(begin, begin + 1.4, peer)
        queue_id = self.queue.new_id(begin + 0.2)
        self.put(begin + 0.1, f"{smtpd}Anonymous TLS connection established from {peer.client}: {TLS}")
        self.put(begin + 0.2, f"{smtpd}{queue_id}: client={peer.client}")
        self.put(begin + 0.6, f"opendkim[690]: {queue_id}: {peer.name} [{peer.ip}] not internal")
        self.queue.to_mailbox(begin + 0.5, queue_id, envelope.sender, envelope.to)
        counters = "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
        self.put(begin + 1.4, f"{smtpd}disconnect from {peer.client} {counters}")

    def _statistics(self, moment: float) -> None:
        """Log anvil's peaks, which it does after ten minutes with anything to tell."""
        peer = self.world.favour(self.world.bots)
        when = f"{self.timeline.clock(moment - 200):%b %e %H:%M:%S}"
        rate, count = 2 + int(30 * self.random()), 1 + int(5 * self.random())
        self.put(
            moment,
            f"postfix/anvil[905]: statistics: max connection rate {rate}/60s for (smtpd:{peer.ip}) at {when}",
        )
        self.put(
            moment,
            f"postfix/anvil[905]: statistics: max connection count {count} for (smtpd:{peer.ip}) at {when}",
        )
        self.put(moment, f"postfix/anvil[905]: statistics: max cache size {40 + rate} at {when}")
        self.timeline.at(moment + 600 * (1 + int(9 * self.random())), self._statistics)
