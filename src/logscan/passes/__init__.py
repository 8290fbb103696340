"""What a row can only learn from other lines: the message's envelope, the session's client, the version, echoes.

Passes run over groups of blocks in the order of the log and keep a bounded memory of what came before. What they
decide depends on the lines alone, not on how the log was cut into blocks or groups. A parser file names its passes.
"""

from __future__ import annotations

from collections.abc import Callable

from logscan.definitions import LogParser
from logscan.passes.echoes import Echoes
from logscan.passes.expiries import Expiries
from logscan.passes.filters import Filters
from logscan.passes.logfiles import LogFiles
from logscan.passes.messages import MessageJoin
from logscan.passes.sessions import Sessions
from logscan.passes.tables import MEMORY, Group
from logscan.passes.versions import Versions

__all__ = ["MEMORY", "PASSES", "Group", "Pass", "Versions"]

Pass = Callable[[Group], None]

PASSES: dict[str, Callable[[LogParser], Pass]] = {
    "messages": MessageJoin,
    "sessions": Sessions,
    "versions": Versions,
    "filters": Filters,
    "echoes": Echoes,
    "expiries": Expiries,
    "logfiles": LogFiles,
}
