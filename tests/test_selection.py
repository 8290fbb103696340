"""Rows are picked by code, direction and peer."""

from __future__ import annotations

from typing import Any

import pytest

from logscan.errors import UsageError
from logscan.selection import Selection
from tables import replies

ROWS = replies(
    {
        "code": 421,
        "enhanced": "4.7.0",
        "direction": "outbound",
        "peer_name": "mx1.example.net",
        "peer_ip": "192.0.2.7",
    },
    {
        "code": 550,
        "enhanced": "5.7.1",
        "direction": "inbound",
        "peer_name": "unknown",
        "peer_ip": "2001:db8::7",
    },
    {"enhanced": "4.7.1", "direction": "inbound", "peer_name": "example.net", "peer_ip": "not an address"},
    {"status": "deferred"},
)


@pytest.mark.parametrize(
    ("selection", "lines"),
    [
        ({}, [1, 2, 3, 4]),
        ({"codes": ["421"]}, [1]),
        ({"codes": ["4xx", "550"]}, [1, 2]),
        ({"codes": ["4.7.x"]}, [1, 3]),
        ({"codes": ["x.7.1"]}, [2, 3]),
        ({"direction": "inbound"}, [2, 3]),
        ({"direction": "inbound", "codes": ["5xx"]}, [2]),
        ({"peers": ["example.net"]}, [1, 3]),
        ({"peers": ["MX1.example.net."]}, [1]),
        ({"peers": ["ample.net"]}, []),
        ({"peers": ["192.0.2.0/24", "2001:db8::/32"]}, [1, 2]),
        ({"peers": ["192.0.2.7"]}, [1]),
    ],
)
def test_rows_are_picked(selection: dict[str, Any], lines: list[int]) -> None:
    assert Selection(**selection).of(ROWS)["line"].to_pylist() == lines


@pytest.mark.parametrize("code", ["42", "4211", "abc", "4.7", "4.7.0.1", "", "6xx"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match="no such code"):
        Selection(codes=[code])
