"""A journal for tests: a script in the place of journalctl prints it."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from pathlib import Path

import pytest

from logscan.reading import places

#: Prints entries as journalctl does, from the one with the cursor on, or from where it stood.
_SCRIPT = """\
#!{python} -IS
import sys
lines = open({entries!r}, "rb").read().splitlines(True)
for argument in sys.argv[1:]:
    name, _, value = argument.partition("=")
    if name == "--cursor":
        place = lambda line: int(line.partition(b";i=")[2].partition(b";")[0], 16)
        lines = [line for line in lines if place(line) >= place(value.encode())]
    elif name == "--lines":
        lines = lines[-int(value):]
sys.stdout.buffer.writelines(lines)
"""
_LINE = re.compile(r"(\S+) (\S+) ([^\s\[:]+)(?:\[(\d+)\])?: (.*)")


class FakeJournal:
    """The journal of a machine without mail logs; syslog lines with RFC 3339 stamps are its entries."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._program = folder / "journalctl"
        self.entries = folder / "entries"
        self.entries.touch()
        self._number = 0
        self.series = "0000"
        self.script = _SCRIPT.format(python=sys.executable, entries=str(self.entries))
        self.answers(self.script)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        monkeypatch.setattr(places, "MACHINE_FOLDERS", (str(folder / "log"),))

    def answers(self, script: str) -> None:
        """Let journalctl be another script."""
        self._program.write_text(script)
        self._program.chmod(0o755)

    def add(self, text: str, *, as_bytes: bool = False) -> None:
        """Add an entry for each line that has a tag."""
        with self.entries.open("a") as entries:
            for line in text.splitlines():
                if match := _LINE.fullmatch(line):
                    entries.write(json.dumps(self._entry(*match.groups(), as_bytes=as_bytes)) + "\n")

    def vacuum(self, count: int) -> None:
        """Drop the oldest entries."""
        kept = self.entries.read_text().splitlines(keepends=True)[count:]
        self.entries.write_text("".join(kept))

    def copy(self) -> None:
        """Give all entries other cursors, as where journald moves them from one file to another."""
        self.entries.write_text(self.entries.read_text().replace(f"s={self.series};", "s=1111;"))
        self.series = "1111"

    def _entry(
        self, stamp: str, host: str, tag: str, pid: str | None, message: str, *, as_bytes: bool
    ) -> dict[str, object]:
        self._number += 1
        microseconds = int(datetime.fromisoformat(stamp).timestamp() * 1_000_000)
        return {
            "__CURSOR": f"s={self.series};i={self._number:x};b=b00;m=1;t={microseconds:x};x={self._number:x}",
            "__REALTIME_TIMESTAMP": str(microseconds),
            "MESSAGE": list(message.encode()) if as_bytes else message,
            "SYSLOG_IDENTIFIER": tag,
            "_HOSTNAME": host,
            **({"SYSLOG_PID": pid} if pid else {}),
        }
