"""Commands of SMTP: what a client's line asks for, and which replies can answer it or betray what was asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from logscan.replies import Reply

#: Verbs that are commands whatever the server makes of them.
VERBS = frozenset(
    {"EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "BURL", "RSET", "NOOP"}
    | {"VRFY", "EXPN", "ETRN", "ATRN", "HELP", "TURN", "QUIT", "SEND", "SAML", "SOML", "XCLIENT", "XFORWARD"}
)

_VERB = re.compile(r"([A-Za-z]+)(?:[ \t:](.*))?\Z", re.DOTALL)
_PATH = re.compile(r"(?:from|to)[ \t]*:[ \t]*(?:<([^>]*)>|([^ \t<>]+))", re.IGNORECASE)
_ADDRESSEE = re.compile(r"<([^<> ]+@[^<> ]+)>")
_NAMED_VERB = re.compile(r"(VRFY|EXPN|ETRN|HELP|TURN|STARTTLS|AUTH|BDAT)\b")
_EXTENSION = re.compile(
    r"(?:STARTTLS|PIPELINING|8BITMIME|SMTPUTF8|CHUNKING|ENHANCEDSTATUSCODES|DSN|HELP|SIZE|ETRN|VRFY|AUTH)"
    r"(?:[ =\d]|\Z)"
)
_ABOUT_MESSAGE = re.compile(r"message (?:content )?(?:rejected|refused)", re.IGNORECASE)
_ABOUT_RECIPIENT = re.compile(r"recipient|mailbox|user unknown|relay|greylist", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that waits for its reply."""

    verb: str
    argument: str | None = None
    tentative: bool = False


def is_command(text: str) -> bool:
    """Whether a line is a command of SMTP or one of its extensions."""
    match = _VERB.match(text)
    return match is not None and match[1].upper() in VERBS


def parse_command(text: str, *, tentative: bool = False) -> Command:
    """A client's line as a command; the argument is kept only where it names an address or a host."""
    match = _VERB.match(text)
    verb = match[1].upper() if match is not None else ""
    if verb not in VERBS:
        return Command("UNKNOWN", None, tentative)
    argument = (match[2] or "").strip() if match is not None else ""
    if verb in ("MAIL", "RCPT"):
        path = _PATH.match(argument)
        address = (path[1] if path[1] is not None else path[2]) if path is not None else None
        return Command(verb, address)
    if verb in ("EHLO", "HELO", "LHLO", "BDAT"):
        return Command(verb, argument)
    return Command(verb)


def addressee(reply: Reply) -> str | None:
    """The address that a refusal begins with; null if it begins otherwise."""
    match = _ADDRESSEE.match(reply.text) if (reply.code or 0) >= 400 else None
    return match[1] if match is not None else None


def can_answer(verb: str, reply: Reply, multiline: bool) -> bool:
    """Whether a server may answer the command so (RFC 5321 section 4.3.2, RFC 4954)."""
    code = reply.code or 0
    if code >= 400:
        return True
    owner = {354: "DATA", 221: "QUIT", 220: "STARTTLS", 334: "AUTH", 235: "AUTH"}.get(code)
    if owner is not None:
        return verb == owner
    if verb in ("QUIT", "DATA") or (verb == "UNKNOWN" and told_by_reply(reply, multiline) is not None):
        return False
    if multiline and told_by_reply(reply, multiline) == "EHLO":
        return verb in ("EHLO", "LHLO", "HELO", "HELP", "UNKNOWN")
    if reply.enhanced == "2.1.5":
        return verb not in ("MAIL", "EHLO", "HELO", "LHLO", "RSET")
    if "queued" in reply.text.lower():
        return verb not in ("MAIL", "RCPT", "EHLO", "HELO", "LHLO")
    return True


def told_by_reply(reply: Reply, multiline: bool) -> str | None:
    """The command that a reply betrays by code, enhanced code or words; null if it does not."""
    code = reply.code or 0
    owner = {354: "DATA", 221: "QUIT", 334: "AUTH", 235: "AUTH", 535: "AUTH"}.get(code)
    if owner is not None:
        return owner
    named = _NAMED_VERB.match(reply.text)
    if code >= 500 and named is not None:
        return named[1]
    if code == 250 and (_EXTENSION.search if multiline else _EXTENSION.match)(reply.text) is not None:
        return "EHLO"
    if code == 250 and reply.enhanced == "2.1.0":
        return "MAIL"
    if (code == 250 and reply.enhanced == "2.1.5") or (code >= 500 and reply.enhanced == "5.1.1"):
        return "RCPT"
    if code == 250 and "queued" in reply.text.lower():
        return "EOD"
    if code >= 400 and _ABOUT_MESSAGE.match(reply.text) is not None:
        return "EOD"
    if code >= 400 and addressee(reply) is not None and _ABOUT_RECIPIENT.search(reply.text) is not None:
        return "RCPT"
    return None
