"""The doctor command: whether a report would work here, and what to do if not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap

from rich.filesize import decimal

from logscan import __version__
from logscan.access import rights_for
from logscan.commands.installation import BOOTED, CRON_ENTRY, Scope
from logscan.commands.output import ascii_only, show
from logscan.detection import named_parser
from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput
from logscan.examination import Examined, examine
from logscan.logs.timestamps import zone_name
from logscan.mailing.sending import sendmail_program
from logscan.reading.places import closed_folders
from logscan.reading.sources import find_sources
from logscan.rendering.phrases import duration, listed, plural
from logscan.settings import Settings, candidates, load
from logscan.terminal import Line, columns, drawn, sanitise, to_ascii, wants_color

_WIDEST = 80
_WORD = 10  # columns of the words that entries begin with
_DETAIL = " " * (_WORD + 4)
_GOOD, _BAD, _DOUBTFUL = "green", "bold red", "yellow"


def run(paths: Sequence[str], named: str | None) -> int:
    """Print what was found; return the exit status that a report would have."""
    examination = _Examination(paths, named)
    lines = list(examination.lines())
    if ascii_only():
        lines = [[(to_ascii(text), style) for text, style in line] for line in lines]
    show(drawn(lines, color=wants_color(sys.stdout)))
    return examination.status


class _Examination:
    """One look at this machine; ``status`` holds once ``lines`` has ended."""

    def __init__(self, paths: Sequence[str], named: str | None) -> None:
        self._named = named
        self._settings = Settings()
        self._misconfigured: LogscanError | None = None
        self._broken_parser: LogscanError | None = None
        try:
            self._settings = load(named)
        except LogscanError as error:
            self._misconfigured = error
        configured = self._settings.section()
        self._zone: str | None = configured.get("tz")
        self._parser: str | None = configured.get("parser")
        self._paths = list(paths) or configured.get("paths", [])
        self._whose = "named" if paths else "configured" if self._paths else "of this machine"
        self._logs: list[Examined] = []

    def lines(self) -> Iterator[Line]:
        """All sections."""
        yield [(f"logscan {__version__}", "bold"), (f" · Python {platform.python_version()}", "")]
        yield from _text(
            f"pyarrow {version('pyarrow')} · pandas {version('pandas')} · {platform.platform()}", indent=""
        )
        for title, section in (
            (f"Logs {self._whose}", self._of_logs),
            ("Time zone", self._of_zone),
            ("Configuration", self._of_configuration),
            ("Programs", self._of_programs),
            ("Schedule", self._of_schedule),
        ):
            yield []
            yield [(title, "bold")]
            yield from section()
        yield []
        yield from self._verdict()

    @property
    def status(self) -> int:
        """0 if a report would work."""
        if failure := self._misconfigured or self._broken_parser:
            return failure.exit_status
        if any(log.parser for log in self._logs):
            return 0
        readable = any(log.error is None for log in self._logs)
        return (NothingUnderstood if readable else UnreadableInput).exit_status

    def _of_logs(self) -> Iterator[Line]:
        try:
            forced = named_parser(self._parser) if self._parser else None
            self._logs = examine(find_sources(self._paths), forced)
        except UnreadableInput as error:
            yield from _entry("none", _BAD, str(error))
        except LogscanError as error:
            self._broken_parser = error
            yield from _entry("wrong", _BAD, str(error))
        for log in self._logs:
            yield from _log(log)
        if not self._paths:
            for folder in closed_folders():
                yield from _entry("closed", _DOUBTFUL, f"{folder}: {_who_may_list(folder)}")

    def _of_zone(self) -> Iterator[Line]:
        zone = zone_name(self._zone)
        origin = f"by {self._settings.origins['tz']}" if self._zone else "this machine's"
        yield from _text(f"Stamps without a zone are read in {zone} ({origin}); --tz says otherwise.")

    def _of_configuration(self) -> Iterator[Line]:
        if self._misconfigured:
            yield from _entry("wrong", _BAD, str(self._misconfigured))
        for path in candidates(self._named):
            keys = [key for key, origin in self._settings.origins.items() if origin == path]
            if self._misconfigured and os.path.exists(path):
                yield from _entry("there", "", str(path))
            elif os.path.exists(path):
                yield from _entry("read", _GOOD, f"{path}: {', '.join(keys) or 'nothing is set that holds'}")
            else:
                yield from _entry("none", "", str(path))

    def _of_programs(self) -> Iterator[Line]:
        for name, found, without in (
            ("sendmail", sendmail_program(), "not installed; to mail the report, use --smtp HOST"),
            ("journalctl", shutil.which("journalctl"), "not installed; the journal cannot be read"),
            ("systemd", "runs" if BOOTED.exists() else None, "does not run; schedule with --cron"),
        ):
            yield from _entry(name, _GOOD if found else _DOUBTFUL, found or without)

    def _of_schedule(self) -> Iterator[Line]:
        installed = [path for scope in (Scope(True), Scope(False)) for path in scope.installed()]
        for path in installed:
            yield from _entry("file", _GOOD, str(path))
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith(("OnCalendar=", "ExecStart=")) or (path == CRON_ENTRY and line[:1] != "#"):
                    yield from _text(line, _DETAIL)
        if not installed:
            command = "logscan schedule install --daily 06:00 --to ADDR"
            yield from _text(
                f"Nothing is installed. {command} would have the report mailed by {self._would_be()}."
            )

    def _would_be(self) -> str:
        if not BOOTED.exists():
            return f"{CRON_ENTRY}, with --cron and as root"
        if os.geteuid():
            return "a timer of yours, which runs while you are logged in"
        rights = rights_for(self._paths, set(self._settings.origins.values()))
        if rights.every_file:
            return "a timer of this machine, which may read every file"
        groups = f", a member of {' and '.join(rights.groups)}" if rights.groups else ""
        return f"a timer of this machine, as a user of its own{groups}"

    def _verdict(self) -> Iterator[Line]:
        """Whether a report would work."""
        files = sum(len(log.names) for log in self._logs)
        good = sum(len(log.names) for log in self._logs if log.parser)
        if self.status == 0:
            some = f"{good} of {plural(files, 'log')}" if good < files else plural(good, "log")
            yield [("A report works", _GOOD), (f": it reads {some}.", "")]
        else:
            yield [("A report does not work", _BAD), (f": exit status {self.status}.", "")]


def _log(log: Examined) -> Iterator[Line]:
    """What is known of one log, in two lines or more."""
    older = f" and {len(log.names) - 1} older" if len(log.names) > 1 else ""
    size = "" if log.size is None else decimal(log.size)
    age = log.modified and f"written {duration((datetime.now(UTC) - log.modified).total_seconds())} ago"
    name = f"{log.names[-1]}{older}"
    if log.error:
        yield from _entry("unreadable", _BAD, name)
        yield from _text(log.error, _DETAIL)
        return
    yield from _entry("ok" if log.parser else "unknown", _GOOD if log.parser else _DOUBTFUL, name)
    yield from _text(listed((size, age or "")), _DETAIL)
    yield from _text(f"{log.parser}: {log.reason}" if log.parser else log.reason, _DETAIL)
    for warning in log.warnings:
        yield from _text(warning, _DETAIL)


def _who_may_list(folder: str) -> str:
    """Who may look into a folder, as far as its group tells."""
    try:
        group = Path(folder).group()
    except (OSError, KeyError):
        return "cannot be listed; logs in it are not found"
    return f"cannot be listed, so logs in it are not found; join the group {group}, or be root"


def _entry(word: str, style: str, text: str) -> Iterator[Line]:
    """A line that begins with a word on its state; the rest is wrapped under itself."""
    first, *rest = _wrapped(text, _DETAIL)
    yield [("  ", ""), (word.ljust(_WORD), style), (f"  {first.lstrip()}", "")]
    yield from ([(line, "")] for line in rest)


def _text(text: str, indent: str = "  ") -> Iterator[Line]:
    yield from ([(line, "")] for line in _wrapped(text, indent))


def _wrapped(text: str, indent: str) -> list[str]:
    width = min(columns(sys.stdout), _WIDEST)
    return wrap(
        sanitise(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
