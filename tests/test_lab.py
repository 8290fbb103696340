"""Logs of real servers against what was said on the wire, and labelled days against what is flagged."""

import gzip
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from logscan.flagging.flags import Spike, find_flags
from logscan.scan import read_table
from logscan.schema import WIRE

LAB = Path(__file__).parent / "lab"
LOGS = {"postfix": "postfix.log.gz", "exim": "exim_mainlog.gz"}
Key = tuple[str, int, str | None]


def on_the_wire(server: str, *, traced: bool) -> Counter[Key]:
    """Negative replies by direction, code and peer: all, or those that the log shows in some way."""
    with gzip.open(LAB / "negative_replies.jsonl.gz", "rt") as lines:
        replies = [reply for reply in map(json.loads, lines) if reply["mta"] == server]
    return Counter(
        ({"in": "inbound", "out": "outbound"}[reply["direction"]], reply["code"], reply["ip"])
        for reply in replies
        if not traced or reply["trace"] not in ("none", "session-only")
    )


def in_the_log(server: str) -> Counter[Key]:
    """Negative replies that logscan finds, by direction, code and peer."""
    found: Counter[Key] = Counter()
    for row in read_table(str(LAB / LOGS[server]), parser=server, tz="UTC", year=2026).to_pylist():
        if row["basis"] in WIRE and (row["code"] or 0) >= 400:
            found[row["direction"], row["code"], row["peer_ip"]] += row["count"]
    return found


@pytest.mark.parametrize(
    ("server", "least_recall", "least_precision"), [("postfix", 0.97, 0.99), ("exim", 0.97, 0.98)]
)
def test_what_real_servers_said_is_found_in_their_logs(
    server: str, least_recall: float, least_precision: float
) -> None:
    said, shown, found = (
        on_the_wire(server, traced=False),
        on_the_wire(server, traced=True),
        in_the_log(server),
    )
    recall = (found & shown).total() / shown.total()
    precision = (found & said).total() / found.total()
    assert (recall >= least_recall, precision >= least_precision) == (True, True), (recall, precision)


def episodes(day: str) -> tuple[str, list[dict[str, Any]]]:
    label = json.loads((LAB / f"{day}.json").read_text())
    return label["parser"], label["episodes"]


@pytest.mark.parametrize("day", sorted(path.stem for path in LAB.glob("day*.json")))
def test_the_episodes_of_a_labelled_day_are_flagged_and_nothing_else(day: str) -> None:
    parser, expected = episodes(day)
    table = read_table(str(LAB / f"{day}.log.gz"), parser=parser)
    spikes = [
        flag for flag in find_flags(table) if isinstance(flag, Spike) and flag.code in (421, 450, 451, 452)
    ]
    found = sorted((flag.direction, flag.cause, flag.start) for flag in spikes)
    wanted = sorted((e["direction"], e["cause"], datetime.fromisoformat(e["start"])) for e in expected)
    assert [item[:2] for item in found] == [item[:2] for item in wanted]
    for have, want in zip(found, wanted, strict=True):
        assert abs((have[2] - want[2]).total_seconds()) < 900
