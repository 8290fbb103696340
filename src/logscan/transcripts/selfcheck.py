"""Runs the samples of a transcript format; used by the tests and by ``logscan parsers check``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logscan.transcripts.conversation import Conversation
from logscan.transcripts.detection import choose
from logscan.transcripts.formats import TranscriptFormat, TranscriptSample
from logscan.transcripts.lines import Line, LineReader
from logscan.transcripts.tracks import Found


def transcript_selfcheck(form: TranscriptFormat) -> list[str]:
    """What is wrong with a format, by its own samples; empty if all is well."""
    if not form.samples:
        return [f"{form.name}: no [[sample]]; a format without one cannot be checked"]
    problems = [
        f"{form.name}, sample {number}: {problem}"
        for number, sample in enumerate(form.samples, 1)
        for problem in _check(form, sample)
    ]
    used = {pattern for sample in form.samples for pattern in _read(form, _lines(sample))[1]}
    speaking = (*form.client, *form.server, *form.record, *form.either)
    return problems + [
        f"{form.name}: no sample line needs the pattern {pattern.pattern!r}"
        for pattern in speaking
        if pattern not in used
    ]


def _read(form: TranscriptFormat, lines: list[Line]) -> tuple[list[Found], set[re.Pattern[str]]]:
    conversation = Conversation(form, lambda _: None)
    found = [one for line in lines for one in conversation.line(line)]
    return [*found, *conversation.finish()], conversation.used


def _check(form: TranscriptFormat, sample: TranscriptSample) -> Iterator[str]:
    lines = _lines(sample)
    found, _ = _read(form, lines)
    shown = [_summary(one) for one in found]
    for number, (have, want) in enumerate(zip(shown, sample.replies, strict=False), 1):
        if have != want:
            yield f"reply {number} is {have!r}, expected {want!r}"
    if len(shown) != len(sample.replies):
        yield f"{len(shown)} replies, expected {len(sample.replies)}"
    directions = {one.direction for one in found}
    if directions - {sample.direction}:
        yield f"direction is {directions}, expected {sample.direction!r}"
    choice = choose(lines, extra=form)
    if choice is None or choice.form.name != form.name:
        yield f"detected as {choice.form.name if choice is not None else None!r}"


def _summary(found: Found) -> str:
    answer = found.answer
    return f"{answer.command or '-'} {answer.reply.code} {answer.reply.enhanced or '-'}"


def _lines(sample: TranscriptSample) -> list[Line]:
    return list(LineReader([sample.lines.encode("utf-8", "surrogatepass")]))
