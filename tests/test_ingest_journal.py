"""Where the journal is the only mail log, a store gets each of its entries once, whatever journald drops or adds."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import logscan
from journals import FakeJournal
from logscan.cli import run
from logscan.errors import NothingUnderstood, UnreadableInput
from logscan.history import journals
from logscan.history.ingest import Ingested, ingest
from logscan.history.manifest import MANIFEST, KnownJournal, load_manifest
from logscan.reading.sources import find_sources
from retried import DELIVERED, PUT_OFF, REFUSED
from rotating import RotatingLog


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJournal:
    return FakeJournal(tmp_path / "machine", monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def took(store: Path) -> Ingested:
    return ingest(store, find_sources)


def rows(store: Path) -> list[dict[str, Any]]:
    return logscan.read_table(store).to_pylist()


def known(store: Path) -> KnownJournal:
    manifest = load_manifest(store)
    assert manifest is not None
    (journal,) = manifest.logs
    assert isinstance(journal, KnownJournal)
    return journal


# ---- each entry once


def test_only_new_entries_are_read(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    assert [(done.lines, done.rows, done.logs) for done in (took(store), took(store))] == [
        (3, 1, 1),
        (0, 0, 0),
    ]
    journal.add(DELIVERED)
    journal.add(REFUSED, as_bytes=True)
    assert took(store).lines == 2
    assert rows(store) == logscan.read_table().to_pylist()
    assert [row["line"] for row in rows(store)] == [3, 4, 5]


def test_what_old_entries_told_is_known_to_new_ones(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    took(store)
    journal.add(DELIVERED)
    took(store)
    sent = rows(store)[-1]
    assert (sent["sender"], sent["size"], sent["message_id"]) == ("a@example.com", 4711, "m1@example.com")


def test_context_does_not_grow_with_the_journal(
    journal: FakeJournal, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "CONTEXT", 20)
    monkeypatch.setattr(journals, "STEP", 5)
    (tmp_path / "log").mkdir()
    log = RotatingLog(tmp_path / "log", seed=2)
    for _ in range(6):
        log.grow(30)
        journal.add(log.log.read_text())
        os.truncate(log.log, 0)
        took(store)
        last = known(store)
        assert last.lines - 25 < last.marks[0][1] <= last.lines - 19
        assert [number % 5 for _, number in last.marks] == [1] * len(last.marks)
    monkeypatch.setattr(journals, "CONTEXT", 1000)
    ingest(tmp_path / "clean", find_sources)
    assert [(row["time"], row["line"], row["code"]) for row in rows(store)] == [
        (row["time"], row["line"], row["code"]) for row in rows(tmp_path / "clean")
    ]


def test_two_at_once_wait_for_each_other(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF + DELIVERED + REFUSED)
    threads = [threading.Thread(target=took, args=(store,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(store)) == 3


def test_what_is_added_while_it_is_read_is_left_for_later(
    journal: FakeJournal, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.add(PUT_OFF)
    portion = journals.journal_portion

    def growing(*arguments: Any) -> journals.JournalPortion:
        found = portion(*arguments)
        journal.add(DELIVERED)
        return found

    monkeypatch.setattr("logscan.history.portions.journal_portion", growing)
    assert took(store).lines == 3
    monkeypatch.undo()


def test_entries_that_were_copied_to_another_file_are_known_again(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    took(store)
    journal.copy()
    journal.add(DELIVERED)
    done = took(store)
    assert (done.lines, done.warnings) == (1, [])
    assert rows(store)[-1]["sender"] == "a@example.com"


def test_each_machine_has_a_journal_of_its_own(
    journal: FakeJournal, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.add(PUT_OFF)
    for machine in ("a" * 32, "b" * 32, "a" * 32):
        (tmp_path / "machine-id").write_text(f"{machine}\n")
        monkeypatch.setattr("logscan.reading.places._MACHINE_ID", tmp_path / "machine-id")
        took(store)
    manifest = load_manifest(store)
    assert manifest is not None
    assert sorted(log.machine[:1] for log in manifest.logs if isinstance(log, KnownJournal)) == ["a", "b"]
    assert len(rows(store)) == 2


# ---- what journald has dropped


def test_after_a_gap_reading_goes_on_with_what_is_there(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    took(store)
    journal.add(DELIVERED + REFUSED)
    journal.vacuum(3)
    done = took(store)
    assert done.lines == 2
    assert done.warnings == [
        "journal: the last entry that was read (2026-11-22 10:05:00 UTC) is no longer there, and others may be missing;"
        " reading went on at 2026-11-22 23:59:00 UTC"
    ]
    assert [(row["line"], row["code"]) for row in rows(store)] == [(3, 421), (4, 250), (5, 554)]
    assert took(store).warnings == []


def test_old_entries_that_are_dropped_are_not_missed(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    took(store)
    journal.add(DELIVERED)
    journal.vacuum(2)
    done = took(store)
    assert (done.lines, done.warnings) == (1, [])
    assert [row["line"] for row in rows(store)] == [3, 4]


# ---- what goes wrong


def test_a_journal_that_breaks_off_is_taken_as_far_as_it_goes(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF + DELIVERED)
    whole = journal.script
    journal.answers(
        f"{whole.replace('lines(lines)', 'lines(lines[:3] + [line[:40] for line in lines[3:]])')}\nsys.exit(3)\n"
    )
    done = took(store)
    assert done.lines == 3
    assert done.warnings == ["journal: reading stopped early: journalctl ended with exit status 3"]
    journal.answers(whole)
    took(store)
    assert rows(store) == logscan.read_table().to_pylist()


def test_a_journal_that_nothing_recognises_is_tried_again(journal: FakeJournal, store: Path) -> None:
    journal.add("2026-11-22T09:00:00+00:00 mx1 fetchmail[7]: nothing that is known\n")
    with pytest.raises(NothingUnderstood, match="not recognised"):
        took(store)
    journal.add(PUT_OFF)
    assert took(store).lines == 4


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "no mail entries"),
        ("echo 'Permission denied' >&2; exit 1", "journalctl: Permission denied"),
    ],
)
def test_a_journal_that_cannot_be_read_is_told_in_one_line(
    journal: FakeJournal, store: Path, capsys: pytest.CaptureFixture[str], script: str, reason: str
) -> None:
    journal.answers(f"#!/bin/sh\n{script}\n")
    assert run(["ingest", "--store", str(store)]) == UnreadableInput.exit_status
    told = capsys.readouterr().err
    assert f"nor in the journal ({reason}" in told
    assert told.count("\n") == 1


def test_without_journalctl_it_is_told(
    journal: FakeJournal, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(store))
    assert run(["ingest", "--store", str(store)]) == UnreadableInput.exit_status
    assert "nor in the journal (journalctl is not installed)" in capsys.readouterr().err


def test_a_journal_without_cursors_is_refused(journal: FakeJournal, store: Path) -> None:
    journal.answers("#!/bin/sh\necho '{}'\n")
    assert "has no cursor" in took(store).problems[0]


# ---- what is shown and kept


def test_show_tells_how_far_the_journal_was_read(
    journal: FakeJournal, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.add(PUT_OFF)
    assert run(["ingest", "--store", str(store)]) == 0
    assert run(["store", "show", "--store", str(store)]) == 0
    told = capsys.readouterr()
    assert told.err == f"logscan: {store}: 3 new lines of 1 log, 1 row\n"
    assert told.out.splitlines()[-1].endswith(" up to 2026-11-22 10:05:00 UTC")


def test_compact_keeps_how_far_the_journal_was_read(journal: FakeJournal, store: Path) -> None:
    for text in (PUT_OFF, DELIVERED):
        journal.add(text)
        took(store)
    before = known(store)
    assert run(["store", "compact", "--store", str(store)]) == 0
    assert known(store) == before
    assert took(store).lines == 0


def test_a_store_from_before_journals_were_read_goes_on(
    journal: FakeJournal, store: Path, tmp_path: Path
) -> None:
    (tmp_path / "mail.log").write_text(PUT_OFF)
    ingest(store, lambda: find_sources(tmp_path / "mail.log"), tz="UTC")
    manifest = json.loads((store / MANIFEST).read_text())
    (store / MANIFEST).write_text(json.dumps({**manifest, "store": 1}))
    assert ingest(store, lambda: find_sources(tmp_path / "mail.log"), tz="UTC").lines == 0
    journal.add(DELIVERED)
    took(store)
    assert [row["code"] for row in rows(store)] == [421, 250]
    assert json.loads((store / MANIFEST).read_text())["store"] == 2


def test_a_file_of_entries_is_a_file(journal: FakeJournal, store: Path) -> None:
    journal.add(PUT_OFF)
    ingest(store, lambda: find_sources(journal.entries))
    journal.add(DELIVERED)
    assert ingest(store, lambda: find_sources(journal.entries)).lines == 1
    assert rows(store)[-1]["source"] == str(journal.entries)
