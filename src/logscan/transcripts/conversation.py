"""The lines of a transcript in one format → replies: what each line is, and whose session it belongs to."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from logscan.replies import Reply, reply_line, split_reply
from logscan.transcripts.dialogue import Session, is_command
from logscan.transcripts.escapes import unescape
from logscan.transcripts.formats import TranscriptFormat
from logscan.transcripts.frames import FieldsFrame, JsonFrame
from logscan.transcripts.lines import Line
from logscan.transcripts.speakers import Speakers
from logscan.transcripts.tracks import CLIENT, SERVER, Found, Peer, Replay, Track, peer_from

#: Sessions kept open at once, error lines kept, and characters kept of a folded line.
_MOST_SESSIONS = 20_000
_MOST_COPIES = 10_000
_LONGEST_FOLD = 1 << 16

_Handler = Callable[[re.Match[str], int, str | None], list[Found]]


class Conversation:
    """Reads lines of one format."""

    def __init__(self, form: TranscriptFormat, read_time: Callable[[str], datetime | None]) -> None:
        """``read_time`` turns the format's stamps into times."""
        self.form = form
        self._read_time = read_time
        self._speakers = Speakers(form)
        self._frame = _make_frame(form)
        self._tracks: OrderedDict[str | None, Track] = OrderedDict()
        self._current: Track | None = None
        self._muted = False
        self._replay = Replay()
        self._folded: Line | None = None
        self._copies: list[tuple[int, Found]] = []
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
        text = line.text if self._frame is None else self._frame.line(line.text)
        if text is None:
            self.understood = self.certain = False
            return []
        text, key = self._unprefix(text)
        line = Line(line.number, text)
        track = self._tracks.get(key) if key is not None else self._current
        if track is not None and track.octets_left > 0:
            return self._block(track, line)
        if track is not None and self.form.body == "raw" and track.session.in_data and track.session.spoken:
            return self._body(track, text)
        if self._muted and not self._ends_mute(text):
            return []
        for pattern, handler in self._rules:
            match = pattern.match(text)
            if match is not None:
                self.used.add(pattern)
                return handler(match, line.number, key)
        return self._unmarked(line, track, key)

    def _unprefix(self, text: str) -> tuple[str, str | None]:
        prefix = self.form.prefix
        match = prefix.match(text) if prefix is not None else None
        if match is None:
            return text, None
        groups = match.groupdict()
        self._note_time(groups)
        return text[match.end() :], groups.get("session")

    def _note_time(self, groups: Mapping[str, str | None]) -> None:
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

    def _track(self, key: str | None) -> Track:
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = self._speakers.new_track(key)
        self._tracks.move_to_end(key)
        self._current = track
        return track

    def _track_of(self, groups: Mapping[str, str | None], key: str | None) -> Track:
        """The session of a line, with what the line tells about it."""
        track = self._track(groups.get("session") or key)
        track.direction = _told_direction(groups) or track.direction
        track.peer = peer_from(groups) or track.peer
        self._note_time(groups)
        return track

    def _open(self, match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        groups = match.groupdict()
        old = self._tracks.pop(groups.get("session") or key, None)
        found = self._speakers.finish(old) if old is not None else []
        self._track_of(groups, key).fresh = self.form.starts != "opens"
        return found

    def _close(self, match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        key = match.groupdict().get("session") or key
        track = self._tracks.get(key) if key is not None else self._current
        if track is None:
            return []
        self._tracks.pop(track.key, None)
        if track is self._current:
            self._current = None
        return self._speakers.finish(track)

    # ------------------------------------------------------------------ kinds of lines

    def _mute(self, *_: object) -> list[Found]:
        self._muted = True
        return []

    def _ends_mute(self, text: str) -> bool:
        """Whether the tool speaks on after a stack trace."""
        patterns = (*self.form.skip, *self.form.client)
        self._muted = not (is_command(text) or any(pattern.match(text) for pattern in patterns))
        return not self._muted

    def _note(self, _match: re.Match[str], _number: int, key: str | None) -> list[Found]:
        """The tool speaks itself: unmarked lines after it are not the last speaker's."""
        track = self._tracks.get(key) if key is not None else self._current
        if track is not None and not self.form.row_length:
            track.side = None
            track.session.drop_tentative()
        return []

    def _unsent(self, *_: object) -> list[Found]:
        if self._current is not None:
            self._current.session.drop_last()
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
        reply = self._reply(groups)
        if reply.code is None:
            return []
        answer = track.session.answer(number, reply)
        shown = answer.command if groups.get("command") or answer.command != "CONNECT" else None
        answer = replace(
            answer,
            command=_told_command(groups) or shown,
            sender=groups["from"] if groups.get("from") is not None else answer.sender,
            recipient=groups.get("to") or answer.recipient,
        )
        return [self._speakers.found(track, answer)]

    def _reply(self, groups: Mapping[str, str | None]) -> Reply:
        text = "\n".join(unescape(groups.get("text") or "", self.form.escapes))
        return split_reply(f"{groups['code']} {text}" if groups.get("code") else text)

    def _copy(self, match: re.Match[str], number: int, key: str | None) -> list[Found]:
        """Keep what repeats a reply, for the case that the dialogue itself is not shown."""
        groups = match.groupdict()
        reply = self._reply(groups)
        if reply.code is not None and len(self._copies) < _MOST_COPIES:
            session = Session()
            command = groups.get("command") or ""
            if is_command(command):
                session.client(command)
            answer = session.answer(number, reply)
            answer = replace(answer, command=_told_command(groups) or answer.command)
            direction = self._speakers.direction(None)
            found = Found(answer, key, direction, Peer(), self._speakers.time, "error-line")
            self._copies.append((self.form.copies.index(match.re), found))
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
        return self._continuation(track, Line(line.number, stripped))

    def _plain(self, line: Line, track: Track | None, key: str | None) -> list[Found]:
        """A line of a dialogue without marks: codes are the server's, the rest may be the client's."""
        text = line.text
        if not text.strip() and not (track is not None and track.session.in_data):
            return []
        side = SERVER if reply_line(text) is not None else CLIENT
        known = is_command(text)
        self.understood = side == SERVER or known or self.in_body
        return self._speakers.say(self._track(key), side, [line], tentative=not known)

    def _continuation(self, track: Track, line: Line) -> list[Found]:
        """A line without mark that goes on with a multi-line reply."""
        if track.waiting:
            side, text = track.waiting[-1][0], track.waiting[-1][1].text
            last = reply_line(text)
            code = last.code if last is not None and not last.last else None
        else:
            side, code = CLIENT if track.swapped else SERVER, track.session.reply_open
        new = reply_line(line.text)
        if code is None or new is None or new.code != code:
            return []
        self.understood = True
        return self._speakers.say(track, side, [line])

    # ------------------------------------------------------------------ the end

    def evict(self) -> Iterator[Found]:
        """Finish the sessions that have been idle longest, so that memory stays bounded."""
        while len(self._tracks) > _MOST_SESSIONS:
            _, track = self._tracks.popitem(last=False)
            yield from self._speakers.finish(track)

    def finish(self) -> Iterator[Found]:
        """The transcript ends: complete what is open; error lines count if there was no dialogue."""
        if self._folded is not None:
            yield from self._line(self._folded)
            self._folded = None
        for track in self._tracks.values():
            yield from self._speakers.finish(track)
        self._tracks.clear()
        self._current = None
        if not self.answered:
            yield from _distinct(self._copies)
        self._copies = []

    @property
    def secrets(self) -> set[str]:
        """What clients sent to log in, once the transcript is finished."""
        return self._speakers.secrets


def _make_frame(form: TranscriptFormat) -> FieldsFrame | JsonFrame | None:
    if form.columns is None:
        return None
    return JsonFrame(form.columns) if form.frame == "json" else FieldsFrame(form.columns)


def _told_direction(groups: Mapping[str, str | None]) -> str | None:
    """The direction that a pattern tells by a group ``received`` or ``sent``."""
    if groups.get("received") is not None:
        return "inbound"
    return "outbound" if groups.get("sent") is not None else None


def _told_command(groups: Mapping[str, str | None]) -> str | None:
    """A command that a pattern names by a group in capitals, such as ``(?P<RCPT>…)``."""
    return next((name for name, value in groups.items() if name.isupper() and value is not None), None)


def _distinct(copies: Sequence[tuple[int, Found]]) -> Iterator[Found]:
    """Error lines, each reply once: the same words from two kinds of lines are one reply."""
    kind: dict[tuple[int | None, str], int] = {}
    for pattern, found in copies:
        key = (found.answer.reply.code, found.answer.reply.text)
        if kind.setdefault(key, pattern) == pattern:
            yield found
