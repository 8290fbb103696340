"""What a row can only learn from other lines: the message's envelope, the session's client, the version, echoes.

Passes run over groups of blocks in the order of the log and keep a bounded memory of what came before. What they
decide depends on the lines alone, not on how the log was cut into blocks or groups. A parser file names its passes.
"""

from __future__ import annotations

from collections.abc import Callable

from logscan.logs.definitions import LogParser
from logscan.logs.passes.echoes import Echoes
from logscan.logs.passes.expiries import Expiries
from logscan.logs.passes.filters import Filters
from logscan.logs.passes.logfiles import LogFiles
from logscan.logs.passes.messages import MessageJoin
from logscan.logs.passes.sessions import Sessions
from logscan.logs.passes.tables import MEMORY, Group
from logscan.logs.passes.versions import Versions

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
