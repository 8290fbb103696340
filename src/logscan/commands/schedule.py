"""The schedule commands: mail the report every day or week, by a systemd timer or by cron."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from logscan.access import rights_for
from logscan.commands.installation import CRON_ENTRY, SERVICE, TIMER, Scope
from logscan.commands.output import show
from logscan.commands.schedule_options import ScheduleOptions
from logscan.errors import UsageError
from logscan.mailing.envelope import address
from logscan.scheduling import Time, cron_entry, service, system_service, timer
from logscan.settings import Settings, load
from logscan.terminal import sanitise

# systemd's ProtectHome= and PrivateTmp= hide them.
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  nothing is written there


def install(options: ScheduleOptions, named: str | None) -> int:
    """Write the files that are not there already, and start the timer.

    A timer takes the place of a cron entry in the same scope, and the other way round.
    """
    scope = _scope(options)
    planned = _planned(options, scope, named)
    scope.require_rights()
    written = scope.write(planned)
    stale = [path for path in scope.installed() if path not in planned]
    scope.remove(stale)
    for verb, paths in ("written", written), ("removed", stale):
        for path in paths:
            _line(f"{verb}: {path}")
    if not written and not stale:
        _line("nothing changed")
    if not options.cron:
        for hint in scope.start_timer():
            _line(hint)
    return 0


def show_files(options: ScheduleOptions, named: str | None) -> int:
    """Print what would be installed, or without a time what is."""
    if options.daily or options.weekly:
        planned = _planned(options, _scope(options), named)
    else:
        scopes = [Scope(True), Scope(False)] if options.system is None else [Scope(options.system)]
        planned = {path: path.read_text() for scope in scopes for path in scope.installed()}
        if not planned:
            _line("nothing is installed; with --daily or --weekly this shows what would be")
    for path, text in planned.items():
        _line(f"# {path}")
        for line in text.splitlines():
            _line(line)
        _line("")
    return 0


def remove(system: bool | None) -> int:
    """Remove what install has written."""
    scope = _scope(ScheduleOptions(system=system))
    if not (files := scope.installed()):
        _line("nothing is installed")
        return 0
    scope.require_rights()
    scope.remove(files)
    for path in files:
        _line(f"removed: {path}")
    return 0


def _scope(options: ScheduleOptions) -> Scope:
    if options.cron and options.system is False:
        raise UsageError("--cron goes without --user: /etc/cron.d is the machine's")
    return Scope(options.cron or os.geteuid() == 0 if options.system is None else options.system)


def _planned(options: ScheduleOptions, scope: Scope, named: str | None) -> dict[Path, str]:
    """The files that the options ask for."""
    time = _time(options)
    as_service = scope.is_system and not options.cron
    settings = load(named, user=not as_service)
    mail = settings.section("mail")
    if not options.to and "to" not in mail:
        raise UsageError("nobody to send it to: say --to ADDR, or configure mail.to")
    command = [*_called(named), "mail", "-d", time.span, *(f"--to={address(to)}" for to in options.to or ())]
    if options.only_if_flagged:
        command.append("--only-if-flagged")
    if not options.cron and "smtp" not in mail:
        # A service without privileges cannot use the sendmail command, which is setuid or setgid.
        command += ["--smtp=localhost", "--smtp-security=none"]
    paths = [_absolute(path) for path in options.paths or ()]
    command += paths
    if options.cron:
        return {CRON_ENTRY: cron_entry(time, command)}
    if as_service:
        text = _system_service(command, paths or settings.section().get("paths", []), settings)
    else:
        text = service(command)
    return {scope.units / SERVICE: text, scope.units / TIMER: timer(time)}


def _system_service(command: list[str], logs: list[str], settings: Settings) -> str:
    files = sorted(set(settings.origins.values()))
    needed: list[str | Path] = [command[0], sys.prefix, sys.base_prefix, *logs, *files]
    for path in needed:
        if any(Path(path).is_relative_to(hidden) for hidden in HIDDEN):
            raise UsageError(
                f"{path} is in a folder of which services of the system see nothing; use --user or --cron"
            )
    return system_service(
        command, rights_for(logs, files), settings.section("mail").get("smtp_password_file")
    )


def _time(options: ScheduleOptions) -> Time:
    if options.daily and options.weekly:
        raise UsageError("--daily goes without --weekly")
    if options.weekly:
        day, time = options.weekly
        return Time.of(time, day)
    if options.daily:
        return Time.of(options.daily)
    raise UsageError("say when: --daily 06:00, or --weekly Mon 06:00")


def _called(named: str | None) -> Iterable[str]:
    """This logscan, wherever it is started, with the configuration file that it was started with."""
    beside = Path(sysconfig.get_path("scripts")) / "logscan"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("logscan")
    if found is None:
        raise UsageError(f"there is no logscan command in {beside.parent} or on the PATH")
    yield os.path.abspath(found)
    if named:
        yield f"--config={_absolute(named)}"


def _absolute(path: str) -> str:
    if path == "-":
        raise UsageError("a schedule has no standard input to read")
    return os.path.join(os.getcwd(), os.path.expanduser(path))


def _line(text: str) -> None:
    show(f"{sanitise(text)}\n")
