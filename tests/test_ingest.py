"""A store gets each line of a log once, however the log is rotated, and stays as it was if something goes wrong."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset
import pytest

import logscan
from logscan.cli import run
from logscan.errors import LogscanError, NothingUnderstood, UnreadableInput
from logscan.history.ingest import Ingested, ingest
from logscan.history.manifest import MANIFEST, load_manifest
from logscan.reading.sources import find_sources
from retried import DELIVERED, PUT_OFF, REFUSED

THIRD = "2026-11-23T00:01:00+00:00 mx1 last message repeated 2 times\n" + REFUSED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


@pytest.fixture
def log(folder: Path) -> Path:
    (folder / "mail.log").write_text(PUT_OFF)
    return folder / "mail.log"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def took(store: Path, folder: Path, **options: Any) -> Ingested:
    return ingest(store, lambda: find_sources(str(folder / "mail.log*")), tz="UTC", **options)


def rows(store: Path) -> list[dict[str, Any]]:
    return logscan.read_table(store).drop_columns("source").to_pylist()


def whole(tmp_path: Path) -> list[dict[str, Any]]:
    """The rows of the whole log, read at once."""
    (tmp_path / "whole.log").write_text(PUT_OFF + DELIVERED + THIRD)
    return logscan.read_table(tmp_path / "whole.log").drop_columns("source").to_pylist()


def add(log: Path, text: str) -> None:
    with log.open("a") as stream:
        stream.write(text)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- each line once


def test_only_new_lines_are_read(folder: Path, log: Path, store: Path, tmp_path: Path) -> None:
    assert [(d.lines, d.rows) for d in [took(store, folder)]] == [(3, 1)]
    assert (took(store, folder).lines, took(store, folder).rows) == (0, 0)
    add(log, DELIVERED)
    assert took(store, folder).lines == 1
    add(log, THIRD)
    assert took(store, folder).lines == 2
    assert rows(store) == whole(tmp_path)


def test_what_old_lines_told_is_known_to_new_ones(folder: Path, log: Path, store: Path) -> None:
    took(store, folder)
    add(log, DELIVERED)
    took(store, folder)
    sent = rows(store)[-1]
    assert (sent["sender"], sent["size"], sent["message_id"], sent["line"]) == (
        "a@example.com",
        4711,
        "m1@example.com",
        4,
    )


def _renamed(log: Path) -> None:
    log.rename(log.with_name("mail.log.1"))


def _copied(log: Path) -> None:
    shutil.copy(log, log.with_name("mail.log.1"))
    os.truncate(log, 0)


def _packed(log: Path) -> None:
    log.with_name("mail.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()


def _packed_anew(log: Path) -> None:
    log.with_name("mail.log.1").write_bytes(bz2.compress(log.read_bytes()))
    log.unlink()


@pytest.mark.parametrize("rotate", [_renamed, _copied, _packed, _packed_anew])
@pytest.mark.parametrize("ingested_before", [True, False])
def test_a_rotated_log_is_known_again(
    folder: Path,
    log: Path,
    store: Path,
    tmp_path: Path,
    rotate: Callable[[Path], None],
    ingested_before: bool,
) -> None:
    took(store, folder)
    add(log, DELIVERED)
    if ingested_before:
        took(store, folder)
    rotate(log)
    took(store, folder)
    log.write_text(THIRD)
    took(store, folder)
    kept, expected = rows(store), whole(tmp_path)
    # The new file's lines are numbered from 1, and it repeats nothing: its first line has no line before it.
    assert [row["text"] for row in kept] == [row["text"] for row in expected if row["count"] == 1]
    assert kept[1] == expected[1]


def test_a_log_is_known_again_by_another_name_and_inode(folder: Path, log: Path, store: Path) -> None:
    took(store, folder)
    shutil.copy(log, folder / "mail.log.elsewhere")
    log.unlink()
    assert took(store, folder).lines == 0


def test_an_unfinished_line_is_left_for_later(folder: Path, log: Path, store: Path, tmp_path: Path) -> None:
    add(log, DELIVERED[:50])
    assert took(store, folder).warnings == [f"{log}: the last line has not ended yet; it is left for later"]
    add(log, DELIVERED[50:] + THIRD)
    assert took(store, folder).lines == 3
    assert rows(store) == whole(tmp_path)


def test_two_at_once_wait_for_each_other(folder: Path, log: Path, store: Path, tmp_path: Path) -> None:
    add(log, DELIVERED + THIRD)
    threads = [threading.Thread(target=took, args=(store, folder)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(store) == whole(tmp_path)


def test_a_log_that_is_not_recognised_is_tried_again(folder: Path, store: Path) -> None:
    log = folder / "mail.log"
    log.write_text("nothing that is known\n")
    with pytest.raises(NothingUnderstood, match="not recognised"):
        took(store, folder)
    assert load_manifest(store) is None
    add(log, PUT_OFF)
    assert took(store, folder).rows == 1


REFUSED = "2026-11-22 10:00:0{} H=(pc) [203.0.113.9] F=<a@example.com> rejected RCPT <x@example.org>: relay not permitted\n"


def test_a_refusal_in_two_logs_of_exim_is_kept_once(folder: Path, store: Path) -> None:
    (folder / "mainlog").write_text(
        "2026-11-22 09:00:00 1vNabc-00000001xyz-1A2b <= a@example.com H=mx [192.0.2.1] P=esmtp S=100\n"
    )
    for second in range(3):
        for name in ("mainlog", "rejectlog"):
            add(folder / name, REFUSED.format(second))
            ingest(store, lambda: find_sources(str(folder)), tz="UTC")
    assert [row["code"] for row in rows(store)].count(550) == 3


# ---- the dataset


def test_others_read_the_store(folder: Path, log: Path, store: Path) -> None:
    add(log, DELIVERED + THIRD)
    took(store, folder)
    assert sorted(path.name for path in store.glob("date=*")) == ["date=2026-11-22", "date=2026-11-23"]
    assert pyarrow.dataset.dataset(store, partitioning="hive").count_rows() == 4
    days = duckdb.read_parquet(f"{store}/*/*.parquet", hive_partitioning=True).aggregate(
        "date, count(*)", "date"
    )
    assert sorted(count for _, count in days.fetchall()) == [
        1,
        3,
    ]  # what is repeated has the time of the first


def test_files_that_the_manifest_does_not_name_do_not_count(folder: Path, log: Path, store: Path) -> None:
    took(store, folder)
    file = next(store.glob("date=*/*.parquet"))
    stray = file.with_name("part-0000000000000000.parquet")
    shutil.copy(file, stray)
    assert len(rows(store)) == 1
    took(store, folder)
    assert not stray.exists()


def test_old_days_are_dropped(folder: Path, store: Path) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=age) for age in (40, 8, 7, 0)]
    (folder / "mail.log").write_text(
        "".join(DELIVERED.replace("2026-11-22T23:59:00", f"{day:%Y-%m-%dT}00:00:00") for day in days)
    )
    took(store, folder)
    assert len(list(store.glob("date=*"))) == 4
    took(store, folder, keep=7)
    assert sorted(path.name for path in store.glob("date=*")) == [f"date={day:%Y-%m-%d}" for day in days[2:]]
    assert took(store, folder, keep=7).lines == 0


# ---- what goes wrong


def test_a_log_that_shrank_is_told(
    folder: Path, log: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    took(store, folder)
    before = tree(store)
    log.write_text(PUT_OFF[:-100])
    assert run(["ingest", "--store", str(store), str(log), "-q"]) == UnreadableInput.exit_status
    assert "mail.log: the log shrank: it is shorter than the" in capsys.readouterr().err
    assert tree(store) == before


def test_a_log_that_was_changed_is_told(folder: Path, log: Path, store: Path) -> None:
    add(log, "".join(f"2026-11-22T10:06:{second:02}+00:00 mx1 cron[1]: nothing\n" for second in range(60)))
    took(store, folder)
    log.write_text(log.read_text().replace("10:06:59", "10:06:58") + THIRD)
    assert [problem.partition(": ")[2] for problem in took(store, folder).problems] == [
        f"the log was changed: it begins like the {len(PUT_OFF) + 60 * 47:,} bytes that were read of it, and then differs; nothing was read from it"
    ]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ('{"store": 3}', "a store of version 3; this logscan knows versions up to 2"),
        ("{", "the manifest is damaged"),
        ("[]", "the manifest is damaged (it names no version)"),
        ('{"store": 1, "files": [{"path": "../x"}], "logs": []}', "the manifest is damaged"),
    ],
)
def test_a_store_that_is_not_understood_is_left_alone(
    log: Path, store: Path, manifest: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store.mkdir()
    (store / MANIFEST).write_text(manifest)
    for command in (["ingest", "--store", str(store), str(log)], ["report", str(store)]):
        assert run(command) == UnreadableInput.exit_status
        assert message in capsys.readouterr().err
    assert (store / MANIFEST).read_text() == manifest


def test_a_folder_of_something_else_is_no_store(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ingest", "--store", str(log.parent), str(log)]) == LogscanError.exit_status
    assert "holds other files and is no store" in capsys.readouterr().err


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); import logscan.cli; logscan.cli.main()"


def test_a_full_disk_is_told_and_the_store_is_as_it_was(folder: Path, log: Path, store: Path) -> None:
    took(store, folder)
    before = tree(store)
    add(log, DELIVERED + THIRD)
    done = subprocess.run(
        [sys.executable, "-c", FULL, "ingest", "--store", str(store), str(log)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == LogscanError.exit_status, done.stderr
    assert done.stderr.count("\n") == 1
    assert "cannot be written: File too large" in done.stderr
    assert f"the store {store} is as it was" in done.stderr
    assert tree(store) == before


def test_the_others_are_ingested_if_a_log_cannot_be_read(
    folder: Path, log: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(folder / "no.log")
    assert run(["ingest", "--store", str(store), str(log), missing]) == UnreadableInput.exit_status
    assert capsys.readouterr().err.splitlines() == [
        f"logscan: {missing}: no such file; check the name",
        f"logscan: {store}: 3 new lines of 1 log, 1 row",
    ]
    assert len(rows(store)) == 1


def test_what_is_no_file_is_refused(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.write(write, PUT_OFF.encode())
    os.close(write)
    with open(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(["ingest", "--store", str(store), "-", "-q"]) == UnreadableInput.exit_status
    assert capsys.readouterr().err == (
        "logscan: -: no file, so what is new in it cannot be told; ingest reads files, and this machine's journal\n"
    )


def test_the_store_may_be_configured(
    log: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "logscan.toml"
    settings.write_text(f"[ingest]\nstore = {json.dumps(str(store))}\n")
    assert run(["--config", str(settings), "ingest", str(log)]) == 0
    assert len(rows(store)) == 1
    assert capsys.readouterr().err == f"logscan: {store}: 3 new lines of 1 log, 1 row\n"
