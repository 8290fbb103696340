"""What configuration files say holds where the command line does not, and mistakes in them are named."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from logscan import settings
from logscan.cli import run
from logscan.errors import UsageError
from logscan.settings import candidates, known_keys, line_of, load

SRC = Path(__file__).parents[1] / "src"
LOG = """\
2026-11-22T23:30:00+00:00 mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>
"""
COMMANDS = "2026-11-22T10:{:02d}:00+00:00 mx1 postfix/smtpd[9]: disconnect from unknown[203.0.113.{}] vrfy=0/9 commands=0/9\n"


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the machine that runs the tests counts."""
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "etc" / "logscan.toml")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    monkeypatch.delenv("LOGSCAN_CONFIG", raising=False)


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def system_file(text: str) -> str:
    return write(candidates()[0], text)


def user_file(text: str) -> str:
    return write(candidates()[1], text)


@pytest.fixture
def log(tmp_path: Path) -> str:
    return write(tmp_path / "mail.log", LOG)


def report_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run([*arguments, "--format", "json"]) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


# ---- which value holds


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    system = system_file('tz = "Asia/Tokyo"\ntop = 3\nparser = "postfix"\n')
    user = user_file("top = 4\n")
    assert load().values == {"tz": "Asia/Tokyo", "top": 4, "parser": "postfix"}
    named = write(tmp_path / "own.toml", 'tz = "UTC"\n')
    found = load(named)
    assert found.values == {"tz": "UTC", "top": 4, "parser": "postfix"}
    assert {key: str(path) for key, path in found.origins.items()} == {
        "tz": named,
        "top": user,
        "parser": system,
    }


def test_settings_of_a_service_leave_out_the_user() -> None:
    user_file("top = 4\n")
    assert load(user=False).values == {}


def test_one_text_may_stand_for_a_list() -> None:
    user_file('paths = "/var/log/mail.log"\n[mail]\nto = ["a@example.org", "b@example.org"]\n')
    assert load().section() == {"paths": ["/var/log/mail.log"]}
    assert load().section("mail") == {"to": ["a@example.org", "b@example.org"]}


def test_paths_and_zone_are_defaults_of_a_report(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    user_file(f'paths = ["{log}"]\ntz = "Asia/Tokyo"\n')
    assert run(["report"]) == 0
    assert "Mon 2026-11-23 08:30" in capsys.readouterr().out


def test_command_line_wins(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user_file('paths = ["/nonexistent.log"]\ntz = "Asia/Tokyo"\nparser = "exim"\n')
    assert run(["report", log, "--tz", "UTC", "--parser", "postfix"]) == 0
    assert "Sun 2026-11-22 23:30" in capsys.readouterr().out


def test_export_takes_the_paths_too(log: str, tmp_path: Path) -> None:
    user_file(f'paths = ["{log}"]\ntop = 3\n')
    assert run(["export", "-o", str(tmp_path / "r.csv"), "-q"]) == 0
    assert "Relay access denied" in (tmp_path / "r.csv").read_text()


def test_thresholds_of_flags_are_those_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "mail.log", "".join(COMMANDS.format(i, i % 2) for i in range(60)))
    (flag,) = report_of(["report", log], capsys)["flags"]
    assert len(flag["peers"]) == 2
    own = write(tmp_path / "own.toml", "[flags]\npeers = 1\n")
    (flag,) = report_of(["--config", own, "report", log], capsys)["flags"]
    assert len(flag["peers"]) == 1


def test_sections_are_for_their_command(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    user_file(
        '[mail]\nto = ["a@example.org", "b@example.org"]\nfrom = "logscan@example.org"\nattach = ["csv"]\n'
    )
    assert run(["mail", log, "--dry-run", "--to", "c@example.org"]) == 0
    message = message_from_string(capsys.readouterr().out)
    assert (message["To"], message["From"]) == ("c@example.org", "logscan@example.org")
    assert "replies.csv" in [part.get_filename() for part in message.walk()]
    assert run(["report", log]) == 0


def test_option_names_a_file_and_wins_over_the_environment(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOGSCAN_CONFIG", write(tmp_path / "a.toml", 'tz = "Asia/Tokyo"\n'))
    assert run(["report", log]) == 0
    assert "JST" in capsys.readouterr().out
    assert run(["--config", write(tmp_path / "b.toml", 'tz = "Asia/Kolkata"\n'), "report", log]) == 0
    assert "IST" in capsys.readouterr().out


def test_without_a_file_nothing_is_configured() -> None:
    assert load().values == {}
    assert load().flags == type(load().flags)()


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top = 5\ntpo = 3\n", ":2: unknown key tpo; did you mean top?"),
        ('to = ["a@example.org"]\n', ":1: unknown key to; did you mean mail.to?"),
        ('# mail\n\n[mial]\nto = "a@example.org"\n', ":4: unknown key mial.to; did you mean mail.to?"),
        ("[flags]\nmin_cuont = 3\n", ":2: unknown key flags.min_cuont; did you mean flags.min_count?"),
        ("zebras = 1\n", ":1: unknown key zebras; known are paths, tz, "),
        ('top = "five"\n', ":1: top must be a whole number above 0, not 'five'"),
        ("top = 0\n", ":1: top must be a whole number above 0, not 0"),
        ("top = true\n", ":1: top must be a whole number above 0, not True"),
        ("top = 2.5\n", ":1: top must be a whole number above 0, not 2.5"),
        ("[flags]\nfactor = inf\n", ":2: flags.factor must be a number above 0, not inf"),
        ("paths = [\n  3,\n]\n", ":1: paths must be a text in quotes, or several"),
        ('tz = "Mars/Olympus"\n', ':1: tz must be a time zone such as "Europe/Berlin", not'),
        ('[mail]\nonly_if_flagged = "yes"\n', ":2: mail.only_if_flagged must be true or false, not 'yes'"),
        ("top = \n", ": not valid TOML: "),
        ("top = 3\ntop = 4\n", ": not valid TOML: "),
    ],
)
def test_mistakes_are_one_line_with_file_line_and_key(
    log: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = user_file(text)
    assert run(["mail", log, "--dry-run"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith(f"logscan: {path}{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mail]\nsmtp_security = "ssl"\n', "'ssl' is not one of 'starttls', 'tls', 'none'"),
        ('[mail]\nattach = ["csv", "pdf"]\n', "'pdf' is not one of 'parquet', 'csv'"),
    ],
)
def test_values_are_those_that_the_option_takes(
    log: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = user_file(text)
    assert run(["mail", log, "--dry-run"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"logscan: {path}: mail.")
    assert message in shown
    assert run(["report", log]) == 0


def test_a_named_file_has_to_exist(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", "/nonexistent.toml", "report", log]) == 2
    assert (
        capsys.readouterr().err == "logscan: /nonexistent.toml: cannot be read: No such file or directory\n"
    )


def test_a_file_that_is_no_text_is_a_mistake() -> None:
    Path(user_file("")).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not valid TOML"):
        load()


def test_mistakes_disturb_neither_help_nor_commands_that_read_no_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    user_file("nonsense")
    for arguments in (["--help"], ["report", "--help"], ["explain", "421"], ["config", "path"]):
        assert run(arguments) == 0
    assert capsys.readouterr().err == ""


# ---- config show, config path


def test_show_prints_toml_with_the_place_of_each_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user = user_file('# mine\npaths = [\n  "/var/log/mail.log",\n]\n\n[mail]\nto = "a@example.org"\n')
    own = write(tmp_path / "own.toml", "top = 3\n")
    assert run(["--config", own, "config", "show"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        f'paths = ["/var/log/mail.log"]  # {user}:2\n'
        f"top = 3  # {own}:1\n\n"
        f'[mail]\nto = ["a@example.org"]  # {user}:7\n\n'
        "# Not set: tz, parser, mail.from, "
    )
    assert tomllib.loads(shown) == {
        "paths": ["/var/log/mail.log"],
        "top": 3,
        "mail": {"to": ["a@example.org"]},
    }


def test_show_begins_without_a_blank_line_and_keeps_to_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    user_file("[flags]\npeers = 5\n")
    assert run(["config", "show"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "[flags]"
    assert len(shown) > 4
    assert all(len(line) <= 80 for line in shown if line.startswith("#"))


def test_show_lets_no_control_character_through(capsys: pytest.CaptureFixture[str]) -> None:
    user_file(r'parser = "\u001b[31m\u0085"' + "\n")
    assert run(["config", "show"]) == 0
    assert capsys.readouterr().out.startswith(r'parser = "\u001b[31m\x85"  # ')


def test_path_prints_the_files_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system, user = candidates()
    system_file("top = 3\n")
    own = write(tmp_path / "own.toml", "")
    assert run(["--config", own, "config", "path"]) == 0
    assert capsys.readouterr().out == f"{system}\n{user} (does not exist)\n{own}\n"


DOCUMENT = """\
# a = 0
a = 1
b = [
  "a = 3",
]
c.d = 2

[s]
# t
t = '''
u = 1'''
u = 2
"""


@pytest.mark.parametrize(("key", "line"), [("a", 2), ("b", 3), ("c.d", 6), ("s.t", 10), ("s.u", 12)])
def test_lines_of_keys_are_exact(key: str, line: int) -> None:
    assert line_of(key, DOCUMENT) == line


# ---- what is documented, and what it costs


def test_every_key_is_documented() -> None:
    page = (SRC.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [key for key in known_keys() if f"`{key.rpartition('.')[2]}`" not in page] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["config"],
        ["config", "show"],
        ["config", "path"],
        ["schedule"],
        ["schedule", "install"],
        ["schedule", "show"],
        ["schedule", "remove"],
    ],
    ids=" ".join,
)
def test_help_has_80_columns(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: logscan {' '.join(arguments)} ")
    assert max(map(len, shown.splitlines())) <= 80


def test_documented_example_is_valid(tmp_path: Path) -> None:
    page = (SRC.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert load(write(tmp_path / "example.toml", example)).values


def test_no_file_means_no_toml_reader() -> None:
    code = (
        "import sys; from pathlib import Path; from logscan import settings;"
        "settings.SYSTEM_FILE = Path('/nonexistent'); settings.load(); print('tomllib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SRC), "XDG_CONFIG_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
