"""Where mail logs lie: in a folder, and on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from logscan.errors import UnreadableInput
from logscan.reading.rotation import RotatedName

# Postfix by syslog: mail.log (Debian, macOS), maillog (Red Hat, BSD), mail (SUSE); postfix.log
# perhaps with a host's name. Exim: mainlog, main.log, exim_mainlog, exim-main.log, so for reject and panic.
_MAIL_LOG = re.compile(
    r"(?:[^.].*[-_.])?(?:mail\.?log|postfix\.log)|mail|mail[-_][^.]+\.log"
    r"|(?:[^.].*[-_.]|exim4?)?(?:main|reject|panic)[-_.]?log",
    re.IGNORECASE,
)
# Debian and SUSE write the lines of these priorities to the full log as well.
_EXCERPT = re.compile(r"mail[-_.](?:info|notice|warn(?:ing)?|err(?:or)?|crit)(?:\.log)?", re.IGNORECASE)
_SUBSTITUTE = "mail.info"
_FULL_LOGS = ("mail.log", "maillog", "mail", _SUBSTITUTE)
_ANY_LOG = re.compile(r".+\.log", re.IGNORECASE)

#: Subfolders of /var/log that distributions, Exim and mail containers use.
_SUBFOLDERS = ("mail", "postfix", "exim", "exim4")

#: Where this machine's mail logs may be: syslog's folder, Exim's own (default LOG_FILE_PATH), Plesk's.
MACHINE_FOLDERS = ("/var/log", "/var/spool/exim/log", "/var/spool/exim4/log", "/usr/local/psa/var/log")

_MACHINE_ID = Path("/etc/machine-id")
_FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_HOSTNAME"
_MAIL_FACILITY = "SYSLOG_FACILITY=2"  # RFC 5424 section 6.2.1
# Without --all, messages of over 4,096 bytes come as null.
_JOURNALCTL = (
    "--output=json",
    "--all",
    f"--output-fields={_FIELDS}",
    "--no-pager",
    "--quiet",
    _MAIL_FACILITY,
)


def mail_logs(folder: str) -> list[str]:
    """Return the mail logs in a folder: by their names, else mail.info, else every *.log; rotated ones too.

    Raises OSError if the folder cannot be listed.
    """
    return _named_as_mail_logs(folder) or _matching(folder, _ANY_LOG)


def machine_logs() -> list[str]:
    """Return this machine's own mail logs; none if all are empty, as where only the journal has the lines."""
    logs = [log for folder in MACHINE_FOLDERS if _is_open(folder) for log in _named_as_mail_logs(folder)]
    return logs if any(map(os.path.getsize, logs)) else []


def closed_folders() -> list[str]:
    """Return the folders of this machine's mail logs that this user cannot list."""
    inside = [os.path.join(folder, name) for folder in MACHINE_FOLDERS for name in _SUBFOLDERS]
    return [path for path in (*MACHINE_FOLDERS, *inside) if os.path.isdir(path) and not _is_open(path)]


def journal_command() -> tuple[str, ...]:
    """Return the command that prints the journal's mail entries as JSON.

    Raises UnreadableInput, which says why, if it would print none.
    """
    program = shutil.which("journalctl")
    if program is None:
        raise UnreadableInput("journalctl is not installed")
    command = (program, *_JOURNALCTL)
    newest = subprocess.run((*command, "--lines=1"), capture_output=True, check=False)  # noqa: S603 - no shell
    if newest.stdout.strip():
        return command
    if said := newest.stderr.decode(errors="replace").strip():
        raise UnreadableInput(f"journalctl: {said.splitlines()[0]}")
    if os.geteuid():
        raise UnreadableInput(
            "no mail entries that this user may read; root and the groups systemd-journal and adm may read all"
        )
    raise UnreadableInput("no mail entries")


def machine_id() -> str:
    """Return the id of this machine, whose journal journalctl prints (machine-id(5)); empty if it has none."""
    try:
        return _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def full_log(log: str, logs: Collection[str]) -> str | None:
    """Return the one of `logs` that has every line of `log` too: mail.log for mail.err of the same folder."""
    folder, name = os.path.split(log)
    if not _EXCERPT.fullmatch(name):
        return None
    candidates = (os.path.join(folder, full) for full in _FULL_LOGS)
    return next((full for full in candidates if full in logs and full != log), None)


def _named_as_mail_logs(folder: str) -> list[str]:
    logs = _matching(folder, _MAIL_LOG) or _matching(folder, re.compile(re.escape(_SUBSTITUTE)))
    for subfolder in _SUBFOLDERS:
        path = os.path.join(folder, subfolder)
        if _is_open(path):
            logs += _matching(path, _MAIL_LOG)
    return logs


def _is_open(folder: str) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)


def _matching(folder: str, pattern: re.Pattern[str]) -> list[str]:
    """Return the files in the folder that are, or are rotated from, a log of a matching name."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        log = os.path.basename(RotatedName.of(path).log)
        if pattern.fullmatch(log) and os.path.isfile(path):
            found.append(path)
    return found
