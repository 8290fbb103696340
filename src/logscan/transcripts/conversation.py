"""The lines of a transcript in one format → replies: what each line is, and whose session it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from logscan.replies import reply_line
from logscan.transcripts.dialogue import Session
from logscan.transcripts.escapes import unescape
from logscan.transcripts.formats import TranscriptFormat
from logscan.transcripts.frames import make_frame
from logscan.transcripts.groups import Groups, Peer, peer_from, told_command, told_direction, told_reply
from logscan.transcripts.lines import Line, Unfolder
from logscan.transcripts.speakers import Speakers
from logscan.transcripts.tracks import CLIENT, SERVER, ErrorLines, Found, Replay, Track, Tracks
from logscan.transcripts.verbs import is_command

_Handler = Callable[[re.Match[str], int, str | None], list[Found]]


class Conversation:
    """Reads lines of one format."""

    def __init__(self, form: TranscriptFormat, read_time: Callable[[str], datetime | None]) -> None:
        """``read_time`` turns the format's stamps into times."""
        self.form = form
        self._read_time = read_time
        self._speakers = Speakers(form)
        self._frame = make_frame(form.frame, form.columns) if form.columns is not None else None
        self._tracks = Tracks(self._speakers.new_track)
        self._muted = False
        self._replay = Replay()
        self._unfolder = Unfolder()
        self._error_lines = ErrorLines()
        self._rules = self._make_rules()
        self.used: set[re.Pattern[str]] = set()
        """The patterns that took a line so far."""
        self.understood = self.certain = False
        """Whether the last line was understood, and whether it bore the format's own marks."""

    def _make_rules(self) -> list[tuple[re.Pattern[str], _Handler]]:
        """The patterns in the order in which they are tried, with what they mean."""
        form = self.form
        kinds: Sequence[tuple[Sequence[re.Pattern[str]], _Handler]] = (
            (form.quiet, self._mute),
            (form.opens, self._open),
            (form.closes, self._close),
            (form.record, self._record),
            (form.skip, self._note),
            (form.unsent, self._unsent),
            (form.replay, self._announce_replay),
            (form.server, lambda match, number, key: self._marked(SERVER, match, number, key)),
            (form.client, lambda match, number, key: self._marked(CLIENT, match, number, key)),
            (form.either, self._packet),
            (form.copies, self._copy),
        )
        return [(pattern, handler) for patterns, handler in kinds for pattern in patterns]

    # ------------------------------------------------------------------ one line

    @property
    def answered(self) -> int:
        """How many replies the dialogue itself showed so far."""
        return self._speakers.answered

    @property
    def broken_off(self) -> int:
        """How many replies ended before their last line."""
        return self._speakers.broken_off

    @property
    def in_body(self) -> bool:
        """Whether the line that comes next belongs to a message, whatever it looks like."""
        track = self._tracks.current
        if track is None:
            return False
        plain = self.form.body == "raw" or self.form.unmarked == "side"
        return track.octets_left > 0 or (track.session.in_data and plain)

    def line(self, line: Line) -> list[Found]:
        """Read one line; returns the replies that it completes."""
        if not self.form.unfold:
            return self._line(line)
        unfolded = self._unfolder.line(line)
        return self._line(unfolded) if unfolded is not None else []

    def _line(self, line: Line) -> list[Found]:
        self.understood = self.certain = True
        text = line.text if self._frame is None else self._frame.line(line.text)
        if text is None:
            self.understood = self.certain = False
            return []
        text, key = self._unprefix(text)
        line = Line(line.number, text)
        track = self._tracks.at(key)
        if track is not None and track.octets_left > 0:
            return self._block(track, line)
        if track is not None and self.form.body == "raw" and track.session.in_data and track.session.spoken:
            return self._body(track, text)
        muted = self._muted and not self._ends_mute(text)
        for pattern, handler in self._rules[: len(self.form.quiet)] if muted else self._rules:
            match = pattern.match(text)
            if match is not None:
                self.used.add(pattern)
                return handler(match, line.number, key)
        return [] if muted else self._unmarked(line, track, key)

    def _unprefix(self, text: str) -> tuple[str, str | None]:
        prefix = self.form.prefix
        match = prefix.match(text) if prefix is not None else None
        if match is None:
            return text, None
        groups = match.groupdict()
        self._note_time(groups)
        return text[match.end() :], groups.get("session")

    def _note_time(self, groups: Groups) -> None:
        stamp = groups.get("time")
        if stamp:
            self._speakers.time = self._read_time(stamp)

    def _block(self, track: Track, line: Line) -> list[Found]:
        """A line inside a block whose length was announced."""
        shown = unescape(line.text, self.form.escapes)
        track.octets_left -= len((shown[0] if shown else "").encode("utf-8", "replace")) + 2
        return self._speakers.speak(track, track.side or CLIENT, line)

    def _body(self, track: Track, text: str) -> list[Found]:
        """A line of a message that may look like anything; the client's mark may stand before it."""
        for pattern in self.form.client:
            match = pattern.match(text)
            if match is not None:
                text = match["text"] or ""
                break
        for inner in unescape(text, self.form.escapes):
            track.session.client(inner)
        return []

    # ------------------------------------------------------------------ sessions

    def _track_of(self, groups: Groups, key: str | None) -> Track:
        """The session of a line, with what the line tells about it."""
        track = self._tracks.speaking(groups.get("session") or key)
        track.direction = told_direction(groups) or track.direction
        track.peer = peer_from(groups) or track.peer
        self._note_time(groups)
        return track

    def _open(self, match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        groups = match.groupdict()
        old = self._tracks.end(groups.get("session") or key)
        found = self._speakers.finish(old) if old is not None else []
        self._track_of(groups, key).fresh = self.form.starts != "opens"
        return found

    def _close(self, match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        key = match.groupdict().get("session") or key
        track = self._tracks.at(key)
        if track is None:
            return []
        self._tracks.end(track.key)
        return self._speakers.finish(track)

    # ------------------------------------------------------------------ kinds of lines

    def _mute(self, match: re.Match[str], number: int, key: str | None) -> list[Found]:
        """The tool begins a stack trace, which may repeat a reply."""
        self._muted = True
        return self._copy(match, number, key)

    def _ends_mute(self, text: str) -> bool:
        """Whether the tool speaks on after a stack trace."""
        patterns = (*self.form.skip, *self.form.client)
        self._muted = not (is_command(text) or any(pattern.match(text) for pattern in patterns))
        return not self._muted

    def _note(self, _match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        """The tool speaks itself: unmarked lines after it are not the last speaker's."""
        track = self._tracks.at(key)
        if track is not None and not self.form.row_length:
            track.side = None
            track.session.drop_tentative()
        return []

    def _unsent(self, *_: object) -> list[Found]:
        if self._tracks.current is not None:
            self._tracks.current.session.drop_last()
        return []

    def _announce_replay(self, *_: object) -> list[Found]:
        self._replay.begin()
        return []

    def _record(self, match: re.Match[str], number: int, key: str | None) -> list[Found]:
        """A record that shows a command together with its reply."""
        groups = match.groupdict()
        track = self._track_of(groups, key)
        if groups.get("command"):
            track.session.client((groups["command"] or "").strip())
        reply = told_reply(groups, self.form.escapes)
        if reply.code is None:
            return []
        answer = track.session.answer(number, reply)
        shown = answer.command if groups.get("command") or answer.command != "CONNECT" else None
        answer = replace(
            answer,
            command=told_command(groups) or shown,
            sender=groups["from"] if groups.get("from") is not None else answer.sender,
            recipient=groups.get("to") or answer.recipient,
        )
        return [self._speakers.found(track, answer)]

    def _copy(self, match: re.Match[str], number: int, key: str | None) -> list[Found]:
        """Keep what repeats a reply, for the case that the dialogue itself does not show it."""
        groups = match.groupdict()
        reply = told_reply(groups, self.form.escapes)
        if reply.code is not None:
            session = Session()
            command = groups.get("command") or ""
            if is_command(command):
                session.client(command)
            answer = session.answer(number, reply)
            answer = replace(answer, command=told_command(groups) or answer.command)
            direction = self._speakers.direction(None)
            found = Found(answer, key, direction, Peer(), self._speakers.time, "error-line")
            self._error_lines.keep(match.re, found)
        return []

    def _packet(self, match: re.Match[str], number: int, _key: str | None) -> list[Found]:
        """A packet that names where it comes from and where it goes."""
        ends = sorted((match["from"], match["to"]))
        return self._marked(CLIENT if match["from"] == ends[0] else SERVER, match, number, "-".join(ends))

    def _marked(self, mark: int, match: re.Match[str], number: int, key: str | None) -> list[Found]:
        """A line with the client's or the server's mark."""
        if self.form.replay and self._replay.is_copy(match[0]):
            return []
        groups = match.groupdict()
        track = self._track_of(groups, key)
        track.side = mark
        length, code, text = groups.get("length"), groups.get("code"), groups.get("text")
        if length:
            track.octets_left = min(int(length[:9]), 1 << 30)
        if text is None:
            if mark == CLIENT and (hidden := told_command(groups)) is not None:
                return self._speakers.say(track, mark, [Line(number, hidden)])
            return []
        if code:  # a whole reply whose codes the tool took away
            *most, last = unescape(text, self.form.escapes)
            lines = [*(f"{code}-{one}" for one in most), f"{code} {last}"]
            return self._speakers.say(track, mark, [Line(number, one) for one in lines])
        return self._speakers.speak(track, mark, Line(number, text))

    def _unmarked(self, line: Line, track: Track | None, key: str | None) -> list[Found]:
        """A line without any mark."""
        form, text = self.form, line.text
        stripped = text.strip()
        self.understood, self.certain = not stripped, False
        if form.unmarked == "dialogue":
            return self._plain(line, track, key)
        if track is None or form.unmarked == "ignored" or self._replay.active:
            return []
        if form.wrap is not None:
            match = form.wrap.match(text)
            if match is None:
                return [] if track.waiting else self._speakers.settle(track)
            self.understood = track.session.wrap(line.number, match["text"])
            return []
        if form.unmarked == "text":
            self.understood = bool(stripped) and track.session.wrap(line.number, stripped)
            return []
        if form.unmarked == "side" and track.side is not None:
            if not (form.row_length or stripped or (track.side == CLIENT and track.session.in_data)):
                return []
            self.understood = True
            return self._speakers.speak(track, track.side, line)
        found = self._speakers.go_on(track, Line(line.number, stripped))
        self.understood = self.understood or found is not None
        return found or []

    def _plain(self, line: Line, track: Track | None, key: str | None) -> list[Found]:
        """A line of a dialogue without marks: codes are the server's, the rest may be the client's."""
        text = line.text
        if not text.strip() and not (track is not None and track.session.in_data):
            return []
        side = SERVER if reply_line(text) is not None else CLIENT
        known = is_command(text)
        self.understood = side == SERVER or known or self.in_body
        return self._speakers.say(self._tracks.speaking(key), side, [line], tentative=not known)

    # ------------------------------------------------------------------ the end

    def evict(self) -> Iterator[Found]:
        """Finish the sessions that have been idle longest, so that memory stays bounded."""
        for track in self._tracks.end_idle():
            yield from self._speakers.finish(track)

    def finish(self) -> Iterator[Found]:
        """The transcript ends: complete what is open; error lines tell of codes that the dialogue did not show."""
        if (last := self._unfolder.rest()) is not None:
            yield from self._line(last)
        for track in self._tracks.end_all():
            yield from self._speakers.finish(track)
        for found in self._error_lines.distinct():
            if found.answer.reply.code not in self._speakers.codes:
                yield found

    @property
    def secrets(self) -> set[str]:
        """What clients sent to log in, once the transcript is finished."""
        return self._speakers.secrets
