"""What a user may name, and what is read of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logscan.errors import UnreadableInput, UsageError
from logscan.reading import places
from logscan.reading.sources import Source, find_sources

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "nothing": bytes,
}


def log(number: int, lines: int = 3) -> bytes:
    """Return some lines of a log unlike those of any other number."""
    line = b"Nov  5 10:%02d:%02d mx1 postfix/smtpd[%d]: connect from unknown[192.0.2.1]\n"
    return b"".join(line % (second // 60 % 60, second % 60, number) for second in range(lines))


def names(sources: list[Source]) -> list[str]:
    return [os.path.basename(source.name) for source in sources]


def text(source: Source) -> bytes:
    return b"".join(source.blocks())


def reason(source: Source) -> str:
    """Return why the source cannot be read, without its name."""
    with pytest.raises(UnreadableInput) as raised:
        source.head(10)
    assert str(raised.value).startswith(f"{source.name}: ")
    assert "\n" not in str(raised.value)
    with pytest.raises(UnreadableInput):
        text(source)
    return str(raised.value).removeprefix(f"{source.name}: ")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *files: str) -> None:
    for number, file in enumerate(files):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log(number))


# ------------------------------------------------------------------ reading one file


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_the_contents_tell_how_a_file_is_packed_whatever_its_name(folder: Path, compressor: str) -> None:
    (folder / "mail.log").write_bytes(COMPRESSORS[compressor](log(1)))
    (source,) = find_sources("mail.log")
    assert source.head(40) == log(1)[:40]
    assert text(source) == log(1)
    assert source.warnings == []


def test_a_source_tells_its_name_as_given_and_when_the_file_was_written(folder: Path) -> None:
    write(folder, "mail.log")
    os.utime("mail.log", (1_700_000_000, 1_700_000_000))
    (source,) = find_sources([Path("mail.log")])
    assert source.name == "mail.log"
    assert source.modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_an_archive_cut_short_is_read_as_far_as_it_goes(folder: Path) -> None:
    (folder / "mail.log.gz").write_bytes(gzip.compress(log(1, 3000))[:-2000])
    (source,) = find_sources("mail.log.gz")
    assert len(text(source)) > 10_000
    assert log(1, 3000).startswith(text(source))
    assert "gzip data ends early" in source.warnings[0]


def test_an_empty_file_is_a_log_without_lines(folder: Path) -> None:
    (folder / "mail.log").touch()
    (source,) = find_sources("mail.log")
    assert source.head() == b""
    assert list(source.blocks()) == []


def test_utf16_and_windows_line_ends_become_plain(folder: Path) -> None:
    (folder / "session.log").write_bytes("220 mx ESMTP\r\nEHLO x\r\n".encode("utf-16"))
    (source,) = find_sources("session.log")
    assert source.head(12) == b"220 mx ESMTP"
    assert text(source) == b"220 mx ESMTP\nEHLO x\n"


def test_head_leaves_no_warnings_and_takes_nothing_away(folder: Path) -> None:
    (folder / "mail.log").write_bytes(b"\0\0\0" + log(1))
    (source,) = find_sources("mail.log")
    assert source.head() == log(1)
    assert source.warnings == []
    assert text(source) == log(1)
    assert source.warnings == ["NUL bytes left out: 3"]


@given(data=st.binary(max_size=400), size=st.integers(1, 500), head=st.integers(0, 500))
def test_any_bytes_give_the_same_text_at_any_block_size(data: bytes, size: int, head: int) -> None:
    data = b"." + data  # not a packed file
    (source,) = find_sources(io.BytesIO(data))
    try:
        whole = text(source)
    except UnreadableInput:
        return
    blocks = list(source.blocks(size))
    assert b"".join(blocks) == whole
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert source.head(head) == whole[:head]


def test_a_read_error_in_the_middle_ends_the_text_with_a_warning() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 0:
                raise OSError(5, "Input/output error")
            return super().read(100)

    (source,) = find_sources(Failing(log(1, 50)))
    assert text(source) == log(1, 50)[:100]
    assert source.warnings == ["reading stopped early: Input/output error"]


# ------------------------------------------------------------------ what cannot be read


def test_a_missing_file(folder: Path) -> None:
    (source,) = find_sources("mail.lgo")
    assert reason(source) == "no such file; check the name"


def test_a_link_to_nowhere(folder: Path) -> None:
    (folder / "mail.log").symlink_to("gone")
    (source,) = find_sources("mail.log")
    assert reason(source) == "a link to gone, which does not exist"


def test_a_pattern_that_matches_nothing(folder: Path) -> None:
    (source,) = find_sources("mail.log*")
    assert reason(source) == "no file matches this pattern"


def test_a_folder_without_logs(folder: Path) -> None:
    write(folder, "config/main.cf")
    (source,) = find_sources("config")
    assert reason(source) == "no mail log in this folder; name the files themselves, as in config/*"


def test_a_named_pipe_is_refused_for_reading_it_might_never_end(folder: Path) -> None:
    os.mkfifo("queue")
    (source,) = find_sources("queue")
    assert reason(source) == "a named pipe, not a file; to read from it: logscan … - < queue"


def test_a_device() -> None:
    (source,) = find_sources("/dev/null")
    assert reason(source) == "a device or socket, not a file"


def test_binary_data_is_named(folder: Path) -> None:
    (folder / "mail.log").write_bytes(b"\x7fELF\x02" + bytes(100))
    (source,) = find_sources("mail.log")
    assert reason(source) == "not a text log but a program"


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Yield a folder that anyone may enter, and let the test run as a user without rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: S103 - on purpose
        yield Path(name)
        os.seteuid(0)


def test_a_file_that_only_others_may_read(nobody: Path) -> None:
    path = nobody / "mail.log"
    path.write_bytes(log(1))
    path.chmod(0o600)
    os.seteuid(65534)
    (source,) = find_sources(path)
    assert reason(source) == "permission denied; read it as root"


def test_a_folder_that_only_others_may_enter_leaves_the_other_inputs(nobody: Path) -> None:
    (nobody / "closed").mkdir(mode=0o700)
    (nobody / "mail.log").write_bytes(log(1))
    os.seteuid(65534)
    folder, readable = find_sources([nobody / "closed", nobody / "mail.log"])
    assert reason(folder) == "permission denied"
    assert text(readable) == log(1)


def test_a_stream_must_be_one() -> None:
    with pytest.raises(UsageError, match="neither a path nor an open binary file"):
        find_sources([42])  # type: ignore[list-item]


def test_a_file_for_a_group_names_the_group(nobody: Path) -> None:
    import grp

    group = next(entry for entry in grp.getgrall() if 0 < entry.gr_gid < 1000)
    path = nobody / "mail.log"
    path.write_bytes(log(1))
    path.chmod(0o640)
    os.chown(path, 0, group.gr_gid)
    os.seteuid(65534)
    (source,) = find_sources(path)
    assert reason(source) == f"permission denied; read it as root or as a member of the group {group.gr_name}"


def test_an_unreadable_input_does_not_hide_the_others(folder: Path) -> None:
    write(folder, "mail.log")
    sources = find_sources(["gone.log", "mail.log"])
    assert names(sources) == ["gone.log", "mail.log"]
    assert text(sources[1]) == log(0)


# ------------------------------------------------------------------ globs, folders, order


def test_a_quoted_pattern_is_expanded_and_put_in_order(folder: Path) -> None:
    write(folder, "mail.log", "mail.log.1", "mail.log.10", "mail.log.2", "other")
    assert names(find_sources("mail.log*")) == ["mail.log.10", "mail.log.2", "mail.log.1", "mail.log"]


def test_the_order_given_does_not_matter_within_a_log_but_between_logs(folder: Path) -> None:
    write(folder, "mail.log", "mail.log.1", "mainlog", "mainlog.01")
    assert names(find_sources(["mainlog", "mail.log", "mail.log.1", "mainlog.01"])) == [
        *("mainlog.01", "mainlog"),
        *("mail.log.1", "mail.log"),
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path) -> None:
    write(folder, "mail[1].log")
    (source,) = find_sources("mail[1].log")
    assert text(source) == log(0)


@pytest.mark.parametrize(
    ("files", "read"),
    [
        (["mail.log.1", "mail.log", "mail.err", "mail.warn", "syslog"], ["mail.log.1", "mail.log"]),
        (["maillog-20261122.gz", "maillog", "messages", "cron"], ["maillog-20261122.gz", "maillog"]),
        (["mail", "mail.err", "mail.info", "mail.warn"], ["mail"]),
        (["mail.info", "mail.err"], ["mail.info"]),
        (["mainlog", "rejectlog", "mainlog.1"], ["mainlog.1", "mainlog", "rejectlog"]),
        (["exim_mainlog", "exim_rejectlog", "messages"], ["exim_mainlog", "exim_rejectlog"]),
        (["main.log", "main.log-20261122", "reject.log"], ["main.log-20261122", "main.log", "reject.log"]),
        (["exim4/mainlog", "mail.log", "apt/history.log", "dpkg.log"], ["mail.log", "mainlog"]),
        (["mx1-mail.log", "mx2-mail.log", "notes.txt"], ["mx1-mail.log", "mx2-mail.log"]),
        (["mail-2026-11-22.log", "mail-2026-11-23.log"], ["mail-2026-11-22.log", "mail-2026-11-23.log"]),
        (["swaks.log", "swaks.log.1", "swaks.txt"], ["swaks.log.1", "swaks.log"]),
        (["mail.log", "mail.log~", ".mail.log.swp", ".x-mail.log", "mail.log.1/x"], ["mail.log"]),
    ],
)  # fmt: skip
def test_of_a_folder_the_mail_logs_are_read(folder: Path, files: list[str], read: list[str]) -> None:
    write(folder, *(f"logs/{file}" for file in files))
    sources = find_sources("logs")
    assert names(sources) == read
    assert all(text(source) for source in sources)


def test_excerpts_of_a_log_given_beside_it_are_left_out_and_named(folder: Path) -> None:
    write(folder, "mail.log", "mail.err", "mail.warn.1")
    (source,) = find_sources("mail.*")
    assert source.name == "mail.log"
    assert source.warnings == [
        "mail.err repeats lines of this log; to read it, name it alone",
        "mail.warn.1 repeats lines of this log; to read it, name it alone",
    ]
    assert names(find_sources("mail.err")) == ["mail.err"]


# ------------------------------------------------------------------ the same log twice


def test_a_file_under_two_names_is_read_once(folder: Path) -> None:
    write(folder, "mail.log")
    (folder / "current").symlink_to("mail.log")
    (folder / "hard").hardlink_to("mail.log")
    (source,) = find_sources(["mail.log", "./mail.log", "current", "hard"])
    assert source.warnings == [
        "./mail.log is the same file; it is read once",
        "current is the same file; it is read once",
        "hard is the same file; it is read once",
    ]


@pytest.mark.parametrize("lines", [3, 5000])
def test_a_packed_copy_is_noticed(folder: Path, lines: int) -> None:
    (folder / "mail.log.1").write_bytes(log(1, lines))
    (folder / "copy.gz").write_bytes(gzip.compress(log(1, lines)))
    (source,) = find_sources(["mail.log.1", "copy.gz"])
    assert source.name == "mail.log.1"
    assert source.warnings == ["copy.gz holds the same lines or the first of them; it is not read"]


def test_the_longer_of_two_copies_is_read(folder: Path) -> None:
    (folder / "yesterday.log").write_bytes(log(1, 5000))
    (folder / "today.log").write_bytes(log(1, 6000))
    (folder / "broken.log.gz").write_bytes(gzip.compress(log(1, 6000))[:-2000])
    (source,) = find_sources(["yesterday.log", "broken.log.gz", "today.log"])
    assert text(source) == log(1, 6000)
    assert len(source.warnings) == 2


def test_logs_that_only_begin_alike_are_all_read(folder: Path) -> None:
    (folder / "a.log").write_bytes(log(1, 5000) + log(2))
    (folder / "b.log").write_bytes(log(1, 5000) + log(3))
    assert names(find_sources(["a.log", "b.log"])) == ["a.log", "b.log"]


def test_short_transcripts_may_be_equal_and_still_two_sessions(folder: Path) -> None:
    for name in ("first.txt", "second.txt"):
        (folder / name).write_bytes(b"220 mx.example.org ESMTP\nQUIT\n221 2.0.0 Bye\n")
    assert names(find_sources(["first.txt", "second.txt"])) == ["first.txt", "second.txt"]


def test_empty_files_are_not_copies_of_each_other(folder: Path) -> None:
    (folder / "mail.log").touch()
    (folder / "mainlog").touch()
    assert len(find_sources(["mail.log", "mainlog"])) == 2


# ------------------------------------------------------------------ streams


def test_an_open_file_is_read_from_where_it_stands_and_left_open(folder: Path) -> None:
    write(folder, "mail.log")
    with open("mail.log", "rb") as stream:
        stream.readline()
        (source,) = find_sources(stream)
        assert source.name == "mail.log"
        assert source.modified is not None
        assert source.head(3) == b"Nov"
        assert text(source) == log(0).partition(b"\n")[2]
        assert not stream.closed


def test_streams_without_a_name_get_one_each() -> None:
    sources = find_sources([io.BytesIO(log(1)), io.BytesIO(gzip.compress(log(2)))])
    assert [source.name for source in sources] == ["<stream 1>", "<stream 2>"]
    assert [text(source) for source in sources] == [log(1), log(2)]


def test_a_stream_of_text_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="binary mode"):
        find_sources([io.StringIO("text")])  # type: ignore[list-item]


def test_standard_input_cannot_be_read_twice() -> None:
    with pytest.raises(UsageError, match="only once"):
        find_sources(["-", "-"])


SHOW = """
import sys
from logscan.reading.sources import find_sources
(source,) = find_sources(sys.argv[1])
sys.stdout.buffer.write(b"|".join([source.name.encode(), source.head(5), *source.blocks()]))
"""


@pytest.fixture
def show(folder: Path) -> str:
    (folder / "show.py").write_text(
        SHOW.replace("%r|", "%s|").replace("source.name,", "source.name.encode(),")
    )
    return f"PYTHONPATH={Path(__file__).parents[1] / 'src'} {sys.executable} show.py"


def test_standard_input_may_be_a_pipe_packed_or_not(folder: Path, show: str) -> None:
    packed = gzip.compress(log(1, 500))
    for data in (log(1, 500), packed):
        result = subprocess.run(f"{show} -", shell=True, input=data, capture_output=True, check=True)  # noqa: S602
        assert result.stdout == b"-|Nov  |" + log(1, 500)


def test_a_shells_process_substitution_is_read(folder: Path, show: str) -> None:
    (folder / "mail.log").write_bytes(log(1))
    result = subprocess.run(["bash", "-c", f"{show} <(cat mail.log)"], capture_output=True, check=True)
    assert result.stdout.startswith(b"/dev/fd/")
    assert result.stdout.endswith(b"|Nov  |" + log(1))


def test_a_terminal_as_standard_input_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO()))
    (source,) = find_sources("-")
    assert reason(source) == "standard input is a terminal; pipe a log in, or name a file"


# ------------------------------------------------------------------ without paths


@pytest.fixture
def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a root folder that stands for this machine's; nothing is in its journal."""
    monkeypatch.setattr(
        places, "MACHINE_FOLDERS", tuple(f"{folder}{place}" for place in places.MACHINE_FOLDERS)
    )
    journalctl(folder, "exit 1", monkeypatch)
    return folder


def journalctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / "journalctl"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


def test_without_paths_the_machines_logs_are_read(machine: Path) -> None:
    write(machine, "var/log/mail.log", "var/log/mail.log.1", "var/log/exim4/mainlog", "var/log/dpkg.log")
    assert names(find_sources()) == ["mail.log.1", "mail.log", "mainlog"]


def test_without_log_files_the_journal_is_read(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(machine, "var/log/dpkg.log")
    (machine / "var/log/mail.log").touch()
    journalctl(machine, 'for line in 1 2 3; do echo "{\\"MESSAGE\\":\\"$line $6\\"}"; done', monkeypatch)
    (source,) = find_sources([])
    assert source.name == "journal"
    assert source.head(14) == b'{"MESSAGE":"1 '
    assert text(source).count(b"SYSLOG_FACILITY=2") == 3


def test_of_the_journal_long_messages_are_asked_for_too(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # journalctl gives null for what has more than 4,096 bytes, but with --all.
    script = 'case $* in *--all*) printf \'{"MESSAGE":"long"}\';; *) printf \'{"MESSAGE":null}\';; esac'
    journalctl(machine, script, monkeypatch)
    (source,) = find_sources()
    assert text(source) == b'{"MESSAGE":"long"}'


def test_a_journal_that_breaks_off_is_read_as_far_as_it_goes(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(machine, "echo '{}'; case $* in *--lines=1*) exit 0;; esac; exit 3", monkeypatch)
    (source,) = find_sources()
    assert text(source) == b"{}\n"
    assert source.warnings == ["reading stopped early: journalctl ended with exit status 3"]


def test_where_there_is_no_log_at_all_the_places_are_named(machine: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"no mail log found in .*/var/log, .* nor in the journal"):
        find_sources()
