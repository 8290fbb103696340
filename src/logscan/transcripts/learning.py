"""Learns the marks of an unknown tool: what stands before replies, and what stands before commands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from logscan.transcripts.formats import TranscriptFormat, parse_transcript_format

_REPLY = re.compile(r"(.{0,160}?)\b([2-5]\d\d)([ -]).*")
#: A line end as many languages quote it, and what may stand behind the quote.
_QUOTED_END = r"(?:\\r)?\\n\W{0,3}(?: \w+=\w+)*"
_COMMAND = re.compile(
    r"(.{0,160}?)\b(?:(?:EHLO|HELO|LHLO) [\w.\[-]|MAIL FROM ?:|RCPT TO ?:"
    rf"|(?:DATA|QUIT|RSET|STARTTLS)(?:{_QUOTED_END}|\W{{0,3}})$)",
    re.IGNORECASE,
)
#: Ends a mark behind which no command stands, but what a reply names: ``250-STARTTLS``.
_CODE = re.compile(r"(?<![\d.:])[2-5]\d\d[ -]$")
_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{6,}|\d+|[A-Z][a-z]{2}(?= [ \d]\d)")
_LEAST_REPLIES = 2
_AGREEMENT = 0.9


def learn_format(lines: Sequence[str]) -> tuple[TranscriptFormat, str] | None:
    """A format made up for these lines, with what was learned; nothing where that is not sure.

    The server's mark must begin lines with reply codes nine times in ten, and another mark must begin
    known commands.
    """
    replies: Counter[str] = Counter()
    commands: Counter[str] = Counter()
    for line in lines:
        if (command := _COMMAND.match(line)) is not None and not _CODE.search(command[1]):
            commands[_shape(command[1])] += 1
        elif (reply := _REPLY.match(line)) is not None:
            replies[_shape(reply[1])] += 1
    server = _most(replies)
    client = _most(commands)
    if server is None or client is None or server == client or not (server and client):
        return None
    if replies[server] < max(_LEAST_REPLIES, replies.total() / 2) or commands[client] < commands.total() / 2:
        return None  # other marks are as frequent: this is a log of something else
    marked = [line for line in lines if re.match(server, line) and not re.match(rf"{client}.", line)]
    with_code = sum(re.match(rf"{server}[2-5]\d\d(?:[ -]|$)", line) is not None for line in marked)
    accepted = any(re.match(rf"{server}[23]\d\d[ -]", line) for line in marked)
    if with_code < _AGREEMENT * len(marked) or not accepted:  # a log of refusals is no dialogue
        return None

    def quotes(mark: str) -> bool:
        said = [line for line in lines if re.match(mark, line)]
        return sum(re.search(rf"{_QUOTED_END}$", line) is not None for line in said) > len(said) / 2

    def end(mark: str) -> str:
        return _QUOTED_END if quotes(mark) else _closing(mark)

    form = parse_transcript_format(
        {
            "name": "learned",
            "title": "Transcript of an unknown tool",
            "about": "Marks learned from the lines themselves.",
            "dialogue": {
                "writer": "nobody",
                "escapes": ["backslash"] if quotes(client) or quotes(server) else [],
                "client": [rf"{client}(?P<text>.*?){end(client)}$"],
                "server": [rf"{server}(?P<text>[2-5]\d\d(?:[ -].*?)?){end(server)}$"],
            },
        }
    )
    marks = f"{with_code} replies after {_readable(server)}, commands after {_readable(client)}"
    return form, f"unknown tool: {marks}"


def _shape(mark: str) -> str:
    """A regular expression for marks like this one: numbers, stamps and ids may differ."""
    parts, end = [], 0
    for match in _VARIABLE.finditer(mark):
        is_month = match[0].isalpha() and len(match[0]) == 3
        parts += [re.escape(mark[end : match.start()]), "[A-Z][a-z]{2}" if is_month else "[0-9a-fA-Fx]+"]
        end = match.end()
    return "".join([*parts, re.escape(mark[end:])])


def _closing(shape: str) -> str:
    """What closes a quote or a bracket that the mark opens."""
    closing = {"[": "\\]", "(": "\\)", "{": "\\}", "<": ">", '"': '"', "'": "'"}.get(shape[-1:])
    return f"{closing}?" if closing is not None else ""


def _most(shapes: Counter[str]) -> str | None:
    return shapes.most_common(1)[0][0] if shapes else None


def _readable(shape: str) -> str:
    return repr(re.sub(r"\[0-9a-fA-Fx\]\+", "N", shape).replace("[A-Z][a-z]{2}", "Mon").replace("\\", ""))
