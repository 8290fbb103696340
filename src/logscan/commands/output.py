"""Where commands write: data to standard output or a file, messages to standard error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logscan.errors import UsageError
from logscan.terminal import sanitise, wants_ascii

#: As of a process that SIGPIPE ended: whoever reads the output has seen enough.
BROKEN_PIPE = 141


def tell(message: str) -> None:
    """One line for the user, on standard error."""
    sys.stderr.write(f"logscan: {sanitise(message)}\n")


#: A full disk, a used up quota, a file as large as may be, a closed output.
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)

#: Formats that are UTF-8 wherever they go: what HTML says about itself holds in a pipe too.
_ALWAYS_UTF8 = ("html", "markdown")


def show(text: str, kind: str = "text") -> None:
    """A text of a format ``kind`` on standard output; plain text as what may be a terminal that knows only ASCII."""
    encoding = "utf-8" if kind in _ALWAYS_UTF8 else None
    sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout.write(text)


def put(text: str, path: str | None, kind: str) -> None:
    """Text to the file ``path``, whole or not at all; to standard output for None and ``-``."""
    if path in (None, "-"):
        show(text, kind)
        return
    from logscan.atomic import replacing

    with replacing(Path(path)) as stream:
        stream.write(text.encode())


def ascii_only() -> bool:
    """Whether standard output takes nothing but ASCII."""
    return wants_ascii(sys.stdout)


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """End without a word when the reader of standard output goes away, and with one when there is no room."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_output()
        raise SystemExit(BROKEN_PIPE) from None
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        _give_up_output()
        raise UsageError(f"the output cannot be written: {error.strerror}") from error


def _give_up_output() -> None:
    """What is still buffered must not be tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
