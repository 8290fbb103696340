"""Which transcript format a text is in, told from its content."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from logscan.errors import UsageError
from logscan.transcripts.conversation import Conversation
from logscan.transcripts.formats import TranscriptFormat, load_transcript_format, transcript_formats
from logscan.transcripts.learning import learn_format
from logscan.transcripts.lines import HTML, LOGGER, Line, Wrapper, find_wrappers, strip_wrappers

#: A clue of this weight is enough; lighter ones must come together.
SURE = 10
_COUNTED_HITS = 20
_PREFIX_SAMPLE = 400
_TRIAL = 2000


@dataclass(frozen=True, slots=True)
class TranscriptDetection:
    """A transcript format and how well it fits."""

    name: str
    score: float
    """0 to 1: the share of lines it explains, low if they show no reply."""
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A format, what stands around its lines, and why it was chosen."""

    form: TranscriptFormat
    wrappers: tuple[Wrapper, ...]
    reason: str


def choose(
    lines: Sequence[Line], parser: str | None = None, *, extra: TranscriptFormat | None = None
) -> Choice | None:
    """The format of the first transcript in ``lines``.

    ``parser`` forces one, by its name or its file; ``extra`` competes with the known ones.
    Raises ``UsageError`` for an unknown name, ``ParserError`` for a wrong file.
    """
    texts = [line.text for line in lines]
    if parser is not None and parser.endswith(".toml"):
        extra = load_transcript_format(Path(parser))
        parser = extra.name
    formats = transcript_formats() | ({extra.name: extra} if extra is not None else {})
    if parser is not None and parser not in formats:
        raise UsageError(f"no transcript format is called {parser!r}; known are {', '.join(formats)}")
    candidates = {parser: formats[parser]} if parser is not None else formats
    wrappers = tuple(find_wrappers(texts[:_PREFIX_SAMPLE]))
    choices, sure = [], False
    # A stamp or quoting may be the tool's own, but not HTML, which is always the outermost.
    for depth in range(1 if HTML in wrappers else 0, len(wrappers) + 1):
        around = wrappers[:depth]
        if sure and around[-1] is LOGGER:  # the format of a tool that is its own logger
            break
        best = _best([strip_wrappers(text, around) for text in texts] if around else texts, candidates)
        if best is not None:
            inside = "".join(f"; inside {wrapper.name}" for wrapper in reversed(around))
            choices.append(Choice(best[0], around, best[2] + inside))
            sure = sure or best[1] >= SURE
    if parser is not None:
        choices = choices or [Choice(formats[parser], (), "asked for")]
    elif not sure:
        learned = learn_format([strip_wrappers(text, wrappers) for text in texts])
        choices += [Choice(learned[0], wrappers, learned[1])] if learned is not None else []
    return max(choices, key=lambda choice: rate(choice, lines[:_TRIAL]), default=None)


def _best(
    texts: Sequence[str], formats: Mapping[str, TranscriptFormat]
) -> tuple[TranscriptFormat, int, str] | None:
    """Of the formats with clues enough, the one whose clues come first: later ones may stand in a message."""
    best: tuple[tuple[bool, int, int, int], TranscriptFormat, int, str] | None = None
    for form in formats.values():
        score, first, reason, heaviest = 0, len(texts), "", 0
        for clue in form.clues:
            hits = [at for at, text in enumerate(texts) if clue.regex.match(text)]
            if not hits:
                continue
            score += clue.weight * min(len(hits), _COUNTED_HITS)
            first = min(first, hits[0])
            if clue.weight > heaviest:
                heaviest, reason = clue.weight, f"line {hits[0] + 1}: {clue.why}"
        if not reason:
            continue
        sure = score >= SURE
        rank = (sure, -first if sure else 0, heaviest, score)
        if best is None or rank > best[0]:
            best = (rank, form, score, reason)
    return None if best is None or best[2] < 3 else best[1:]


class Switchboard:
    """Finds lines that only another format writes, where several transcripts stand in one file."""

    def __init__(self) -> None:
        """Combine the sure clues of all formats."""
        formats = transcript_formats().values()
        self._sure = [(form, clue.regex) for form in formats for clue in form.clues if clue.weight >= SURE]
        alternatives = "|".join(f"(?:{regex.pattern})" for _, regex in self._sure)
        self._any = re.compile(alternatives or "(?!)", re.DOTALL)

    def other_format(self, text: str, current: TranscriptFormat) -> TranscriptFormat | None:
        """The format that surely wrote the line, unless it is the current one."""
        if self._any.match(text) is None or current.weight_of(text) >= SURE:
            return None
        for form, regex in self._sure:
            if regex.match(text):
                return form
        return None


def rate(choice: Choice, lines: Sequence[Line]) -> float:
    """How well a format explains the lines: a trial run."""
    conversation = Conversation(choice.form, lambda _: None)
    understood = filled = 0
    for line in lines:
        text = strip_wrappers(line.text, choice.wrappers)
        conversation.line(Line(line.number, text))
        if text.strip():
            filled += 1
            understood += conversation.understood
    found = conversation.answered + sum(1 for _ in conversation.finish())
    share = understood / max(1, filled)
    return 0.4 + 0.6 * share if found else 0.3 * share
