"""What ``explain`` and ``compare`` return: plain fields, and their renderings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from logscan.codes.entries import words
from logscan.codes.pages import (
    WIDTH,
    Block,
    Page,
    Prose,
    Quote,
    Section,
    Table,
    as_html,
    as_markdown,
    as_notebook_html,
    as_text,
)


class _Rendered:
    """Renderings that follow from a page."""

    __slots__ = ()

    def to_page(self) -> Page:
        """The page that all renderings show."""
        raise NotImplementedError

    def to_text(self, width: int = WIDTH) -> str:
        """Plain text, ``width`` columns wide, without control characters."""
        return as_text(self.to_page(), width)

    def to_markdown(self) -> str:
        """Markdown."""
        return as_markdown(self.to_page())

    def to_html(self) -> str:
        """An HTML fragment, escaped."""
        return as_html(self.to_page())

    def __str__(self) -> str:
        """The same as ``to_text``."""
        return self.to_text()

    def _repr_html_(self) -> str:
        return as_notebook_html(self.to_page())


@dataclass(frozen=True, slots=True)
class LikelyCause:
    """Why the server probably gave this reply."""

    key: str
    """Key of the cause, such as ``connection_limit``."""
    label: str
    meaning: str
    evidence: str | None
    """The part of the reply, or the code, that the verdict rests on; null if nothing was recognised."""
    source: str | None
    """Who writes such replies."""
    confidence: str
    """high, medium, low or none."""
    advice_received: str
    """What to do if a remote server answered us."""
    advice_sent: str
    """What to do if our server answered a client."""


@dataclass(frozen=True, slots=True)
class Explanation(_Rendered):
    """What a code means, when it comes and what to do about it."""

    code: int | str
    """421, ``4.7.0`` or ``4xx``."""
    name: str
    """The registered name, in English."""
    class_: str
    """What the first digit says."""
    status: str
    """standard, registry, experimental, non-standard, listed or unknown."""
    description: str
    when: str
    """What usually leads to it."""
    fix_received: str
    """What to do if a remote server answered us with it."""
    fix_sent: str
    """What to do if our server answered a client with it."""
    direction: str | None
    """outbound or inbound, if only one of the two texts is wanted."""
    commands: tuple[str, ...]
    """Commands it may answer; CONNECT is the greeting, EOD the final dot, ANY every command."""
    comes_with: tuple[int, ...]
    """Reply codes that an enhanced code is registered with."""
    rfc: tuple[str, ...]
    """Where it is defined."""
    acts: str
    """Who has to act: nobody, client, server, recipient, or depends (on the text)."""
    closes: bool
    """Whether the server hangs up with it."""
    topic: str | None
    """What the second digit, or the subject of an enhanced code, is about."""
    see_also: tuple[str, ...]
    lang: str
    reply: str | None = None
    """The reply's text as it was given, sanitised."""
    cause: LikelyCause | None = None

    @property
    def fix(self) -> str:
        """What to do: for the direction asked, or for both under their labels where they differ."""
        return "\n".join(
            f"{block.label}:\n{block.text}" if block.label else block.text
            for block in self._advice(self.fix_received, self.fix_sent)
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON; ``reply`` and ``likely_cause`` only if a reply was given."""
        fields: dict[str, Any] = {
            "code": self.code,
            "name": self.name,
            "class": self.class_,
            "status": self.status,
            "description": self.description,
            "when": self.when,
            "fix": self.fix,
            "fix_received": self.fix_received,
            "fix_sent": self.fix_sent,
            "commands": list(self.commands),
            "comes_with": list(self.comes_with),
            "rfc": list(self.rfc),
            "acts": self.acts,
            "closes": self.closes,
            "see_also": list(self.see_also),
        }
        if self.reply is not None:
            fields["reply"] = self.reply
            fields["likely_cause"] = self.cause and asdict(self.cause)
        return fields

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Labels and values of what is not prose."""
        spoken = words(self.lang)
        label = spoken["labels"]
        first = str(self.code)[0]
        is_on_the_wire = isinstance(self.code, int) and bool(self.commands)
        rows = (
            (label["class"], self.class_),
            (label["status"], spoken["status"][self.status]),
            (label["topic"], self.topic),
            (label["commands"], ", ".join(spoken["commands"].get(name, name) for name in self.commands)),
            (label["with"], ", ".join(map(str, self.comes_with))),
            (label["rfc"], ", ".join(self.rfc)),
            (label["retry"], spoken["retry"][first]),
            (
                label["connection"],
                spoken["connection"]["closed" if self.closes else "open"] if is_on_the_wire else "",
            ),
            (label["acts"], spoken["acts"][self.acts]),
        )
        return tuple((name, value) for name, value in rows if value)

    def to_page(self) -> Page:
        """The page that all renderings show."""
        heading = words(self.lang)["headings"]
        sections = (
            Section(heading["cause"], tuple(self._cause_blocks())),
            Section(heading["description"], (Prose(self.description),)),
            Section(heading["when"], (Prose(self.when),)),
            Section(heading["fix"], self._advice(self.fix_received, self.fix_sent)),
            Section(heading["reference"], (Table(self.facts()),)),
            Section(heading["see_also"], (Prose(", ".join(self.see_also)),)),
        )
        title = f"{self.code} {self.name}"
        return Page(title, tuple(section for section in sections if section.blocks), self.lang)

    def _cause_blocks(self) -> Iterator[Block]:
        label = words(self.lang)["labels"]
        if self.reply is None:
            return
        yield Quote(self.reply, label["reply"])
        if self.cause is not None:
            sure = words(self.lang)["confidence"][self.cause.confidence]
            yield Prose(self.cause.meaning, f"{self.cause.label} ({sure})")
            if self.cause.evidence is not None:
                yield Quote(self.cause.evidence, label["evidence"])
            yield from self._advice(self.cause.advice_received, self.cause.advice_sent)

    def _advice(self, received: str, sent: str) -> tuple[Prose, ...]:
        label = words(self.lang)["labels"]
        if self.direction is not None:
            return (Prose(received if self.direction == "outbound" else sent),)
        if received == sent:
            return (Prose(received),)
        return (Prose(received, label["fix_received"]), Prose(sent, label["fix_sent"]))


@dataclass(frozen=True, slots=True)
class Comparison(_Rendered):
    """Two codes side by side."""

    first: Explanation
    second: Explanation
    summary: str
    """The difference in one sentence."""
    differences: tuple[str, ...]
    """What tells the two apart, most important first."""
    which: tuple[str, str]
    """When the first applies, and when the second."""
    see_also: tuple[str, ...]
    lang: str
    derived: bool
    """Whether the differences were put together from the facts, for want of words about this pair."""

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        codes = (str(self.first.code), str(self.second.code))
        return {
            "codes": [self.first.code, self.second.code],
            "summary": self.summary,
            "differences": list(self.differences),
            "side_by_side": [
                {"label": label, **dict(zip(codes, values, strict=True))}
                for label, *values in side_by_side(self.first, self.second)
            ],
            "which": dict(zip(codes, self.which, strict=True)),
            "entries": [self.first.to_dict(), self.second.to_dict()],
            "see_also": list(self.see_also),
        }

    def to_page(self) -> Page:
        """The page that all renderings show."""
        heading = words(self.lang)["headings"]
        both = (self.first, self.second)
        names = (str(self.first.code), str(self.second.code))
        sections = [
            Section(
                heading["description"],
                tuple(Prose(one.description, f"{one.code} {one.name}") for one in both),
            ),
            Section(heading["differences"], (Prose("\n".join(f"- {one}" for one in self.differences)),)),
            Section(heading["side_by_side"], (Table(side_by_side(*both), ("", *names)),)),
            Section(heading["which"], tuple(map(Prose, self.which, names))),
            Section(heading["see_also"], (Prose(", ".join(self.see_also)),)),
        ]
        if self.derived:
            del sections[2]  # it would repeat the differences
        return Page(" – ".join(names), tuple(sections), self.lang, self.summary)


def side_by_side(first: Explanation, second: Explanation) -> tuple[tuple[str, str, str], ...]:
    """Label, value of the first and value of the second, for every fact known of both."""
    of_second = dict(second.facts())
    return tuple((label, value, of_second[label]) for label, value in first.facts() if label in of_second)
