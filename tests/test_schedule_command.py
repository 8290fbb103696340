"""A schedule is installed once and whole, shown, and taken away again; nothing here touches the machine."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from logscan import access, settings
from logscan.cli import run
from logscan.commands import installation, schedule

REFUSAL = "mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>"
DAILY = ["--daily", "06:00", "--to", "postmaster@example.org"]


@dataclass
class Machine:
    """Folders and the service manager of a machine that exists only in a test."""

    root: Path
    calls: list[list[str]] = field(default_factory=list)
    failure: str = ""

    @property
    def units(self) -> Path:
        return self.root / "units"

    @property
    def user_units(self) -> Path:
        return self.root / "home" / ".config" / "systemd" / "user"

    @property
    def cron(self) -> Path:
        return self.root / "cron.d" / "logscan-mail"

    def boot(self) -> None:
        (self.root / "booted").mkdir()

    def systemctl(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        return subprocess.CompletedProcess(command, bool(self.failure), "", self.failure)

    def files(self) -> list[str]:
        folders = (self.units, self.user_units, self.cron.parent)
        return sorted(str(path.relative_to(self.root)) for folder in folders for path in folder.rglob("*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setattr(installation, "SYSTEM_UNITS", made.units)
    monkeypatch.setattr(installation, "CRON_ENTRY", made.cron)
    monkeypatch.setattr(schedule, "CRON_ENTRY", made.cron)
    monkeypatch.setattr(installation, "BOOTED", tmp_path / "booted")
    # Not the modules themselves, which plots use too.
    monkeypatch.setattr(installation, "subprocess", SimpleNamespace(run=made.systemctl))
    which = SimpleNamespace(which=lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(installation, "shutil", which)
    monkeypatch.setattr(schedule, "shutil", which)
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "etc" / "logscan.toml")
    monkeypatch.setattr(schedule, "HIDDEN", (str(tmp_path / "home"),))
    monkeypatch.setattr(schedule, "rights_for", lambda logs, others: schedule_rights)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    monkeypatch.delenv("LOGSCAN_CONFIG", raising=False)
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "logscan").touch(0o755)
    monkeypatch.setattr(schedule.sysconfig, "get_path", lambda name: str(scripts))
    return made


schedule_rights = access.Rights(groups=("adm",))


def configure(machine: Machine, text: str) -> None:
    path = machine.root / "etc" / "logscan.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def command_in(unit: Path) -> str:
    (line,) = (line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    return line.removeprefix("ExecStart=")


# ---- install


def test_root_installs_a_service_and_a_timer_and_starts_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.boot()
    assert run(["schedule", "install", *DAILY, "--only-if-flagged", "/var/log/mail.log*"]) == 0
    service, timer = machine.units / "logscan-mail.service", machine.units / "logscan-mail.timer"
    assert command_in(service) == (
        f"{machine.root}/bin/logscan mail -d yesterday --to=postmaster@example.org --only-if-flagged"
        ' --smtp=localhost --smtp-security=none "/var/log/mail.log*"'
    )
    assert "SupplementaryGroups=adm\n" in service.read_text()
    assert "OnCalendar=*-*-* 06:00:00\n" in timer.read_text()
    assert machine.calls == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "--now", "logscan-mail.timer"],
    ]
    assert capsys.readouterr().out == f"written: {service}\nwritten: {timer}\n"


def test_a_second_install_changes_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.boot()
    assert run(["schedule", "install", *DAILY]) == 0
    before = [path.stat().st_mtime_ns for path in sorted(machine.units.iterdir())]
    capsys.readouterr()
    assert run(["schedule", "install", *DAILY]) == 0
    assert capsys.readouterr().out == "nothing changed\n"
    assert [path.stat().st_mtime_ns for path in sorted(machine.units.iterdir())] == before


def test_another_time_replaces_only_the_timer(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.boot()
    assert run(["schedule", "install", *DAILY]) == 0
    capsys.readouterr()
    assert run(["schedule", "install", *DAILY, "--daily", "07:30"]) == 0
    assert capsys.readouterr().out == f"written: {machine.units}/logscan-mail.timer\n"


def test_weekly_is_about_last_week(machine: Machine) -> None:
    assert run(["schedule", "install", "--weekly", "Mon", "06:00", "--to", "root"]) == 0
    assert ' mail -d "last week" --to=root ' in command_in(machine.units / "logscan-mail.service")
    assert "OnCalendar=Mon *-*-* 06:00:00\n" in (machine.units / "logscan-mail.timer").read_text()


def test_users_install_for_themselves(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.boot()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(["schedule", "install", *DAILY]) == 0
    assert "DynamicUser" not in (machine.user_units / "logscan-mail.service").read_text()
    assert machine.calls[1] == ["systemctl", "--user", "enable", "--now", "logscan-mail.timer"]
    assert "loginctl enable-linger" in capsys.readouterr().out
    assert not machine.units.exists()


def test_cron_takes_the_place_of_the_timer_and_the_other_way_round(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.boot()
    assert run(["schedule", "install", *DAILY]) == 0
    assert run(["schedule", "install", *DAILY, "--cron", "mail 100%.log"]) == 0
    assert machine.files() == ["cron.d/logscan-mail"]
    assert machine.cron.read_text().splitlines()[1] == (
        f"0 6 * * * root {machine.root}/bin/logscan mail -d yesterday --to=postmaster@example.org"
        f" '{os.getcwd()}/mail 100\\%.log'"
    )
    assert stat.S_IMODE(machine.cron.stat().st_mode) & 0o133 == 0  # else cron ignores it
    assert run(["schedule", "install", *DAILY]) == 0
    assert machine.files() == ["units/logscan-mail.service", "units/logscan-mail.timer"]


def test_without_systemd_it_says_what_to_run(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "install", *DAILY]) == 0
    assert machine.calls == []
    assert "systemctl daemon-reload && systemctl enable --now logscan-mail.timer" in capsys.readouterr().out


def test_what_systemctl_says_is_told(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.boot()
    machine.failure = "Failed to connect to bus\n"
    assert run(["schedule", "install", *DAILY]) == 2
    assert capsys.readouterr().err == "logscan: systemctl daemon-reload failed: Failed to connect to bus\n"


def test_what_is_scheduled_is_understood_by_the_mail_command(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    log = machine.root / "mail of mx1.log"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    log.write_text(f"{yesterday.isoformat()} {REFUSAL}\n")
    assert run(["schedule", "install", *DAILY, "--cron", str(log)]) == 0
    program, *arguments = shlex.split(machine.cron.read_text().splitlines()[1])[6:]
    assert program == f"{machine.root}/bin/logscan"
    capsys.readouterr()
    assert run([*arguments, "--tz", "UTC", "--from", "logscan@example.org", "--dry-run"]) == 0
    assert "\nTo: postmaster@example.org\n" in capsys.readouterr().out


# ---- what the configuration says


def test_configured_mail_needs_no_options(machine: Machine) -> None:
    configure(
        machine,
        'paths = ["/srv/mail.log"]\n[mail]\nto = "root"\nsmtp = "smtp.example.org"\n'
        'smtp_user = "kim"\nsmtp_password_file = "/etc/logscan/password"\n',
    )
    assert run(["schedule", "install", "--daily", "06:00"]) == 0
    service = machine.units / "logscan-mail.service"
    assert command_in(service) == (
        f"{machine.root}/bin/logscan mail -d yesterday"
        " --smtp-password-file=${CREDENTIALS_DIRECTORY}/logscan-smtp-password"
    )
    assert "LoadCredential=logscan-smtp-password:/etc/logscan/password\n" in service.read_text()


def test_a_named_configuration_is_named_in_the_schedule(machine: Machine) -> None:
    own = machine.root / "own.toml"
    own.write_text('[mail]\nto = "root"\n')
    assert run(["--config", str(own), "schedule", "install", "--daily", "06:00"]) == 0
    assert f"/bin/logscan --config={own} mail " in command_in(machine.units / "logscan-mail.service")


def test_a_service_of_the_system_knows_nothing_of_the_users_configuration(machine: Machine) -> None:
    own = machine.root / "home" / ".config" / "logscan" / "logscan.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[mail]\nto = "root"\n')
    assert run(["schedule", "show", "--daily", "06:00", "--user"]) == 0
    assert run(["schedule", "show", "--daily", "06:00", "--system"]) == 2


# ---- show and remove


def test_show_prints_what_would_be_installed(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "show", *DAILY]) == 0
    would_be = capsys.readouterr().out
    assert machine.files() == []
    assert run(["schedule", "install", *DAILY]) == 0
    capsys.readouterr()
    assert run(["schedule", "show"]) == 0
    assert capsys.readouterr().out == would_be
    assert would_be.startswith(f"# {machine.units}/logscan-mail.service\n# Written by ")


def test_remove_leaves_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.boot()
    assert run(["schedule", "install", *DAILY]) == 0
    wants = machine.units / "timers.target.wants"
    wants.mkdir()
    (wants / "logscan-mail.timer").symlink_to(machine.units / "logscan-mail.timer")
    machine.calls.clear()
    capsys.readouterr()
    assert run(["schedule", "remove"]) == 0
    assert capsys.readouterr().out == (
        f"removed: {machine.units}/logscan-mail.service\nremoved: {machine.units}/logscan-mail.timer\n"
    )
    assert machine.calls == [
        ["systemctl", "disable", "--now", "logscan-mail.timer"],
        ["systemctl", "daemon-reload"],
    ]
    assert machine.files() == ["units/timers.target.wants"]
    assert run(["schedule", "remove"]) == 0
    assert capsys.readouterr().out == "nothing is installed\n"
    assert run(["schedule", "show"]) == 0
    assert capsys.readouterr().out.startswith("nothing is installed; ")


def test_files_of_others_are_left_alone(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.cron.parent.mkdir()
    machine.cron.write_text("# mine\n")
    assert run(["schedule", "install", *DAILY, "--cron"]) == 2
    assert "was not written by logscan" in capsys.readouterr().err
    assert run(["schedule", "remove"]) == 0
    assert machine.cron.read_text() == "# mine\n"


# ---- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "root"], "say when: --daily 06:00, or --weekly Mon 06:00"),
        (["--daily", "06:00"], "nobody to send it to: say --to ADDR, or configure mail.to"),
        ([*DAILY, "--weekly", "Mon", "06:00"], "--daily goes without --weekly"),
        (["--daily", "6 am", "--to", "root"], "'6 am' is no time of day"),
        (["--weekly", "06:00", "Mon", "--to", "root"], "'Mon' is no time of day"),
        ([*DAILY, "--to", "root\nBcc: x@example.org"], "no mail address"),
        ([*DAILY, "--to", "-x"], "no mail address"),
        ([*DAILY, "mail.log\n* * * * * root reboot", "--cron"], "a schedule cannot carry it"),
        ([*DAILY, "mail.log\nExecStartPre=/bin/false"], "a schedule cannot carry it"),
        ([*DAILY, "-"], "a schedule has no standard input"),
        ([*DAILY, "--cron", "--user"], "--cron goes without --user"),
    ],
)
def test_mistakes_are_one_line_and_install_nothing(
    machine: Machine, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schedule", "install", *options]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"logscan: {message}") or message in shown.err
    assert shown.err.count("\n") == 1
    assert machine.files() == []


def test_the_system_needs_root(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for options in ["--system"], ["--cron"]:
        assert run(["schedule", "install", *DAILY, *options]) == 2
        assert "needs root: call it with sudo, or with --user" in capsys.readouterr().err
    assert machine.files() == []


@pytest.mark.parametrize("place", ["log", "program"])
def test_the_system_sees_no_homes(
    machine: Machine, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schedule, "HIDDEN", (str(machine.root / ("home" if place == "log" else "bin")),))
    assert run(["schedule", "install", *DAILY, f"{machine.root}/home/mail.log"]) == 2
    assert "is in a folder of which services of the system see nothing" in capsys.readouterr().err
    assert run(["schedule", "install", *DAILY, f"{machine.root}/home/mail.log", "--cron"]) == 0


# ---- rights


@pytest.mark.parametrize(
    ("log", "folder", "expected"),
    [
        (0o644, 0o755, access.Rights()),
        (0o640, 0o755, access.Rights(groups=("group4",))),  # Debian's syslog
        (0o644, 0o750, access.Rights(groups=("group4",))),  # Debian's Exim
        (0o644, 0o751, access.Rights(groups=("group4",))),  # rotated logs are looked for
        (0o600, 0o755, access.Rights(every_file=True)),  # Red Hat's syslog
    ],
)
def test_rights_are_those_that_the_logs_take(
    log: int, folder: int, expected: access.Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = {"/var/log/mail.log": log, "/var/log": folder, "/var": 0o755, "/": 0o755}
    with monkeypatch.context() as patch:
        patch.setattr(access, "find_sources", lambda paths: [SimpleNamespace(name=path) for path in paths])
        patch.setattr(Path, "stat", lambda path: SimpleNamespace(st_mode=modes[str(path)], st_gid=4))
        patch.setattr(access.grp, "getgrgid", lambda number: SimpleNamespace(gr_name=f"group{number}"))
        assert access.rights_for(["/var/log/mail.log"], []) == expected


def test_the_journal_takes_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "machine_logs", list)
    assert access.rights_for([], []) == access.Rights(groups=("systemd-journal",))
