"""The doctor tells which logs are found, whether they can be read, in which format they are, and what else matters."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import pytest

from logscan import settings
from logscan.cli import run
from logscan.commands import doctor, installation
from logscan.errors import UnreadableInput
from logscan.reading import places, sources

LINE = "2026-11-22T10:00:00+00:00 mx1 postfix/smtpd[10]: disconnect from unknown[203.0.113.9] vrfy=0/9 commands=0/9\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the logs of a machine that has no journal, no configuration and no schedule."""
    monkeypatch.chdir(tmp_path)  # short paths, which no line has to break
    logs = Path("log")
    logs.mkdir()
    monkeypatch.setattr(places, "MACHINE_FOLDERS", (str(logs),))
    monkeypatch.setattr(sources, "journal_command", no_journal)
    monkeypatch.setattr(settings, "SYSTEM_FILE", Path("etc/logscan.toml"))
    monkeypatch.setattr(installation, "SYSTEM_UNITS", Path("units"))
    monkeypatch.setattr(installation, "CRON_ENTRY", Path("cron.d/logscan-mail"))
    monkeypatch.setattr(doctor, "CRON_ENTRY", Path("cron.d/logscan-mail"))
    monkeypatch.setenv("HOME", "home")
    monkeypatch.setenv("XDG_CONFIG_HOME", "home/.config")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("LOGSCAN_CONFIG", raising=False)
    return logs


def no_journal() -> tuple[str, ...]:
    raise UnreadableInput("no mail entries")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """What the doctor says, on lines that a terminal holds; words as if they stood on one line."""
    assert run(["doctor", *arguments]) == status
    shown = capsys.readouterr()
    assert shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 80
    return " ".join(shown.out.split())


def test_nothing_found_is_3_and_says_where_was_looked(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(capsys, status=3)
    assert "Logs of this machine none no mail log found in" in said
    assert said.endswith("A report does not work: exit status 3.")


def test_what_export_and_ingest_wrote_is_recognised(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE)
    assert run(["export", "-q", str(machine / "mail.log"), "-o", "events.parquet"]) == 0
    assert run(["ingest", "-q", str(machine / "mail.log"), "--store", "store"]) == 0
    capsys.readouterr()
    said = told(capsys, "events.parquet", "store")
    assert said.count("parquet: written by logscan") == 2
    assert "unreadable" not in said


def test_a_log_is_found_and_recognised_with_its_rotated_files(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE * 3)
    (machine / "mail.log.1").write_text(LINE.replace("22T", "21T"))
    (machine / "mail.log.2.gz").write_bytes(gzip.compress(LINE.replace("22T", "20T").encode()))
    said = told(capsys)
    assert f"ok {machine}/mail.log and 2 older" in said
    assert "written 0 s ago postfix: 3 of the first 3 lines show lines of Postfix daemons" in said.replace(
        "· ", ""
    )
    assert said.endswith("A report works: it reads 3 logs.")


def test_a_log_in_a_wrapping_names_both(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "mail.log").write_text(f"\x1b[1m{LINE.strip()}\x1b[0m\n" * 3)
    assert "postfix inside " in told(capsys)


def test_a_log_that_is_not_recognised_is_4(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "mail.log").write_text("bread\nbutter\n")
    said = told(capsys, status=4)
    assert f"unknown {machine}/mail.log 13 bytes" in said
    assert "not recognised; tried Exim logs, Postfix mail log" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_log_that_cannot_be_read_is_3_and_says_who_may(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE)
    (machine / "mail.log").chmod(0)
    said = told(capsys, status=3)
    assert f"unreadable {machine}/mail.log permission denied; read it as root" in said


def test_what_can_be_read_is_enough(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "mail.log").write_text(LINE)
    said = told(capsys, str(machine / "mail.log"), str(machine / "missing.log"))
    assert f"Logs named ok {machine}/mail.log" in said
    assert f"unreadable {machine}/missing.log no such file; check the name" in said
    assert said.endswith("A report works: it reads 1 of 2 logs.")


def test_folders_that_cannot_be_listed_are_named_and_stop_nothing(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "exim4").mkdir()
    (machine / "exim4" / "mainlog").write_text("")
    (machine / "mail.log").write_text(LINE)
    closed = str(machine / "exim4")
    monkeypatch.setattr(places.os, "access", lambda path, mode: path != closed)
    said = told(capsys)
    assert f"ok {machine}/mail.log" in said
    assert f"closed {closed}: cannot be listed, so logs in it are not found; join the group" in said
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    assert f"closed {machine}: cannot be listed" in told(capsys, status=3)


def test_names_of_files_are_harmless(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = machine / "a\x1b]0;owned\x07\n[red]mail.log"
    path.write_text(LINE)
    said = told(capsys, str(path))
    assert r"a\x1b]0;owned\x07 [red]mail.log" in said


def test_the_configuration_counts_and_is_shown(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "other.txt").write_text(LINE)
    own = machine / "own.toml"
    own.write_text(f'paths = ["{machine}/other.txt"]\ntz = "Asia/Tokyo"\n')
    assert run(["--config", str(own), "doctor"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Logs configured ok {machine}/other.txt" in said
    assert f"Stamps without a zone are read in Asia/Tokyo (by {own}); --tz says otherwise." in said
    assert f"read {own}: paths, tz" in said


def test_a_wrong_configuration_is_told_among_the_rest(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE)
    settings.SYSTEM_FILE.parent.mkdir()
    settings.SYSTEM_FILE.write_text('tz = "Mars"\n')
    said = told(capsys, status=2)
    assert f"wrong {settings.SYSTEM_FILE}:1: tz must be a time zone" in said
    assert f"ok {machine}/mail.log" in said


def test_a_wrong_parser_of_ones_own_is_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE)
    settings.SYSTEM_FILE.parent.mkdir()
    settings.SYSTEM_FILE.write_text('parser = "nonsense"\n')
    assert "wrong --parser nonsense: unknown" in told(capsys, status=2)


def test_versions_and_programs_are_named(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import logscan

    (machine / "mail.log").write_text(LINE)
    monkeypatch.setattr(doctor, "sendmail_program", lambda: None)
    said = told(capsys)
    assert said.startswith(f"logscan {logscan.__version__} · Python {sys.version.split()[0]} pyarrow ")
    assert "sendmail not installed; to mail the report, use --smtp HOST" in said


def test_the_schedule_is_shown(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "mail.log").write_text(LINE)
    assert "Nothing is installed. logscan schedule install" in told(capsys)
    units = installation.Scope(is_system=False).units
    units.mkdir(parents=True)
    mark = '# Written by "logscan schedule install"\n'
    (units / "logscan-mail.timer").write_text(f"{mark}[Timer]\nOnCalendar=*-*-* 06:00:00\nPersistent=true\n")
    said = told(capsys)
    assert f"file {units}/logscan-mail.timer OnCalendar=*-*-* 06:00:00 A report" in said


def test_colour_is_for_terminals(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "mail.log").write_text(LINE)
    assert run(["doctor"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr(doctor, "wants_color", lambda stream: True)
    assert run(["doctor"]) == 0
    assert "\x1b[32mok" in capsys.readouterr().out
