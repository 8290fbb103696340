"""The lines of a transcript in one format → replies: who speaks, which session, what is repeated."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from logscan.dialogue import Answer, Session, is_command
from logscan.replies import Reply, reply_line, split_reply
from logscan.transcripts_escapes import unescape
from logscan.transcripts_formats import TranscriptFormat
from logscan.transcripts_frames import FieldsFrame, JsonFrame
from logscan.transcripts_lines import Line

CLIENT, SERVER = 0, 1

#: Sessions kept open at once, and lines kept of a session whose server is not known yet.
_MOST_SESSIONS = 20_000
_LONGEST_VOTE = 400
_MOST_COPIES = 10_000
_LONGEST_FOLD = 1 << 16


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end, as far as the transcript names it."""

    name: str | None = None
    ip: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One reply with its surroundings."""

    answer: Answer
    session: str | None
    direction: str | None
    peer: Peer
    time: datetime | None
    rule: str = "reply"


@dataclass(slots=True)
class Track:
    """What is known of one session besides its state."""

    key: str | None
    session: Session
    peer: Peer = Peer()
    swapped: bool | None = None
    side: int | None = None
    octets_left: int = 0
    preamble: bool = False
    direction: str | None = None
    fresh: bool = True
    pieces: dict[int, str] = field(default_factory=dict)
    waiting: list[tuple[int, Line, bool]] = field(default_factory=list)
    row: str = ""


class Replay:
    """Recognises the copy of the whole log so far that some tools print with an error.

    Copies may hold copies; each ends where its original stood when it was made.
    """

    def __init__(self) -> None:
        """Start with an empty log."""
        self._log: list[int] = []
        self._open: list[list[int]] = []

    def begin(self) -> None:
        """The tool announces a copy."""
        self._open.append([0, self._open[-1][0] if self._open else len(self._log)])

    def is_copy(self, text: str) -> bool:
        """Whether a marked line belongs to a copy; if not, it is new."""
        while self._open and self._open[-1][0] >= self._open[-1][1]:
            self._open.pop()
        if self._open:
            place = self._open[-1]
            if self._log[place[0]] == hash(text):
                place[0] += 1
                return True
            self._open.clear()
        if len(self._log) < _MOST_COPIES:
            self._log.append(hash(text))
        return False

    @property
    def active(self) -> bool:
        """Whether a copy is being printed."""
        return any(at < end for at, end in self._open)


class Conversation:
    """Reads lines of one format."""

    def __init__(self, form: TranscriptFormat, read_time: Callable[[str], datetime | None]) -> None:
        """``read_time`` turns the format's stamps into times."""
        self.form = form
        self._read_time = read_time
        self._frame = _make_frame(form)
        self._tracks: OrderedDict[str | None, Track] = OrderedDict()
        self._current: Track | None = None
        self._time: datetime | None = None
        self._last_vote: bool | None = None
        self._muted = False
        self._replay = Replay()
        self._folded: Line | None = None
        self._copies: list[tuple[int, Found]] = []
        self.answered = 0
        """How many replies the dialogue itself showed."""
        self.understood = False
        """Whether the last line was understood."""
        self.used: set[re.Pattern[str]] = set()
        """The patterns that took a line so far."""
        self.certain = False
        """Whether the last line bore the format's own marks, so that it is no other format's."""

    # ------------------------------------------------------------------ one line

    @property
    def in_body(self) -> bool:
        """Whether the line that comes next belongs to a message, whatever it looks like."""
        track = self._current
        if track is None:
            return False
        plain = self.form.body == "raw" or self.form.unmarked == "side"
        return track.octets_left > 0 or (track.session.in_data and plain)

    def line(self, line: Line) -> list[Found]:
        """Read one line; returns the replies that it completes."""
        if not self.form.unfold:
            return self._line(line)
        folded, self._folded = self._folded, line
        if folded is not None and line.text[:1] in (" ", "\t"):
            self._folded = Line(line.number, f"{folded.text[:_LONGEST_FOLD]}\n{line.text.strip()}")
            return []
        return self._line(folded) if folded is not None else []

    def _line(self, line: Line) -> list[Found]:
        self.understood = self.certain = True
        if self._frame is not None:
            text = self._frame.line(line.text)
            if text is None:
                self.understood = self.certain = False
                return []
            line = Line(line.number, text)
        rest, key = self._unprefix(line.text)
        track = self._tracks.get(key, None) if key is not None else self._current
        if track is not None and track.octets_left > 0:
            return self._block(track, Line(line.number, rest))
        if track is not None and track.session.in_data and self.form.body == "raw" and track.session.spoken:
            return self._body(track, rest)
        return list(self._dispatch(Line(line.number, rest), key, track))

    def _unprefix(self, text: str) -> tuple[str, str | None]:
        prefix = self.form.prefix
        match = prefix.match(text) if prefix is not None else None
        if match is None:
            return text, None
        groups = match.groupdict()
        stamp = groups.get("time")
        if stamp:
            self._time = self._read_time(stamp)
        return text[match.end() :], groups.get("session")

    def _block(self, track: Track, line: Line) -> list[Found]:
        """A line inside a block whose length was announced."""
        (text,) = unescape(line.text, self.form.escapes)[:1] or ("",)
        track.octets_left -= len(text.encode("utf-8", "replace")) + 2
        return self._speak(track, track.side or CLIENT, line)

    def _body(self, track: Track, text: str) -> list[Found]:
        match = self._take(self.form.client, text)
        for inner in unescape(match["text"] if match is not None else text, self.form.escapes):
            track.session.client(inner)
        return []

    def _dispatch(self, line: Line, key: str | None, track: Track | None) -> Iterator[Found]:
        form, text = self.form, line.text
        if self._take(form.quiet, text):
            self._muted = True
            return
        if self._muted:
            if not (is_command(text) or self._take(form.skip, text) or self._take(form.client, text)):
                return
            self._muted = False
        if (match := self._take(form.opens, text)) is not None:
            yield from self._open(match, key)
        elif self._take(form.closes, text) is not None:
            yield from self._close(track)
        elif (match := self._take(form.record, text)) is not None:
            yield from self._record(match, line.number, key)
        elif self._take(form.skip, text) is not None:
            self._note(track)
        elif self._take(form.unsent, text) is not None:
            if track is not None:
                track.session.drop_last()
        elif self._take(form.replay, text) is not None:
            self._replay.begin()
        elif (match := self._take(form.server, text)) is not None:
            yield from self._marked(SERVER, match, line.number, key)
        elif (match := self._take(form.client, text)) is not None:
            yield from self._marked(CLIENT, match, line.number, key)
        elif (match := self._take(form.either, text)) is not None:
            ends = sorted((match["from"], match["to"]))
            yield from self._marked(int(match["from"] != ends[0]), match, line.number, "-".join(ends))
        elif (match := self._take(form.copies, text)) is not None:
            self._copy(match, line.number, key)
        else:
            yield from self._unmarked(line, track, key)

    def _take(self, patterns: Sequence[re.Pattern[str]], text: str) -> re.Match[str] | None:
        for pattern in patterns:
            match = pattern.match(text)
            if match is not None:
                self.used.add(pattern)
                return match
        return None

    # ------------------------------------------------------------------ kinds of lines

    def _note(self, track: Track | None) -> None:
        """The tool speaks itself: unmarked lines after it are not the last speaker's."""
        if track is not None and self.form.row_length == 0:
            track.side = None
            track.session.drop_tentative()

    def _track(self, key: str | None) -> Track:
        track = self._tracks.get(key)
        if track is None:
            form = self.form
            wraps = form.unmarked == "text" or form.wrap is not None
            track = Track(
                key, Session(body=form.body, wraps=wraps), swapped=None if form.marks == "relative" else False
            )
            self._tracks[key] = track
        self._tracks.move_to_end(key)
        self._current = track
        return track

    def _open(self, match: re.Match[str], key: str | None) -> Iterator[Found]:
        groups = match.groupdict()
        key = groups.get("session") or key
        old = self._tracks.pop(key, None)
        if old is not None:
            yield from self._finish(old)
        track = self._track(key)
        track.peer = make_peer(groups.get("host"), groups.get("ip"), groups.get("port"))
        track.direction = _told_direction(groups)
        if groups.get("time"):
            self._time = self._read_time(groups["time"])

    def _close(self, track: Track | None) -> Iterator[Found]:
        if track is not None:
            yield from self._finish(track)
            self._tracks.pop(track.key, None)
            self._current = None

    def _record(self, match: re.Match[str], number: int, key: str | None) -> Iterator[Found]:
        """A record that shows a command together with its reply."""
        groups = match.groupdict()
        track = self._track(groups.get("session") or key)
        track.direction = _told_direction(groups) or track.direction
        if groups.get("time"):
            self._time = self._read_time(groups["time"])
        if groups.get("ip") or groups.get("host"):
            track.peer = make_peer(groups.get("host"), groups.get("ip"), groups.get("port"))
        if groups.get("command"):
            track.session.client(groups["command"].strip())
        reply = self._reply(groups)
        if reply.code is not None:
            answer = track.session.answer(number, reply)
            shown = answer.command if groups.get("command") or answer.command != "CONNECT" else None
            yield self._found(
                track,
                replace(
                    answer,
                    command=_verb_group(groups) or shown,
                    sender=groups["from"] if groups.get("from") is not None else answer.sender,
                    recipient=groups.get("to") or answer.recipient,
                ),
            )

    def _reply(self, groups: Mapping[str, str | None]) -> Reply:
        text = "\n".join(unescape(groups.get("text") or "", self.form.escapes))
        return split_reply(f"{groups['code']} {text}" if groups.get("code") else text)

    def _copy(self, match: re.Match[str], number: int, key: str | None) -> None:
        """Keep what repeats a reply, for the case that the dialogue itself is not shown."""
        if len(self._copies) >= _MOST_COPIES:
            return
        groups = match.groupdict()
        reply = self._reply(groups)
        if reply.code is None:
            return
        session = Session()
        if is_command(groups.get("command") or ""):
            session.client(groups["command"])
        answer = session.answer(number, reply)
        answer = replace(answer, command=_verb_group(groups) or answer.command)
        found = Found(answer, key, self._direction(None), Peer(), self._time, "error-line")
        self._copies.append((self.form.copies.index(match.re), found))

    def _marked(self, mark: int, match: re.Match[str], number: int, key: str | None) -> Iterator[Found]:
        groups = match.groupdict()
        if self.form.replay and self._replay.is_copy(match[0]):
            return
        track = self._track(groups.get("session") or key)
        track.side = mark
        track.direction = _told_direction(groups) or track.direction
        if groups.get("time"):
            self._time = self._read_time(groups["time"])
        if groups.get("ip") or groups.get("host"):
            track.peer = make_peer(groups.get("host"), groups.get("ip"), groups.get("port"))
        if groups.get("length"):
            track.octets_left = min(int(groups["length"][:9]), 1 << 30)
        text = groups.get("text")
        if text is None:
            return
        if groups.get("code"):
            lines = unescape(text, self.form.escapes)
            text = "\n".join(
                [*(f"{groups['code']}-{one}" for one in lines[:-1]), f"{groups['code']} {lines[-1]}"]
            )
            yield from self._say(track, mark, [Line(number, one) for one in text.split("\n")])
            return
        yield from self._speak(track, mark, Line(number, text))

    def _unmarked(self, line: Line, track: Track | None, key: str | None) -> Iterator[Found]:
        form, text = self.form, line.text
        self.understood, self.certain = not text.strip(), False
        if form.unmarked == "dialogue":
            side = SERVER if reply_line(text) is not None else CLIENT
            if side == CLIENT and not text.strip() and not (track is not None and track.session.in_data):
                return
            self.understood = side == SERVER or is_command(text) or self.in_body
            yield from self._say(self._track(key), side, [line], tentative=not is_command(text))
            return
        if track is None or form.unmarked == "ignored" or self._replay.active:
            return
        stripped = text.strip()
        if form.wrap is not None:
            match = form.wrap.match(text)
            if match is not None:
                self.understood = track.session.wrap(line.number, match["text"])
            elif not track.waiting:
                for answer in track.session.settle():
                    yield self._found(track, answer)
        elif form.unmarked == "text":
            self.understood = bool(stripped) and track.session.wrap(line.number, stripped)
        elif form.unmarked == "side" and track.side is not None:
            if form.row_length or stripped or (track.side == CLIENT and track.session.in_data):
                self.understood = True
                yield from self._speak(track, track.side, line)
        else:
            yield from self._continuation(track, Line(line.number, stripped))

    def _continuation(self, track: Track, line: Line) -> Iterator[Found]:
        """A line without mark that goes on with a multi-line reply."""
        if track.waiting:
            last = reply_line(track.waiting[-1][1].text)
            code = last.code if last is not None and not last.last else None
            side = track.waiting[-1][0]
        else:
            code, side = track.session.reply_open, SERVER if not track.swapped else CLIENT
        new = reply_line(line.text)
        if code is not None and new is not None and new.code == code:
            self.understood = True
            yield from self._say(track, side, [line])

    # ------------------------------------------------------------------ speaking

    def _speak(self, track: Track, mark: int, line: Line) -> Iterator[Found] | list[Found]:
        """A marked line as the tool wrote it: pieces put together, escapes undone."""
        form, text = self.form, line.text
        if form.row_length:
            return self._rows(track, mark, line)
        if form.unfinished is not None:
            match = form.unfinished.match(text)
            pieces = track.pieces.pop(mark, "")
            if match is not None:
                track.pieces[mark] = (pieces + match["text"])[-(1 << 16) :]
                return []
            text = pieces + text
        return self._say(track, mark, [Line(line.number, one) for one in unescape(text, form.escapes)])

    def _rows(self, track: Track, mark: int, line: Line) -> Iterator[Found] | list[Found]:
        """A row of a dump; a full row goes on in the next."""
        text = track.row + line.text
        if len(line.text) >= self.form.row_length:
            track.row = text[-(1 << 16) :]
            return []
        track.row = ""
        return self._say(track, mark, [Line(line.number, text.rstrip())])

    def _say(
        self, track: Track, mark: int, lines: Sequence[Line], *, tentative: bool = False
    ) -> Iterator[Found] | list[Found]:
        if track.preamble:
            return []
        if self.form.preamble and track.fresh and lines and not _hint(lines[0].text):
            track.preamble = True
            return []
        track.fresh = False
        if track.swapped is None:
            return self._vote(track, mark, lines)
        return list(self._hear(track, mark, lines, tentative))

    def _hear(self, track: Track, mark: int, lines: Sequence[Line], tentative: bool) -> Iterator[Found]:
        """Give lines to the session's state machine."""
        session, form = track.session, self.form
        if (mark == SERVER) == (not track.swapped):
            whole = form.replies == "whole"
            for line in lines:
                if reply_line(line.text) is None:
                    if whole:
                        session.wrap(line.number, line.text)
                    continue
                for answer in session.server(line.number, line.text):
                    yield self._found(track, answer)
            if whole:
                for answer in session.settle():
                    yield self._found(track, answer)
            return
        if session.wraps:
            for answer in session.settle():
                yield self._found(track, answer)
        strict = form.commands == "known" and not (track.swapped and form.writer == "either")
        for line in lines:
            if strict and not (is_command(line.text) or line.text == "." or session.takes_anything):
                continue
            session.client(line.text, tentative=tentative)

    def _vote(self, track: Track, mark: int, lines: Sequence[Line]) -> Iterator[Found]:
        """Hold lines back until it is clear which mark is the server's.

        One command or reply is a hint, two are enough; a session begins with one or the other.
        """
        track.waiting += [(mark, line, False) for line in lines]
        score = sum(_hint(line.text) * (1 if side == SERVER else -1) for side, line, _ in track.waiting)
        if abs(score) >= 2 or len(track.waiting) > _LONGEST_VOTE:
            yield from self._decide(track, score)

    def _decide(self, track: Track, score: int) -> Iterator[Found]:
        track.swapped = score < 0 if score else bool(self._last_vote)
        self._last_vote = track.swapped
        waiting, track.waiting = track.waiting, []
        for mark, line, tentative in waiting:
            yield from self._hear(track, mark, [line], tentative)

    # ------------------------------------------------------------------ results

    def _direction(self, track: Track | None) -> str | None:
        """Which end wrote the transcript: told by the line, by the marks, or by the format."""
        if track is not None and track.direction is not None:
            return track.direction
        writer = self.form.writer
        if writer == "either":
            writer = "server" if track is not None and track.swapped else "client"
        return {"client": "outbound", "server": "inbound"}.get(writer)

    def _found(self, track: Track, answer: Answer) -> Found:
        self.answered += 1
        return Found(answer, track.key, self._direction(track), track.peer, self._time)

    def _finish(self, track: Track) -> Iterator[Found]:
        if track.swapped is None and track.waiting:
            score = sum(_hint(line.text) * (1 if side == SERVER else -1) for side, line, _ in track.waiting)
            yield from self._decide(track, score)
        if track.row:
            row, track.row = track.row, ""
            yield from self._say(track, track.side or CLIENT, [Line(0, row)])
        for answer in track.session.settle():
            yield self._found(track, answer)

    def evict(self) -> Iterator[Found]:
        """Finish the sessions that have been idle longest, so that memory stays bounded."""
        while len(self._tracks) > _MOST_SESSIONS:
            _, track = self._tracks.popitem(last=False)
            yield from self._finish(track)

    def finish(self) -> Iterator[Found]:
        """The transcript ends: complete what is open; error lines count if there was no dialogue."""
        if self._folded is not None:
            yield from self._line(self._folded)
            self._folded = None
        for track in self._tracks.values():
            yield from self._finish(track)
        self._tracks.clear()
        self._current = None
        if not self.answered:
            yield from _distinct(self._copies)
        self._copies = []

    def secrets(self) -> set[str]:
        """What clients sent to log in."""
        return {secret for track in self._tracks.values() for secret in track.session.secrets}


def _make_frame(form: TranscriptFormat) -> FieldsFrame | JsonFrame | None:
    if form.columns is None:
        return None
    return JsonFrame(form.columns) if form.frame == "json" else FieldsFrame(form.columns)


def _told_direction(groups: Mapping[str, str | None]) -> str | None:
    """The direction that a pattern tells by a group ``received`` or ``sent``."""
    if groups.get("received") is not None:
        return "inbound"
    return "outbound" if groups.get("sent") is not None else None


def _verb_group(groups: Mapping[str, str | None]) -> str | None:
    """A command that a pattern names by a group in capitals, such as ``(?P<RCPT>…)``."""
    return next((name for name, value in groups.items() if name.isupper() and value is not None), None)


def _hint(text: str) -> int:
    """1 if only a server says this, -1 if only a client does, else 0."""
    return 1 if reply_line(text) is not None else -1 if is_command(text) else 0


def _distinct(copies: Sequence[tuple[int, Found]]) -> Iterator[Found]:
    """Error lines, each reply once: the same words from two kinds of lines are one reply."""
    kind: dict[tuple[int | None, str], int] = {}
    for pattern, found in copies:
        key = (found.answer.reply.code, found.answer.reply.text)
        if kind.setdefault(key, pattern) == pattern:
            yield found


def make_peer(host: str | None, ip: str | None, port: str | None) -> Peer:
    """A peer from what a line names; an address given as a host name is an address."""
    if host and not ip and re.fullmatch(r"[0-9.]{7,15}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]+", host):
        host, ip = None, host
    host = None if host == "unknown" else host
    number = int(port) if port and port.isdecimal() and len(port) <= 5 else None
    return Peer(host.rstrip(".") if host else None, ip or None, number)
