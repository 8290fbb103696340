"""The queue of the invented Postfix: from ``message-id=`` to ``removed``, with retries and bounces."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from invented import DOMAIN, HOST, Receiver, Reply, World
from timeline import Processes, Timeline

BACKOFF = (300, 600, 1200, 2400, 4000)  # seconds between attempts, as with Postfix's defaults
QMGR = "postfix/qmgr[815]: "
LMTP = f"{HOST}[private/dovecot-lmtp]"
TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 "
    "server-signature RSA-PSS (2048 bits) server-digest SHA256"
)
IN_REPLY_TO = {"MAIL": "MAIL FROM", "RCPT": "RCPT TO", "EOD": "end of DATA"}
UNREACHABLE = (
    ("4.4.1", "connect to {host}[{ip}]:25: Connection timed out"),
    ("4.4.1", "connect to {host}[{ip}]:25: Connection refused"),
    ("4.4.2", "lost connection with {host}[{ip}] while receiving the initial server greeting"),
    ("4.4.2", "conversation with {host}[{ip}] timed out while sending message body"),
    ("4.4.3", "Name service error for name={domain} type=MX: Host not found, try again"),
)
DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"  # of long queue ids: no vowels


@dataclass(slots=True)
class Message:
    """A queued message, with the recipients that still wait for it."""

    id: str
    sender: str
    size: int
    arrived: float
    recipients: list[tuple[str, Receiver]]
    attempts: int = 0


class Queue:
    """Messages on their way to mailboxes here and to other servers."""

    def __init__(self, world: World, timeline: Timeline, *, long_ids: bool) -> None:
        self.world, self.timeline = world, timeline
        self.put, self.random = timeline.put, world.random
        self.processes: defaultdict[str, Processes] = defaultdict(lambda: Processes(world.rng))
        self.new_id = self._long_id if long_ids else self._short_id
        self._inodes = 131_072
        self._limits: dict[str, tuple[float, str]] = {}

    def limit(self, receiver: Receiver, until: float) -> None:
        """Let the receiver put off nearly all our mail until then."""
        self._limits[receiver.domain] = (until, "")

    def headers(self, moment: float, message_id: str, sender: str) -> str:
        """Log what cleanup logs of a new message; give its Message-ID."""
        header = f"{self.world.token(20)}@{sender.partition('@')[2]}"
        pid = self.processes["cleanup"].take(moment, moment + 0.4)
        self.put(moment, f"postfix/cleanup[{pid}]: {message_id}: message-id=<{header}>")
        return header

    def to_mailbox(self, moment: float, queue_id: str, sender: str, to: str) -> None:
        """Take a message from elsewhere and hand it to Dovecot."""
        header = self.headers(moment, queue_id, sender)
        self.put(
            moment + 0.2,
            f"{QMGR}{queue_id}: from=<{sender}>, size={self.world.size()}, nrcpt=1 (queue active)",
        )
        pid, token = self.processes["lmtp"].take(moment + 0.2, moment + 0.5), self.world.token(16)
        answer = f"250 2.0.0 <{to}> {token} Saved"
        outcome = "dsn=2.0.0, status=sent"
        if self.random() < 0.01:
            refusal = f"452 4.2.2 <{to}> Quota exceeded (mailbox for user is full)"
            answer = f"host {LMTP} said: {refusal} (in reply to end of DATA command)"
            outcome = "dsn=4.2.2, status=deferred"
        else:
            self.put(
                moment + 0.3,
                f"dovecot: lmtp({to})<{pid + 7}><{token}>: msgid=<{header}>: saved mail to INBOX",
            )
            self.put(moment + 0.5, f"{QMGR}{queue_id}: removed")
        self.put(
            moment + 0.4,
            f"postfix/lmtp[{pid}]: {queue_id}: to=<{to}>, relay={LMTP}, delay=0.64, "
            f"delays=0.45/0.01/0.02/0.16, {outcome} ({answer})",
        )

    def outward(
        self, moment: float, queue_id: str, sender: str, recipients: list[tuple[str, Receiver]]
    ) -> None:
        """Take a message of our own for other servers."""
        self.headers(moment, queue_id, sender)
        self.put(moment + 0.05, f"opendkim[690]: {queue_id}: DKIM-Signature field added (s=mail, d={DOMAIN})")
        self._attempt(moment + 0.1, Message(queue_id, sender, self.world.size(), moment, recipients))

    def _attempt(self, moment: float, message: Message) -> None:
        """Try all recipients that still wait; come back later for those that were put off."""
        active = f"{QMGR}{message.id}: from=<{message.sender}>, "
        if message.attempts == len(BACKOFF):
            self.put(moment, f"{active}status=expired, returned to sender")
            self._bounce(moment, message)
            return
        self.put(moment, f"{active}size={message.size}, nrcpt={len(message.recipients)} (queue active)")
        waiting, end, bounced = [], moment, False
        for to, receiver in message.recipients:
            took = 0.3 + 2 * self.random()
            status = self._deliver(moment, moment + took, message, to, receiver)
            end = max(end, moment + took)
            bounced |= status == "bounced"
            if status == "deferred":
                waiting.append((to, receiver))
        if waiting:
            again = moment + BACKOFF[message.attempts] + 60 * self.random()
            message.recipients = waiting
            message.attempts += 1
            self.timeline.at(again, partial(self._attempt, message=message))
        elif bounced:
            self._bounce(end, message)
        else:
            self.put(end + 0.01, f"{QMGR}{message.id}: removed")

    def _deliver(self, begin: float, end: float, message: Message, to: str, receiver: Receiver) -> str:
        """Try one recipient; give the status."""
        chance, hosts = self.random(), receiver.hosts
        result = partial(self._result, begin, end, message, to)
        smtp = f"postfix/smtp[{self.processes['smtp'].take(begin, end)}]: "
        until, reason = self._limits.get(receiver.domain, (0, ""))
        limited = begin < until and chance < 0.9
        if limited and reason and chance < 0.4:
            error = f"postfix/error[{self.processes['error'].take(begin, end)}]: "
            return result(error, dsn="4.7.0", reason=f"delivery temporarily suspended: {reason}")
        if not limited and chance < 0.02 and message.attempts < 3:
            dsn, reason = self.world.pick(UNREACHABLE)
            name, ip = hosts[-1]
            return result(smtp, dsn=dsn, reason=reason.format(host=name, ip=ip, domain=receiver.domain))
        if limited:
            reply = receiver.limit
        elif chance < (0.06 if message.attempts == 0 else 0.2):
            reply = self.world.pick(receiver.put_off)
        elif chance > 0.975:
            reply = self.world.pick(receiver.refused)
        else:
            name, ip = hosts[0]
            self.put(begin + 0.1, f"{smtp}Trusted TLS connection established to {name}[{ip}]:25: {TLS}")
            accepted = self.world.fill(receiver.accepted, receiver, message.sender, to)
            return result(smtp, relay=f"{name}[{ip}]:25", dsn="2.0.0", status="sent", reason=accepted)
        reply = self.world.answer(reply, receiver, message.sender, to)
        if reply.temporary and len(hosts) > 1:  # the second host may be kinder; Postfix does not try a third
            self.put(begin + 0.1, f"{smtp}{message.id}: {quoted(reply, *hosts[0])}")
            hosts = hosts[1:]
        name, ip = hosts[0]
        reason = quoted(reply, name, ip)
        if limited:
            self._limits[receiver.domain] = (until, reason)
        status = "deferred" if reply.temporary else "bounced"
        return result(smtp, relay=f"{name}[{ip}]:25", dsn=reply.enhanced, status=status, reason=reason)

    def _result(
        self,
        begin: float,
        end: float,
        message: Message,
        to: str,
        agent: str,
        *,
        dsn: str,
        reason: str,
        relay: str = "none",
        status: str = "deferred",
    ) -> str:
        waited, took = begin - message.arrived, end - begin
        self.put(
            end,
            f"{agent}{message.id}: to=<{to}>, relay={relay}, delay={short(waited + took)}, "
            f"delays={short(waited)}/0.02/{short(took / 3)}/{short(took * 2 / 3)}, dsn={dsn}, "
            f"status={status} ({reason})",
        )
        return status

    def _bounce(self, moment: float, message: Message) -> None:
        """Tell the sender, who is one of our users, that the message will not arrive."""
        notice = self.new_id(moment)
        pid = self.processes["bounce"].take(moment, moment + 0.2)
        self.put(
            moment + 0.1, f"postfix/bounce[{pid}]: {message.id}: sender non-delivery notification: {notice}"
        )
        self.put(moment + 0.2, f"{QMGR}{message.id}: removed")
        self.put(moment + 0.2, f"{QMGR}{notice}: from=<>, size={self.world.size()}, nrcpt=1 (queue active)")
        pid = self.processes["lmtp"].take(moment, moment + 0.6)
        self.put(
            moment + 0.5,
            f"postfix/lmtp[{pid}]: {notice}: to=<{message.sender}>, relay={LMTP}, delay=0.3, "
            f"delays=0.1/0/0.05/0.15, dsn=2.0.0, status=sent (250 2.0.0 <{message.sender}> Saved)",
        )
        self.put(moment + 0.6, f"{QMGR}{notice}: removed")

    def _short_id(self, moment: float) -> str:
        """Microseconds and inode in hexadecimal; inodes come again."""
        self._inodes = 131_072 + (self._inodes + 7) % 65_536
        return f"{int(moment % 1 * 1e6):05X}{self._inodes:X}"

    def _long_id(self, moment: float) -> str:
        """Seconds and microseconds in base 52, ``z``, inode in base 51."""
        self._inodes = 131_072 + (self._inodes + 7) % 65_536
        seconds, micro = divmod(int((moment + 1.79e9) * 1e6), 1_000_000)
        return f"{_base(52, seconds, 6)}{_base(52, micro, 4)}z{_base(51, self._inodes, 1)}"


def quoted(reply: Reply, host: str, ip: str) -> str:
    """Word a remote reply as Postfix does."""
    text = " ".join(reply.lines)
    if reply.stage == "CONNECT":
        return f"host {host}[{ip}] refused to talk to me: {text}"
    return f"host {host}[{ip}] said: {text} (in reply to {IN_REPLY_TO[reply.stage]} command)"


def short(seconds: float) -> str:
    """Write a delay as Postfix does, with about two digits."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2g}"


def _base(base: int, number: int, width: int) -> str:
    digits = ""
    while number or len(digits) < width:
        number, digit = divmod(number, base)
        digits = DIGITS[digit] + digits
    return digits
