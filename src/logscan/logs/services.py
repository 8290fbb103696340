"""Which programs' lines are a parser's: syslog tags and the daemons that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from logscan.logs.eights import Positions


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

    def places(self, services: pa.Array) -> Iterator[tuple[str, Positions]]:
        """Each owned daemon with its places among the services that are named."""
        encoded = services.dictionary_encode()
        codes = np.asarray(encoded.indices.fill_null(-1))
        places: dict[str, list[Positions]] = {}
        for code, service in [*enumerate(encoded.dictionary.to_pylist()), (-1, None)]:
            daemon = self.daemon(service)
            if daemon is not None and len(here := np.flatnonzero(codes == code)):
                places.setdefault(daemon, []).append(here)
        for daemon, found in places.items():
            yield daemon, found[0] if len(found) == 1 else np.sort(np.concatenate(found))
