"""Who speaks: the lines of either mark → the session's state machine, once it is clear whose mark it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from logscan.replies import reply_line
from logscan.transcripts.dialogue import Answer, Session
from logscan.transcripts.escapes import unescape
from logscan.transcripts.formats import TranscriptFormat
from logscan.transcripts.lines import Line
from logscan.transcripts.tracks import CLIENT, SERVER, Found, Track
from logscan.transcripts.verbs import is_command

#: Lines kept of a session whose server is not known yet, and characters kept of a line in pieces.
_LONGEST_VOTE = 400
_LONGEST_PIECE = 1 << 16
_MOST_SECRETS = 10_000


class Speakers:
    """Hears the sessions of one transcript."""

    def __init__(self, form: TranscriptFormat) -> None:
        """Start with no session heard."""
        self.form = form
        self.time: datetime | None = None
        self.answered = 0
        """How many replies the dialogue itself showed."""
        self.codes: set[int] = set()
        """Their codes."""
        self.broken_off = 0
        """How many replies end before their last line."""
        self.secrets: set[str] = set()
        """What clients of finished sessions sent to log in."""
        self._last_vote = False

    def new_track(self, key: str | None) -> Track:
        """A session about which nothing is known."""
        form = self.form
        wraps = form.unmarked == "text" or form.wrap is not None
        return Track(key, Session(body=form.body, wraps=wraps), None if form.marks == "relative" else False)

    # ------------------------------------------------------------------ a line as the tool wrote it

    def speak(self, track: Track, mark: int, line: Line) -> list[Found]:
        """A marked line: pieces are put together, escapes undone."""
        form, text = self.form, line.text
        if form.row_length:
            return self._row(track, mark, line)
        if form.unfinished is not None:
            match = form.unfinished.match(text)
            pieces = track.pieces.pop(mark, "")
            if match is not None:
                track.pieces[mark] = (pieces + match["text"])[-_LONGEST_PIECE:]
                return []
            text = pieces + text
        return self.say(track, mark, [Line(line.number, one) for one in unescape(text, form.escapes)])

    def _row(self, track: Track, mark: int, line: Line) -> list[Found]:
        """A row of a dump; a full row goes on in the next."""
        text = track.row + line.text
        if len(line.text) >= self.form.row_length:
            track.row = text[-_LONGEST_PIECE:]
            return []
        track.row = ""
        return self.say(track, mark, [Line(line.number, text.rstrip())])

    # ------------------------------------------------------------------ protocol lines

    def say(self, track: Track, mark: int, lines: Sequence[Line], *, tentative: bool = False) -> list[Found]:
        """Protocol lines of one mark."""
        if track.preamble:
            return []
        if track.fresh and self._begins_elsewhere(lines):
            track.preamble = True
            return []
        track.fresh = False
        if track.swapped is None:
            return self._vote(track, mark, lines)
        if (mark == SERVER) != track.swapped:
            return self._hear_server(track, lines)
        return self._hear_client(track, lines, tentative)

    def go_on(self, track: Track, line: Line) -> list[Found] | None:
        """Take a line without mark if it goes on with the multi-line reply that is open; null if it does not."""
        if track.waiting:
            side, text = track.waiting[-1][0], track.waiting[-1][1].text
            last = reply_line(text)
            code = last.code if last is not None and not last.last else None
        else:
            side, code = CLIENT if track.swapped else SERVER, track.session.reply_open
        new = reply_line(line.text)
        if code is None or new is None or new.code != code:
            return None
        return self.say(track, side, [line])

    def _begins_elsewhere(self, lines: Sequence[Line]) -> bool:
        """Whether a session cannot begin so, and what follows up to its opening is no dialogue."""
        starts = self.form.starts
        return starts == "opens" or (starts == "dialogue" and bool(lines) and not _hint(lines[0].text))

    def _hear_server(self, track: Track, lines: Sequence[Line]) -> list[Found]:
        session, whole = track.session, self.form.replies == "whole"
        answers: list[Answer] = []
        for line in lines:
            if reply_line(line.text) is not None:
                answers += session.server(line.number, line.text)
            elif whole:
                session.wrap(line.number, line.text)
        if whole:
            answers += session.settle()
        return [self.found(track, answer) for answer in answers]

    def _hear_client(self, track: Track, lines: Sequence[Line], tentative: bool) -> list[Found]:
        session, form = track.session, self.form
        answers = session.settle() if session.wraps else []
        strict = form.commands == "known" and not (track.swapped and form.writer == "either")
        for line in lines:
            text = line.text
            if not strict or is_command(text) or text == "." or session.takes_anything:
                session.client(text, tentative=tentative)
        return [self.found(track, answer) for answer in answers]

    # ------------------------------------------------------------------ relative marks

    def _vote(self, track: Track, mark: int, lines: Sequence[Line]) -> list[Found]:
        """Hold lines back until it is clear which mark is the server's: two hints decide."""
        track.waiting += [(mark, line, self.time) for line in lines]
        score = _score(track)
        if abs(score) < 2 and len(track.waiting) <= _LONGEST_VOTE:
            return []
        return self._decide(track, score)

    def _decide(self, track: Track, score: int) -> list[Found]:
        track.swapped = self._last_vote = score < 0 if score else self._last_vote
        waiting, track.waiting = track.waiting, []
        found, now = [], self.time
        for mark, line, self.time in waiting:
            found += self.say(track, mark, [line])
        self.time = now
        return found

    # ------------------------------------------------------------------ results

    def direction(self, track: Track | None) -> str | None:
        """Which end wrote the transcript: told by the line, by the marks, or by the format."""
        if track is not None and track.direction is not None:
            return track.direction
        writer = self.form.writer
        if writer == "either":
            writer = "server" if track is not None and track.swapped else "client"
        return {"client": "outbound", "server": "inbound"}.get(writer)

    def found(self, track: Track, answer: Answer) -> Found:
        """A reply with its surroundings."""
        self.answered += 1
        self.codes.add(answer.reply.code or 0)
        return Found(answer, track.key, self.direction(track), track.peer, self.time)

    def settle(self, track: Track) -> list[Found]:
        """Complete a reply that might have gone on."""
        return [self.found(track, answer) for answer in track.session.settle()]

    def finish(self, track: Track) -> list[Found]:
        """The session ends: complete what is open."""
        found = self._decide(track, _score(track)) if track.waiting else []
        if track.row:
            row, track.row = track.row, ""
            found += self.say(track, track.side or CLIENT, [Line(0, row)])
        if len(self.secrets) < _MOST_SECRETS:
            self.secrets.update(track.session.secrets)
        self.broken_off += track.session.reply_open is not None
        return found + self.settle(track)


def _hint(text: str) -> int:
    """1 if only a server says this, -1 if only a client does, else 0."""
    return 1 if reply_line(text) is not None else -1 if is_command(text) else 0


def _score(track: Track) -> int:
    """How surely the server's mark is the server's."""
    return sum(_hint(line.text) * (1 if mark == SERVER else -1) for mark, line, _ in track.waiting)
