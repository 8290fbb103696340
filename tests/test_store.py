"""The store commands: what a store holds is shown, merged and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import logscan
from logscan.cli import run
from logscan.errors import LogscanError, UnreadableInput
from logscan.history.manifest import load_manifest

LINE = "2026-11-{day}T10:00:00+00:00 mx1 postfix/smtp[11]: 4BX7KC0MTN: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n"


@pytest.fixture
def store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Three days, the second of them in two files."""
    for day in (20, 21, 21, 22):
        with (tmp_path / "mail.log").open("a") as log:
            log.write(LINE.format(day=day))
        assert run(["ingest", str(tmp_path / "mail.log"), "--store", str(tmp_path / "store")]) == 0
    capsys.readouterr()
    return tmp_path / "store"


def rows(store: Path) -> list[dict[str, Any]]:
    return logscan.read_table(store).to_pylist()


def files(store: Path) -> list[str]:
    return sorted(str(path.relative_to(store)) for path in store.rglob("*.parquet"))


def test_show_tells_days_and_logs(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["store", "show", "--store", str(store)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{store}: 4 rows, ")
    assert [line.split()[:2] + line.split()[-1:] for line in shown[3:6]] == [
        ["1", "1", "2026-11-20"],
        ["2", "2", "2026-11-21"],
        ["1", "1", "2026-11-22"],
    ]
    assert shown[-1].split()[1:] == ["4", str(4 * len(LINE.format(day=20))), str(store.parent / "mail.log")]


def test_compact_leaves_one_file_a_day_and_every_row(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows(store)
    assert run(["store", "compact", "--store", str(store)]) == 0
    assert capsys.readouterr().err == f"logscan: {store}: 3 files, 1 fewer than before\n"
    assert rows(store) == before
    assert files(store) == sorted(file.path for file in load_manifest(store).files)  # type: ignore[union-attr]
    assert run(["store", "verify", "--store", str(store)]) == 0
    assert run(["ingest", str(store.parent / "mail.log"), "--store", str(store)]) == 0
    assert rows(store) == before


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def test_verify_names_each_damaged_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["store", "verify", "--store", str(store)]) == 0
    assert capsys.readouterr().out == f"{store}: 4 files with 4 rows: all whole\n"
    first, second, *_ = [store / path for path in files(store)]
    _flip(first)
    second.unlink()
    assert run(["store", "verify", "--store", str(store)]) == UnreadableInput.exit_status
    problems = capsys.readouterr().err.splitlines()
    assert sorted(problems) == sorted(
        [
            f"logscan: {first}: damaged: its checksum is not that of the manifest",
            f"logscan: {second}: No such file or directory",
        ]
    )


def test_damage_is_not_merged(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(store)
    twice = next(store.glob("date=2026-11-21/*"))
    _flip(twice)
    assert run(["store", "compact", "--store", str(store)]) == UnreadableInput.exit_status
    assert capsys.readouterr().err == (
        f"logscan: {twice}: damaged: its checksum is not that of the manifest; nothing was merged\n"
    )
    assert files(store) == before


def test_a_store_without_rows_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text(
        "2026-11-20T10:00:00+00:00 mx1 postfix/qmgr[11]: 4BX7KC0MTN: removed\n"
    )
    assert run(["ingest", str(tmp_path / "mail.log"), "--store", str(tmp_path / "store")]) == 0
    capsys.readouterr()
    assert run(["report", "--store", str(tmp_path / "store")]) == 3
    assert capsys.readouterr().err == f"logscan: {tmp_path / 'store'}: the store holds no rows yet\n"


def test_a_file_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").touch()
    assert run(["report", "--store", str(tmp_path / "mail.log")]) == 3
    assert (
        capsys.readouterr().err == f"logscan: {tmp_path / 'mail.log'}: no store; logscan ingest makes one\n"
    )


@pytest.mark.parametrize("command", ["show", "compact", "verify"])
def test_a_store_must_be_there(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["store", command, "--store", str(tmp_path / "none")]) == UnreadableInput.exit_status
    assert "no store; logscan ingest makes one" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_store_alone_means_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for arguments in (["--store"], []):
        assert run(["store", "show", *arguments]) == UnreadableInput.exit_status
        assert f"{tmp_path}/logscan/store: no store" in capsys.readouterr().err
    (tmp_path / "mail.log").write_text(LINE.format(day=20))
    assert run(["ingest", str(tmp_path / "mail.log"), "--store", "-q"]) == 0
    assert (tmp_path / "logscan" / "store" / "_manifest.json").exists()


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text(LINE.format(day=20))
    assert run(["ingest", str(tmp_path / "mail.log"), "--store", "/proc/store"]) == LogscanError.exit_status
    assert capsys.readouterr().err.startswith("logscan: /proc/store: cannot be made")
