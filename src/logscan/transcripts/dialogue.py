"""One SMTP session as a state machine: commands queue up, replies answer them in order.

The rules are those of RFC 5321 (sequence, DATA), RFC 2920 (pipelining), RFC 3030 (BDAT), RFC 2033
(LMTP: one reply per accepted recipient), RFC 3207 (STARTTLS) and RFC 4954 (AUTH).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from logscan.replies import Reply, join_reply, reply_line
from logscan.transcripts.verbs import Command, addressee, can_answer, is_command, parse_command, told_by_reply

Body = Literal["marked", "raw", "hidden"]

#: More commands than this never wait for an answer, and no reply has more lines.
_LONGEST_QUEUE = 2_000
_LONGEST_REPLY = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply with what it answers; ``line`` is where the reply ends."""

    line: int
    command: str | None
    reply: Reply
    helo: str | None = None
    sender: str | None = None
    recipient: str | None = None


class Session:
    """The state of one session.

    ``body`` tells how a transcript shows messages: each line with the client's mark or not at all
    (``marked``), with lines that nothing tells from replies (``raw``, only a dot ends it), or hidden while
    later commands are shown before the answer (``hidden``). With ``wraps``, unmarked text may follow the
    last line of a reply, so that a reply is complete only when the next line is seen.
    """

    def __init__(self, *, body: Body = "marked", wraps: bool = False) -> None:
        """Start before the greeting."""
        self.body, self.wraps = body, wraps
        self.pending: deque[Command] = deque()
        self.in_data = False
        self.spoken = False
        self._greeted = self._over = self._lmtp = self._early_dot = False
        self._octets = 0
        self._challenged = False
        self._secrets: list[str] = []
        self._lines: list[str] = []
        self._number = 0
        self._helo: str | None = None
        self._sender: str | None = None
        self._recipients: list[str | None] = []

    # ------------------------------------------------------------------ the client's lines

    def client(self, text: str, *, tentative: bool = False) -> None:
        """Take one line of the client.

        A ``tentative`` line is a command only if a reply follows.
        """
        if self._challenged:  # the answer to a 334 (RFC 4954), never a command
            self._challenged = False
            self._keep_secret(text)
            return
        self.spoken = self.spoken or not tentative
        if self._octets > 0:
            self._octets -= len(text.encode("utf-8", "replace")) + 2
            return
        if self.in_data:
            if text == ".":
                self.end_data()
            return
        self.drop_tentative()
        if self._early_body(text):
            return
        command = parse_command(text, tentative=tentative)
        if command.verb == "AUTH":
            self._keep_secret(text)
        if command.verb == "BDAT" and self.body != "hidden":
            size = (command.argument or "").split(" ")[0]
            self._octets = int(size) if size.isdecimal() and len(size) < 16 else 0
        if len(self.pending) < _LONGEST_QUEUE:
            self.pending.append(command)

    def _early_body(self, text: str) -> bool:
        """Whether the line belongs to a message that was pasted before the 354 came."""
        waiting = self.pending[-1].verb if self.pending else None
        if text == "." and waiting == "DATA":
            self._early_dot = True
            self._expect_end()
            return True
        return (waiting == "DATA" and not is_command(text)) or (text == "." and waiting == "EOD")

    @property
    def takes_anything(self) -> bool:
        """Whether the client's next line need not be a command: part of a message or of a login."""
        return self._challenged or self.in_data or self._octets > 0

    def drop_last(self) -> None:
        """Forget the last command: it was never sent."""
        if self.pending:
            self.pending.pop()

    def drop_tentative(self) -> None:
        """Forget a line that was a command only if a reply had followed at once."""
        if self.pending and self.pending[-1].tentative:
            self.pending.pop()

    def end_data(self) -> None:
        """The message is complete; its answer is due, under LMTP one for each accepted recipient."""
        self.in_data = False
        self._expect_end()

    def _expect_end(self) -> None:
        count = max(1, len(self._recipients)) if self._lmtp else 1
        self.pending.extend(Command("EOD") for _ in range(min(count, _LONGEST_QUEUE)))

    # ------------------------------------------------------------------ the server's lines

    @property
    def reply_open(self) -> int | None:
        """The code of a reply whose last line has not come yet."""
        for text in reversed(self._lines):
            line = reply_line(text)
            if line is not None:  # what follows it is text that was wrapped
                return None if line.last else line.code
        return None

    def server(self, number: int, text: str) -> list[Answer]:
        """Take one line of the server; returns the replies that it completes."""
        line = reply_line(text)
        if line is None:
            return []
        answers = []
        if self._lines and self.reply_open != line.code:
            answers += self.settle()
        if len(self._lines) < _LONGEST_REPLY:
            self._lines.append(text)
        self._number = number
        if line.last and not self.wraps:
            answers += self.settle()
        return answers

    def wrap(self, number: int, text: str) -> bool:
        """Append text without a mark to the open reply; false if there is none."""
        if not self._lines:
            return False
        if len(self._lines) < _LONGEST_REPLY:
            self._lines.append(text)
        self._number = number
        return True

    def settle(self) -> list[Answer]:
        """Complete the reply that is open, if any."""
        if not self._lines:
            return []
        reply = join_reply(self._lines)
        multiline = len(self._lines) > 1
        self._lines = []
        return [self.answer(self._number, reply, multiline=multiline)]

    def answer(self, number: int, reply: Reply, *, multiline: bool = False) -> Answer:
        """Pair a whole reply with what it answers."""
        if self.in_data:  # a server's line ends the message where the transcript hides it
            self.end_data()
        self._challenged = False
        command = self._take(reply, multiline)
        if command is None:
            command = Command(self._unasked(reply, multiline) or "")
        elif command.verb == "DATA" and (reply.code or 0) < 300:  # its 354 is not shown
            command = Command("EOD")
        answer = Answer(
            number,
            command.verb or None,
            self._redact(reply) if command.verb == "AUTH" else reply,
            helo=(command.argument if command.verb in ("EHLO", "HELO", "LHLO") else self._helo) or None,
            sender=command.argument if command.verb == "MAIL" else self._sender,
            recipient=self._recipient(command),
        )
        self._follow(command, reply)
        return answer

    def _recipient(self, command: Command) -> str | None:
        if command.verb == "RCPT":
            return command.argument
        return self._recipients[0] if command.verb in ("EOD", "BDAT") and len(self._recipients) == 1 else None

    def _take(self, reply: Reply, multiline: bool) -> Command | None:
        """The waiting command that the reply answers: the first that it can answer, else the first."""
        able = (
            at
            for at, command in enumerate(self.pending)
            if can_answer(command.verb, reply, multiline) and (self._greeted or not command.tentative)
        )
        forced = self.pending and reply.code != 220
        if forced and self.pending[0].tentative:  # some servers hang up on HTTP with 221
            forced = self._greeted and reply.code == 221
        position = next(able, 0 if forced else None)
        if position is None:
            return None
        command = self.pending[position]
        if command.verb == "DATA" and self._names_recipient(reply):
            return Command("RCPT", addressee(reply))
        del self.pending[position]
        return command

    def _names_recipient(self, reply: Reply) -> bool:
        """Whether what seems to answer DATA refuses a recipient, as bounces of pipelining clients show it."""
        named = addressee(reply)
        known = [recipient for recipient in self._recipients if recipient]
        return named is not None and (not known or named in known) and named != self._sender

    def _unasked(self, reply: Reply, multiline: bool) -> str | None:
        """What a reply to no shown command answers, as far as the reply itself and the state tell."""
        code = reply.code or 0
        told = told_by_reply(reply, multiline)
        fresh = not self._greeted or self._over
        if code == 220 or (fresh and code >= 400 and told is None and not self.spoken):
            return "CONNECT"
        if fresh and self._over and code in (421, 554):
            return "CONNECT"
        return told

    def _follow(self, command: Command, reply: Reply) -> None:
        """Move on to the state after the reply."""
        code, verb = reply.code or 0, command.verb
        positive = code < 400
        if verb == "CONNECT":
            self._forget_chatter()
            if self._over or any(waiting.verb == "QUIT" for waiting in self.pending):
                self.pending.clear()
            self._over = False
        self._greeted = True
        if code in (221, 421):
            self._over = True
        if code == 334:
            self._challenged = True
            self.pending.appendleft(Command("AUTH"))
        elif code == 354 and verb in ("DATA", ""):
            self._begin_data()
        elif verb == "DATA" and self._early_dot:
            self._early_dot = False
            self.pending = deque(waiting for waiting in self.pending if waiting.verb != "EOD")
        elif verb in ("EHLO", "HELO", "LHLO"):
            self._helo, self._lmtp = command.argument or self._helo, verb == "LHLO"
            self._sender, self._recipients = None, []
        elif verb == "MAIL" and positive:
            self._sender, self._recipients = command.argument, []
        elif verb == "RCPT" and positive and len(self._recipients) < _LONGEST_QUEUE:
            self._recipients.append(command.argument)
        elif verb == "RSET" or (verb == "EOD" and not any(c.verb == "EOD" for c in self.pending)):
            self._sender, self._recipients = None, []

    def _forget_chatter(self) -> None:
        """Drop what stood before the greeting and is no command: the call of a tool, say."""
        if not self._greeted:
            self.pending = deque(waiting for waiting in self.pending if waiting.verb != "UNKNOWN")

    def _begin_data(self) -> None:
        if self._early_dot:  # the message was pasted together with DATA
            self._early_dot = False
        elif self.body == "hidden":
            self._expect_end()
        else:
            self.in_data = True

    # ------------------------------------------------------------------ secrets

    def _keep_secret(self, text: str) -> None:
        self._secrets = [*self._secrets, *(word for word in text.split()[:8] if len(word) >= 4)][-16:]

    def _redact(self, reply: Reply) -> Reply:
        """A reply to AUTH without challenge and without what the client sent."""
        text = "" if reply.code == 334 else reply.text
        for secret in self._secrets:
            if secret.upper() != "AUTH":
                text = text.replace(secret, "[hidden]")
        return reply._replace(text=text)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the client sent to log in; must not be shown."""
        return tuple(self._secrets)
