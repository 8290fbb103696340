"""Schedules say what is meant, in the notations of systemd and cron, whatever stands in a path."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.errors import UsageError
from logscan.scheduling import (
    Rights,
    Time,
    cron_entry,
    cron_word,
    service,
    system_service,
    systemd_word,
    timer,
)
from reports import check_golden

COMMAND = ["/opt/logscan/bin/logscan", "mail", "-d", "yesterday", "--to=postmaster@example.org"]

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")

SCHEDULES = {
    "daily.timer": timer(Time.of("6:00")),
    "weekly-on-monday.timer": timer(Time.of("06:00", "mon")),
    "daily.cron": cron_entry(Time.of("06:00"), COMMAND),
    "for-a-user.service": service(COMMAND),
    "for-the-system.service": system_service(COMMAND, Rights()),
    "for-the-system-with-password-and-group.service": system_service(
        COMMAND, Rights(groups=("adm", "systemd-journal")), "/etc/logscan/password of mail"
    ),
    "for-the-system-where-only-root-reads-logs.service": system_service(COMMAND, Rights(every_file=True)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_look_like_this(name: str) -> None:
    check_golden(f"schedules/{name}", SCHEDULES[name])


@needs_systemd
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    for name, text in SCHEDULES.items():
        if name.endswith(".service"):
            (tmp_path / name).write_text(text.replace(COMMAND[0], "/bin/true"))
            (tmp_path / name).with_suffix(".timer").write_text(timer(Time.of("23:59", "Sunday")))
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", [name for name in SCHEDULES if name.startswith("for-the-system")])
def test_systemd_finds_services_of_the_system_little_exposed(name: str, tmp_path: Path) -> None:
    unit = tmp_path / "logscan-mail.service"
    unit.write_text(SCHEDULES[name])
    threshold = 17 if "only-root" in name else 13  # in tenths; 100 is a service without any restriction
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1:] + done.stderr.splitlines()


# ---- times


@pytest.mark.parametrize(
    ("time", "day", "systemd", "cron", "span"),
    [
        ("06:00", None, "*-*-* 06:00:00", "0 6 * * *", "yesterday"),
        ("0:05", None, "*-*-* 00:05:00", "5 0 * * *", "yesterday"),
        ("23:59", "Mon", "Mon *-*-* 23:59:00", "59 23 * * 1", "last week"),
        ("06:00", "SUNDAY", "Sun *-*-* 06:00:00", "0 6 * * 0", "last week"),
        ("06:00", "saturday", "Sat *-*-* 06:00:00", "0 6 * * 6", "last week"),
    ],
)
def test_times_in_both_notations(time: str, day: str | None, systemd: str, cron: str, span: str) -> None:
    read = Time.of(time, day)
    assert (read.in_systemd(), read.in_cron(), read.span) == (systemd, cron, span)


@pytest.mark.parametrize("time", ["", "6", "24:00", "06:60", "06:00:00", "06:00\n", "*:00", "٠٦:٠٠", "-1:00"])
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(UsageError, match="is no time of day; write it like 06:00"):
        Time.of(time)


@pytest.mark.parametrize("day", ["", "M", "Mo", "Mond", "weekday", "Mon,Tue", "Mon\n"])
def test_what_is_no_weekday_is_refused(day: str) -> None:
    with pytest.raises(UsageError, match="is no day of the week"):
        Time.of("06:00", day)


@needs_systemd
def test_systemd_reads_the_calendar() -> None:
    done = subprocess.run(
        ["systemd-analyze", "calendar", Time.of("6:05", "Monday").in_systemd()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Mon *-*-* 06:05:00" in done.stdout


# ---- quoting

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


@given(st.lists(printable.filter(lambda word: "\\" not in word), min_size=1, max_size=4))
def test_a_shell_gets_back_every_word_that_cron_hands_it(words: list[str]) -> None:
    line = " ".join(map(cron_word, words))
    assert "%" not in line.replace("\\%", "")
    assert shlex.split(line.replace("\\%", "%")) == words


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("--to=kim@example.org", "--to=kim@example.org"),
        ("last week", '"last week"'),
        ("50%", '"50%%"'),
        ("$HOME/${X}", '"$$HOME/$${X}"'),
        ('say "hi"', r'"say \"hi\""'),
        (r"a\x20b", r'"a\\x20b"'),
        ("it's;", '"it\'s;"'),
        ("mail.log*", '"mail.log*"'),
        ("é", '"é"'),
    ],
)
def test_systemd_words(word: str, quoted: str) -> None:
    assert systemd_word(word) == quoted


@needs_systemd
def test_systemd_reads_back_what_was_quoted(tmp_path: Path) -> None:
    # It names the program that it cannot find; a program's name may hold neither quotes nor backslashes.
    program = "/nonexistent/a b%n;#é"
    unit = tmp_path / "quoted.service"
    unit.write_text(service([program]))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert f"Command {program} is not executable" in done.stderr


@pytest.mark.parametrize(
    "hostile", ["a\nExecStartPre=/bin/rm", "a\r", "\0", "\x1b[31m", "a\u2028b", "\udc80", ""]
)
def test_no_word_can_end_a_line_or_hide(hostile: str) -> None:
    for carry in (
        lambda: service([*COMMAND, hostile]),
        lambda: system_service(COMMAND, Rights(), f"/etc/{hostile}" if hostile else "\n"),
        lambda: cron_entry(Time.of("06:00"), [*COMMAND, hostile]),
    ):
        with pytest.raises(UsageError, match="a schedule cannot carry it"):
            carry()


def test_what_cron_cannot_carry_is_refused() -> None:
    with pytest.raises(UsageError, match="backslash"):
        cron_word("a\\b")
    with pytest.raises(UsageError, match="too long for cron"):
        cron_entry(Time.of("06:00"), [*COMMAND, "x" * 1000])
