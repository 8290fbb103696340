"""A Postfix log that grows and is rotated in every way, for tests of ingesting."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from random import Random

_START = 5 * 3600


class RotatingLog:
    """``mail.log`` and what was rotated away; as it grows, messages go on after a rotation, and lines are repeated."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = Random(seed)  # noqa: S311  repeatable, not secret
        self.log = folder / "mail.log"
        self.log.touch()
        self._seconds = 0
        self._number = 0
        self._waiting: list[str] = []
        self._generation = 0

    def grow(self, lines: int) -> None:
        """Add some lines."""
        with self.log.open("a") as stream:
            for _ in range(lines):
                stream.write(self._line() + "\n")

    def rotate(self) -> None:
        """Do what logrotate may do, or nothing."""
        self.random.choice((self._nothing, self._rename, self._copy, self._compress))()

    def _nothing(self) -> None:
        pass

    def _rename(self) -> None:
        if self.log.stat().st_size:
            self.log.rename(self._next())
            self.log.touch()

    def _copy(self) -> None:
        if self.log.stat().st_size:
            shutil.copy(self.log, self._next())
            os.truncate(self.log, 0)

    def _compress(self) -> None:
        rotated = sorted(path for path in self.folder.glob("mail.log-*") if path.suffix != ".gz")
        if rotated:
            path = self.random.choice(rotated)
            packed = path.with_name(path.name + ".gz")
            with gzip.open(packed, "wb") as stream:
                stream.write(path.read_bytes())
            os.utime(packed, (path.stat().st_mtime,) * 2)
            path.unlink()

    def _next(self) -> Path:
        self._generation += 1
        return self.folder / f"mail.log-202611{self._generation // 24 + 1:02}{self._generation % 24:02}"

    def _line(self) -> str:
        self._seconds += self.random.randrange(1, 120)
        moment = _START + self._seconds
        stamp = f"2026-11-{moment // 86400 + 1:02}T{moment // 3600 % 24:02}:{moment // 60 % 60:02}:{moment % 60:02}+00:00 mx1"
        choice = self.random.random()
        if choice < 0.1:
            return f"{stamp} postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x{self._seconds}@example.org>: Relay access denied; from=<a@example.com> to=<x{self._seconds}@example.org> proto=ESMTP helo=<pc>"
        if choice < 0.15:
            return f"{stamp} last message repeated {self.random.randrange(2, 5)} times"
        if choice < 0.25:
            return f"{stamp} cron[5]: something else"
        if self._waiting and choice < 0.5:
            queue_id = self._waiting.pop(self.random.randrange(len(self._waiting)))
            return f"{stamp} postfix/smtp[11]: {queue_id}: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
        if self._waiting and choice < 0.7:
            queue_id = self.random.choice(self._waiting)
            return f"{stamp} postfix/smtp[11]: {queue_id}: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=4.7.0, status=deferred (host mx.example.net[192.0.2.7] said: 421 4.7.0 Slow down (in reply to MAIL FROM command))"
        if self._waiting and choice < 0.85:
            queue_id = self.random.choice(self._waiting)
            return f"{stamp} postfix/qmgr[12]: {queue_id}: from=<s{self._number}@example.com>, size={self._number}, nrcpt=1 (queue active)"
        self._number += 1
        queue_id = f"4BX{self._number:07X}"
        self._waiting.append(queue_id)
        return f"{stamp} postfix/cleanup[13]: {queue_id}: message-id=<m{self._number}@example.com>"
