"""Which programs' lines are a parser's: syslog tags and the daemons that they name."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from logscan.logs.eights import Positions

#: Names of daemons, and which of them each line is of; -1 for none.
Daemons = tuple[list[str], Positions]


class Services:
    """The services that a regex over the whole tag matches; its group ``daemon`` names the program.

    With a ``prefix``, only those of this ``syslog_name``. ``sign`` is a regex for what stands in every line of them.
    """

    def __init__(self, regex: str, prefix: str | None) -> None:
        self._regex = re.compile(regex)
        self._prefix = prefix
        self.sign = rf"(?:^| )(?:{regex.replace('?P<daemon>', '?:')})(?:\[\d+\])?:? "

    def daemon(self, service: str | None) -> str | None:
        """The daemon's name if the service is this parser's, else None."""
        if service is None or service == "":
            return "" if self._regex.fullmatch("") else None
        if " " in service:
            return None
        if self._prefix is not None and not service.startswith(self._prefix + "/"):
            return None
        match = self._regex.fullmatch(service)
        return (match.groupdict().get("daemon") or "") if match else None

    def numbered(self, services: pa.Array) -> Daemons:
        """The daemons that services name; none for what is not this parser's."""
        encoded = services.dictionary_encode()
        names: dict[str, int] = {}
        number_of = [
            -1 if (daemon := self.daemon(service)) is None else names.setdefault(daemon, len(names))
            for service in [*encoded.dictionary.to_pylist(), None]
        ]
        # A service that is not named has the last place.
        codes = encoded.indices.fill_null(len(number_of) - 1)
        return list(names), np.array(number_of, np.int64)[np.asarray(codes)]
