"""Schedules as text: the systemd units or the cron entry that mail a report every day or week."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from string import Template

from logscan.errors import UsageError
from logscan.knowledge import load
from logscan.mailing.servers import CREDENTIAL
from logscan.terminal import sanitise

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TIME = re.compile(r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)", re.ASCII)

# Words that neither systemd nor a shell treats specially.
_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)

# Vixie's cron refuses longer commands (MAX_COMMAND).
_LONGEST_CRON_COMMAND = 998


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day, on each day or on one ``weekday`` (0 is Monday), in the machine's zone."""

    hour: int
    minute: int
    weekday: int | None = None

    @classmethod
    def of(cls, time: str, day: str | None = None) -> Time:
        """Read ``06:00``, and ``Mon`` or ``Monday``; raises UsageError for anything else."""
        if (found := _TIME.fullmatch(time)) is None:
            raise UsageError(f"{time!r} is no time of day; write it like 06:00")
        weekday = None
        if day is not None:
            names = [name for name in _DAYS if day.casefold() in (name.casefold(), name[:3].casefold())]
            if not names:
                raise UsageError(f"{day!r} is no day of the week; write it like Mon")
            weekday = _DAYS.index(names[0])
        return cls(int(found["hour"]), int(found["minute"]), weekday)

    @property
    def span(self) -> str:
        """What a report at this time is about, for ``-d``."""
        return "yesterday" if self.weekday is None else "last week"

    def in_systemd(self) -> str:
        """The time as in OnCalendar=, see systemd.time(7)."""
        day = "" if self.weekday is None else f"{_DAYS[self.weekday][:3]} "
        return f"{day}*-*-* {self.hour:02}:{self.minute:02}:00"

    def in_cron(self) -> str:
        """The time as the five fields of crontab(5), where 0 is Sunday."""
        day = "*" if self.weekday is None else str((self.weekday + 1) % 7)
        return f"{self.minute} {self.hour} * * {day}"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a service that is nobody's needs to read the logs: groups, or the right to read every file."""

    groups: tuple[str, ...] = ()
    every_file: bool = False


def service(command: Iterable[str]) -> str:
    """The service of a user, who has their own rights."""
    return _filled("service", command=" ".join(map(systemd_word, command)))


def system_service(command: Iterable[str], rights: Rights, password_file: str | None = None) -> str:
    """The service of the system, which runs as a user that exists only meanwhile.

    systemd hands it the ``password_file``, so that nobody else has to be able to read that.
    """
    words = [systemd_word(word) for word in command]
    lines = []
    if rights.groups:
        lines.append(f"SupplementaryGroups={' '.join(rights.groups)}")
    if rights.every_file:
        lines += ["# The logs are for root only.", "AmbientCapabilities=CAP_DAC_READ_SEARCH"]
    lines.append(f"CapabilityBoundingSet={'CAP_DAC_READ_SEARCH' if rights.every_file else ''}")
    if not rights.every_file:
        lines.append("PrivateUsers=yes")  # in which a capability would reach no file of others
    if password_file:
        lines.append(f"LoadCredential={CREDENTIAL}:{_plain_text(password_file).replace('%', '%%')}")
        words.append(f"--smtp-password-file=${{CREDENTIALS_DIRECTORY}}/{CREDENTIAL}")
    return _filled("service", command=" ".join(words)) + _filled("service_of_system", rights="\n".join(lines))


def timer(time: Time) -> str:
    """The timer that starts the service."""
    return _filled("timer", calendar=time.in_systemd())


def cron_entry(time: Time, command: Iterable[str]) -> str:
    """A file for /etc/cron.d; raises UsageError for what a crontab cannot carry."""
    line = " ".join(map(cron_word, command))
    if len(line) > _LONGEST_CRON_COMMAND:
        raise UsageError("the command is too long for cron; name fewer paths, as with a pattern")
    return _filled("cron", calendar=time.in_cron(), command=line)


def systemd_word(word: str) -> str:
    r"""One word of ExecStart=, see systemd.service(5): specifiers, variables and escapes mean themselves.

    >>> systemd_word("50% of $HOME")
    '"50%% of $$HOME"'
    """
    if _PLAIN.fullmatch(_plain_text(word)):
        return word
    for special, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(special, escaped)
    return f'"{word}"'


def cron_word(word: str) -> str:
    r"""One word of a crontab's command: quoted for the shell, and with % escaped, which cron looks for first.

    Raises UsageError for backslashes, which not every cron leaves alone.

    >>> cron_word("50% off")
    "'50\\% off'"
    """
    if "\\" in _plain_text(word):
        raise UsageError(f"{word!r}: cron cannot carry a backslash")
    return shlex.quote(word).replace("%", "\\%")


def _plain_text(word: str) -> str:
    """``word`` if nothing in it could end a line or hide; raises UsageError otherwise."""
    if not word or sanitise(word) != word:
        raise UsageError(f"{word!r} is empty or holds control characters; a schedule cannot carry it")
    return word


def _filled(template: str, **values: str) -> str:
    return Template(load("schedule")[template]).substitute(values)
