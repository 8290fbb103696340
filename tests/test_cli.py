"""Commands do what they say, fail with one line and the right exit status, and keep terminals safe."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from logscan.cli import run

SRC = Path(__file__).parents[1] / "src"

LOG = """\
2026-11-22T10:00:00+00:00 mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>
2026-11-22T10:05:00+00:00 mx1 postfix/smtp[11]: 4BX7KC0MTN: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=4.7.0, status=deferred (host mx.example.net[192.0.2.7] said: 421 4.7.0 Slow down (in reply to MAIL FROM command))
2026-11-22T10:06:00+00:00 mx1 postfix/smtp[11]: 4BX7KC0MTP: to=<c@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)
"""


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "mail.log"
    path.write_text(LOG)
    return str(path)


def command(
    *arguments: str, environment: dict[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run logscan in a process of its own, with only these variables beside PATH and HOME."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "logscan", *arguments],
        env={**kept, "PYTHONPATH": str(SRC), **(environment or {})},
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def lines_of(text: str) -> list[str]:
    return text.splitlines()


# ---- report


def test_report_shows_outcomes_and_reasons(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", log, "--tz", "UTC"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("logscan  mx1  Sun 2026-11-22 10:00-10:06 UTC")
    assert "sent 1   deferred 1   refused 1" in shown.out
    assert "…: Relay access denied" in shown.out
    assert shown.err == ""


def test_report_json_counts_replies(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", log, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sorted((row["direction"], row["code"], row["count"]) for row in data["replies"]) == [
        ("inbound", 554, 1),
        ("outbound", 250, 1),
        ("outbound", 421, 1),
    ]
    assert data["inputs"][0]["understood"] == 3


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("r.html", "<!DOCTYPE html>"), ("r.md", "# mx1"), ("r.json", "{"), ("r.txt", "logscan  mx1")],
)
def test_output_file_tells_the_format(
    log: str, tmp_path: Path, name: str, beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", log, "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text().startswith(beginning)
    assert capsys.readouterr().out == ""


def test_format_wins_over_the_name(log: str, tmp_path: Path) -> None:
    assert run(["report", log, "-o", str(tmp_path / "r.txt"), "--format", "json"]) == 0
    assert json.loads((tmp_path / "r.txt").read_text())["schema"] == 1


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (["--code", "421,5xx"], {421, 554}),
        (["--code", "4.7.0"], {421}),
        (["--direction", "inbound"], {554}),
        (["--peer", "example.net"], {421, 250}),
        (["--peer", "203.0.113.0/24", "--peer", "mx.example.net", "--code", "5xx"], {554}),
        (["-S", "2026-11-22 10:05", "--tz", "UTC"], {421, 250}),
        (["-U", "2026-11-22 10:05", "--tz", "UTC"], {554}),
        (["-d", "2026-11-22 10:05 to 2026-11-22 10:06", "--tz", "UTC"], {421}),
        (["-d", "2026-11-21", "--tz", "UTC"], set()),
    ],
)
def test_rows_are_selected(
    log: str, options: list[str], codes: set[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", log, "--format", "json", *options]) == 0
    assert {row["code"] for row in json.loads(capsys.readouterr().out)["replies"]} == codes


def test_verbose_shows_lines_that_were_not_understood(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(log, "a") as file:
        file.write("2026-11-22T10:07:00+00:00 mx1 postfix/smtpd[10]: \x07something quite new\n")
    assert run(["report", log, "-v"]) == 0
    shown = capsys.readouterr().out
    assert r"\x07something quite new" in shown
    assert "What was read" in shown


# ---- exit status


def test_unreadable_input_is_told_after_the_report_of_the_others(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", log, "/nonexistent.log"]) == 3
    shown = capsys.readouterr()
    assert "deferred 1" in shown.out
    assert shown.err.count("\n") == 1
    assert "/nonexistent.log" in shown.err


def test_nothing_readable_gives_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "/nonexistent.log"]) == 3
    assert capsys.readouterr().out == ""


def test_nothing_understood_gives_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shopping.txt").write_text("bread\nbutter\n")
    assert run(["report", str(tmp_path / "shopping.txt")]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("logscan: nothing was understood")
    assert run(["report", str(tmp_path / "shopping.txt"), "--empty-ok"]) == 0
    assert "no replies" in capsys.readouterr().out


def test_nothing_understood_leaves_no_export(tmp_path: Path) -> None:
    (tmp_path / "shopping.txt").write_text("bread\nbutter\n")
    assert run(["export", str(tmp_path / "shopping.txt"), "-o", str(tmp_path / "out.csv")]) == 4
    assert not (tmp_path / "out.csv").exists()
    assert run(["export", str(tmp_path / "shopping.txt"), "-o", str(tmp_path / "out.csv"), "--empty-ok"]) == 0
    assert (tmp_path / "out.csv").exists()


def test_findings_are_a_failure_only_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "2026-11-22T{:02d}:{:02d}:00+00:00 mx1 postfix/smtpd[9]: disconnect from unknown[203.0.113.9] vrfy=0/9 commands=0/9"
    (tmp_path / "mail.log").write_text("\n".join(line.format(i // 60, i % 60) for i in range(90)))
    log = str(tmp_path / "mail.log")
    assert run(["report", log]) == 0
    assert run(["report", log, "--fail-on", "command-rejections"]) == 1
    assert run(["report", log, "--fail-on", "any"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "--nonsense"], "No such option: --nonsense"),
        (["nonsense"], "No such command 'nonsense'"),
        (["report", "x.log", "--top", "0"], "--top"),
        (["report", "x.log", "-o", "report.pdf"], "no known format"),
        (["report", "x.log", "--format", "pdf"], "'--format': 'pdf' is not one of"),
        (["report", "x.log", "--code", "42"], "no such code: 42"),
        (["report", "x.log", "--code", ", "], "--code names no code"),
        (["report", "x.log", "--peer", ""], "no such peer"),
        (["report", "x.log", "--year", "0"], "no year between"),
        (["report", "x.log", "--postfix-version", "new"], "no version"),
        (["report", "x.log", "--parser", "/nonexistent.toml"], "cannot be read: No such file or directory\n"),
        (["report", "x.log", "--since", "whenever"], "whenever"),
        (["report", "x.log", "--tz", "Mars/Olympus"], "no such time zone"),
        (["report", "x.log", "--parser", "nonsense"], "nonsense"),
        (["export", "x.log"], "--output"),
        (["export", "x.log", "-o", "-"], "needs a format"),
        (["export", "x.log", "-o", "x.xlsx"], "no known format"),
        (["explain", "999"], "999"),
        (["explain", "421", "450", "550"], "two to compare"),
        (["parsers", "show", "nonsense"], "no such parser"),
        (["parsers", "check", "/nonexistent.toml"], "/nonexistent.toml"),
        (["report", "x.log", "--pee\x1b]0;owned\x07"], r"\x1b]0;owned\x07"),
    ],
)
def test_usage_errors_are_one_clear_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("logscan: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err


def test_defects_are_one_line_with_a_hint_and_a_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise ZeroDivisionError("oh no")

    monkeypatch.setattr("logscan.commands.explain.run", broken)
    monkeypatch.delenv("LOGSCAN_DEBUG", raising=False)
    assert run(["explain", "421"]) == 70
    assert capsys.readouterr().err == (
        "logscan: ZeroDivisionError: oh no (a defect of logscan; LOGSCAN_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("LOGSCAN_DEBUG", "1")
    assert run(["explain", "421"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("logscan.commands.explain.run", interrupted)
    assert run(["explain", "421"]) == 130
    assert capsys.readouterr().err == ""


# ---- export, explain, parsers


def test_export_writes_the_schema(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", log, "-o", str(tmp_path / "r.parquet"), "--code", "421"]) == 0
    table = pq.read_table(tmp_path / "r.parquet")
    assert table.select(["code", "cause", "line"]).to_pylist() == [
        {"code": 421, "cause": "rate_limit", "line": 2}
    ]
    assert capsys.readouterr().err.endswith("1 row\n")


def test_export_to_a_folder_by_date(log: str, tmp_path: Path) -> None:
    assert run(["export", log, "-o", str(tmp_path / "days"), "--partition-by", "date", "-q"]) == 0
    assert (tmp_path / "days" / "date=2026-11-22" / "replies.parquet").exists()


def test_explain_and_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "421"]) == 0
    assert capsys.readouterr().out.startswith("421 Service not available")
    assert run(["explain", "421", "502"]) == 0
    assert "502" in capsys.readouterr().out
    assert run(["explain", "421", "--reply", "421 4.7.0 Too many connections from 192.0.2.1"]) == 0
    assert "Connection limit" in capsys.readouterr().out
    assert run(["explain", "4.7.0", "--lang", "ja"]) == 0
    assert not capsys.readouterr().out.isascii()


PARSER = """\
name = "smallmta"
title = "SmallMTA's log"
about = "An example."
frame = "syslog"
services = '''(?P<daemon>smallmta)'''

[[detect]]
regex = '''smallmta\\[\\d+\\]: '''
why = "lines of smallmta"

[[rule]]
name = "refused"
about = "smallmta refused a recipient."
literal = "refused rcpt="
regex = '''^refused rcpt=<(?P<recipient>[^>]*)> reply="(?P<reply>[^"]*)"$'''
set = { direction = "inbound", command = "RCPT", status = "rejected" }

  [[rule.sample]]
  line = '''Nov 17 10:15:42 mx smallmta[77]: refused rcpt=<kim@example.org> reply="451 4.7.1 Come back later"'''
  expect = { code = 451, recipient = "kim@example.org" }
"""


@pytest.fixture
def parser(tmp_path: Path) -> Path:
    path = tmp_path / "smallmta.toml"
    path.write_text(PARSER)
    return path


def test_parsers_are_listed_and_shown(parser: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["parsers", "list"]) == 0
    listed = capsys.readouterr().out
    assert "postfix " in listed
    assert "swaks" in listed
    assert run(["parsers", "show", str(parser)]) == 0
    shown = capsys.readouterr().out
    assert "refused · logged" in shown
    assert "smallmta refused a recipient." in shown


def test_parser_check_passes_or_tells_file_rule_sample_expected_and_got(
    parser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["parsers", "check", str(parser)]) == 0
    assert "as expected" in capsys.readouterr().out
    parser.write_text(PARSER.replace("code = 451", "code = 450"))
    assert run(["parsers", "check", str(parser)]) == 1
    (line,) = lines_of(capsys.readouterr().out)
    for part in (str(parser), "refused", "expected 450", "got 451", "Come back later"):
        assert part in line


def test_parser_check_of_a_broken_file_is_a_usage_error(
    parser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser.write_text("name = ")
    assert run(["parsers", "check", str(parser)]) == 2
    assert "not valid TOML" in capsys.readouterr().err


def test_parser_try_shows_rows_and_what_was_not_understood(
    parser: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "small.log"
    log.write_text(
        'Nov 17 10:15:42 mx smallmta[77]: refused rcpt=<kim@example.org> reply="451 4.7.1 Come back later"\n'
        "Nov 17 10:15:43 mx smallmta[77]: \x07something else\n"
    )
    assert run(["parsers", "try", str(parser), str(log)]) == 0
    shown = capsys.readouterr().out
    assert "2 lines, 1 understood, 1 not" in shown
    assert "refused: 1 row; line 1 for example" in shown
    assert "code=451, enhanced=4.7.1, text=Come back later" in shown
    assert r"\x07something else" in shown


# ---- as a process

HELP = [
    [],
    ["report"],
    ["export"],
    ["explain"],
    ["doctor"],
    ["parsers"],
    *(["parsers", name] for name in ("list", "show", "check", "try")),
]


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help_of_80_columns(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, option]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage: logscan")
    assert max(map(len, lines_of(shown))) <= 80


@pytest.mark.parametrize("arguments", [[], ["parsers"]])
def test_without_a_command_help_is_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Commands:" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    heavy = ("pyarrow", "pandas", "numpy", "rich", "matplotlib", "jinja2")
    code = f"import sys; from logscan.cli import run; run(['report', '--help']); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, check=True
    )
    assert lines_of(done.stdout)[-1] == "[]"


def test_report_imports_nothing_it_can_do_without(log: str) -> None:
    spared = ("pandas", "matplotlib", "pyarrow.parquet", "logscan.transcripts.reader")
    code = f"import sys; from logscan.cli import main\ntry:\n main()\nfinally:\n print([m for m in {spared} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, "report", log],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert lines_of(done.stdout)[-1] == "[]"


def test_locale_c_gives_ascii(log: str) -> None:
    done = command("report", log, environment={"LC_ALL": "C"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "they->us" in done.stdout


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_what_says_that_it_is_utf_8_is_so_in_every_locale(log: str, kind: str) -> None:
    elsewhere = {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}
    for arguments in (["report", log, "--tz", "UTC"], ["explain", "421"]):
        here = command(*arguments, "--format", kind).stdout
        assert not here.isascii()
        assert command(*arguments, "--format", kind, environment=elsewhere).stdout == here


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_log_may_have_any_name(log: str, tmp_path: Path, environment: dict[str, str]) -> None:
    for name, shown in ((b"m\xe4il.log", r"m\xe4il.log"), ("m\xe4il.log".encode(), "m\xe4il.log")):
        path = os.fsencode(tmp_path) + b"/" + name
        shutil.copy(log, path)
        done = command("report", os.fsdecode(path), "--format", "json", environment=environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["inputs"][0]["source"] == f"{tmp_path}/{shown}"


def test_colour_follows_the_option(log: str) -> None:
    assert "\x1b[" in command("report", log, "--color", "always").stdout
    assert "\x1b[" not in command("report", log).stdout


def test_standard_input_is_read(log: str) -> None:
    done = command("report", "-", "--format", "json", given=LOG)
    assert json.loads(done.stdout)["inputs"][0]["source"] == "-"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "--format", "html"],
        ["export", "-o", "-", "--format", "csv"],
        ["mail", "--dry-run", "--to", "kim@example.org", "--from", "lee@example.org"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_full_disk_is_one_line(log: str, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "logscan", *arguments, log, "-q"],
            env={"PYTHONPATH": str(SRC), "HOME": os.environ["HOME"]},
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.stderr == "logscan: the output cannot be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "closed", "status", "out"),
    [
        (["report"], "2>&-", 0, "logscan  mx1"),
        (["report", "-o", "report.txt"], ">&- 2>&- <&-", 0, ""),
        (["report"], ">&-", 2, ""),
        (["nonsense"], "2>&-", 2, ""),
    ],
    ids=["no place for messages", "none for anything", "none for the report", "an error that nobody sees"],
)
def test_streams_that_the_caller_closed(
    log: str, arguments: list[str], closed: str, status: int, out: str
) -> None:
    line = shlex.join(
        [sys.executable, "-m", "logscan", *arguments, *([log] if arguments != ["nonsense"] else [])]
    )
    done = subprocess.run(
        ["sh", "-c", f"{line} {closed}"],
        cwd=Path(log).parent,
        env={"PYTHONPATH": str(SRC), "HOME": os.environ["HOME"]},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == status
    assert done.stdout[: len(out) or None] == out
    assert "Error" not in done.stderr
    if "-o" in arguments:
        assert (Path(log).parent / "report.txt").read_text().startswith("logscan  mx1")


def test_an_option_that_leaves_no_line_is_told(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", log, "--syslog-name", "postfix-out"]) == 4
    assert capsys.readouterr().err.endswith("mail.log (no line of postfix-out)\n")
    assert run(["report", log, "--parser", "exim"]) == 4
    assert capsys.readouterr().err.endswith("mail.log (no line that exim knows)\n")


def test_an_empty_log_is_not_called_misunderstood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").touch()
    assert run(["report", str(tmp_path / "mail.log"), "--empty-ok"]) == 0
    assert "Not understood" not in capsys.readouterr().out


def test_reader_that_goes_away_is_no_error(log: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "logscan", "export", log, "-o", "-", "--format", "csv"],
        env={"PYTHONPATH": str(SRC)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "arguments", [["explain", "421"], ["explain", "421", "502"], ["doctor"]], ids=" ".join
)
def test_texts_fit_a_narrow_terminal(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    run(arguments)
    assert 50 <= max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import logscan

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"logscan {logscan.__version__}\n"


def words_of_help(text: str) -> set[str]:
    """Options, arguments and commands: what stands first in the indented lines."""
    return set(re.findall(r"--?[a-z][a-z-]*", text)) | set(re.findall(r"^  (\w+) ", text, re.M))


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_documentation_knows_the_same_options_as_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run([*arguments, "--help"])
    page = (SRC.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    marker = f"<!-- output of: {' '.join(['logscan', *arguments, '--help'])} -->\n```text\n"
    documented = page.split(marker)[1].split("```")[0]
    assert words_of_help(documented) == words_of_help(capsys.readouterr().out), "docs/generate.py renews it"


SAMPLE = str(Path(__file__).parents[1] / "sample_logs" / "postfix.log")


@pytest.mark.parametrize("kind", ["spike", "load", "greylisting", "command-rejections", "any"])
def test_every_kind_of_finding_can_fail_a_check(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", SAMPLE, "--fail-on", kind]) == 1
    assert run(["report", SAMPLE, "--fail-on", kind, "--until", "2026-11-17T02:00:00Z"]) == 0


@pytest.mark.parametrize(
    ("kind", "sign"),
    [("text", "Key differences"), ("markdown", "## "), ("html", "<h"), ("json", '"differences"')],
)
def test_two_codes_are_compared_in_every_format(
    kind: str, sign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "421", "502", "--format", kind]) == 0
    assert sign in capsys.readouterr().out
