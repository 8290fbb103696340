"""Where schedules are installed, and the service manager that has to know about it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from logscan.atomic import replacing
from logscan.errors import LogscanError, UsageError

SYSTEM_UNITS = Path("/etc/systemd/system")
CRON_ENTRY = Path("/etc/cron.d/logscan-mail")

#: Exists if and only if systemd is the service manager, see sd_booted(3).
BOOTED = Path("/run/systemd/system")

SERVICE = "logscan-mail.service"
TIMER = "logscan-mail.timer"

#: A file without it was written by somebody else.
_MARK = b'# Written by "logscan schedule install"'


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom it is installed: this machine (``is_system``) or the user; ``units`` is the folder of units."""

    is_system: bool

    @property
    def units(self) -> Path:
        """The folder of its units."""
        if self.is_system:
            return SYSTEM_UNITS
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(home) / "systemd" / "user"

    def installed(self) -> list[Path]:
        """Its files that exist and that logscan has written."""
        files = [self.units / SERVICE, self.units / TIMER, *([CRON_ENTRY] if self.is_system else [])]
        return [path for path in files if path.exists() and _is_ours(path)]

    def require_rights(self) -> None:
        """Raise UsageError if this user may not change it."""
        if self.is_system and os.geteuid() != 0:
            raise UsageError("a schedule for the machine needs root: call it with sudo, or with --user")

    def write(self, files: Mapping[Path, str]) -> list[Path]:
        """Write what is not there already, and return those paths; raises UsageError for others' files."""
        for path in files:
            if path.exists() and not _is_ours(path):
                raise UsageError(f"{path}: was not written by logscan; move it away first")
        changed = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
        for path in changed:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"{path.parent}: cannot be made: {error.strerror}") from error
            with replacing(path) as stream:
                stream.write(files[path].encode())
        return changed

    def remove(self, files: Iterable[Path]) -> None:
        """Stop the timer if it is among ``files``, and remove them."""
        files = list(files)
        timer = self.units / TIMER
        if timer in files and BOOTED.exists():
            self._systemctl("disable", "--now", TIMER)
        for path in files:
            path.unlink()
        if timer in files:
            # Left over where systemctl could not be called.
            (self.units / "timers.target.wants" / TIMER).unlink(missing_ok=True)
            if BOOTED.exists():
                self._systemctl("daemon-reload")

    def start_timer(self) -> Iterator[str]:
        """Have the service manager start the timer; yields what is left to the user."""
        commands = (("daemon-reload",), ("enable", "--now", TIMER))
        if BOOTED.exists() and shutil.which("systemctl"):
            for command in commands:
                self._systemctl(*command)
        else:
            by_hand = " && ".join(" ".join(self._called(*command)) for command in commands)
            yield f"systemd does not run here; where it does: {by_hand}"
        if not self.is_system:
            yield "it runs while you are logged in; after loginctl enable-linger it always does"

    def _called(self, *arguments: str) -> list[str]:
        return ["systemctl", *(() if self.is_system else ("--user",)), *arguments]

    def _systemctl(self, *arguments: str) -> None:
        command = self._called(*arguments)
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
        except OSError as error:
            raise LogscanError(f"{command[0]} does not run: {error.strerror}") from error
        if done.returncode:
            raise LogscanError(f"{' '.join(command)} failed: {' '.join(done.stderr.split())}")


def _is_ours(path: Path) -> bool:
    try:
        return path.read_bytes().startswith(_MARK)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
