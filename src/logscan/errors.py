"""What can go wrong, as one tree.

LogscanError            base of all; the command line prints it as one line
├── UsageError          an option or argument makes no sense (exit 2)
├── ParserError         a parser file is wrong (exit 2)
├── UnreadableInput     a file is missing, locked, damaged or no log (exit 3)
├── ProcessKilled       a process that was parsing was killed (exit 3)
├── NothingUnderstood   no line was understood by any parser (exit 4)
└── NotSent             a mail could not be sent (exit 5)
"""


class LogscanError(Exception):
    """Base of every error that logscan raises on purpose."""

    exit_status = 2


class UsageError(LogscanError):
    """An option or argument makes no sense."""


class ParserError(LogscanError):
    """A parser definition is wrong."""


class UnreadableInput(LogscanError):
    """An input could not be read."""

    exit_status = 3


class ProcessKilled(LogscanError):
    """A process that was parsing was killed, as the system does when there is no memory left."""

    exit_status = 3


class NothingUnderstood(LogscanError):
    """No parser understood any line of the input."""

    exit_status = 4


class NotSent(LogscanError):
    """A mail could not be sent, or not to everybody.

    The message's first line is what happened; further lines explain it. ``recipients`` are those who did not
    get the mail; empty means nobody got it.
    """

    exit_status = 5

    def __init__(self, message: str, recipients: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.recipients = recipients
