"""Files of a rotated log, put in reading order by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.reading.rotation import RotatedName, reading_order

ROTATED_SETS = {
    "logrotate": ["mail.log.10.gz", "mail.log.3.gz", "mail.log.2.gz", "mail.log.1", "mail.log"],
    "logrotate-dateext": ["mail.log-20251231.zst", "mail.log-20261115.gz", "mail.log-20261122", "mail.log"],
    "logrotate-hourly": ["maillog-2026112223.gz", "maillog-2026112300.gz", "maillog"],
    "logrotate-seconds": ["mail.log-1700000000.gz", "mail.log-1763769600", "mail.log"],
    "logrotate-date-and-seconds": [
        "mail.log-20261122-1795305600.gz",
        "mail.log-20261123-1795392000",
        "mail.log",
    ],
    "logrotate-dashes": ["mail.log-2026-11-22", "mail.log-2026-11-23", "mail.log"],
    "after-a-change-to-dateext": ["mail.log-20261115.gz", "mail.log.2.gz", "mail.log.1", "mail.log"],
    "newsyslog": ["maillog.2.bz2", "maillog.1.bz2", "maillog.0.bz2", "maillog"],
    "postfix-logrotate": ["postfix.log.20261121-030000.gz", "postfix.log.20261122-030000", "postfix.log"],
    "exicyclog": ["mainlog.11.gz", "mainlog.02.gz", "mainlog.01", "mainlog"],
    "exim-datestamped": ["mainlog-20261101", "mainlog-20261102"],
    "exim-by-month": ["mainlog-202610", "mainlog-202611"],
    "date-before-extension": ["mail-2026-11-22.log", "mail-2026-11-23.log", "mail.log"],
    "folder-for-each-day": ["2026/11/22/mail.log.gz", "2026/11/23/mail.log", "mail.log"],
    "exchange": ["RECV2026112300-2.LOG", "RECV2026112300-10.LOG", "RECV2026112301-1.LOG"],
}


@pytest.mark.parametrize("oldest_first", ROTATED_SETS.values(), ids=ROTATED_SETS.keys())
@given(data=st.data())
def test_a_rotated_log_is_read_from_the_oldest_file_on(oldest_first: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(oldest_first))
    assert reading_order(shuffled, str) == oldest_first


def test_logs_stay_apart_in_the_order_given() -> None:
    given_order = ["b/mail.log", "a/mail.log", "b/mail.log.1", "mainlog", "a/mail.log.1", "mainlog.01"]
    assert reading_order(given_order, str) == [
        *("b/mail.log.1", "b/mail.log"),
        *("a/mail.log.1", "a/mail.log"),
        *("mainlog.01", "mainlog"),
    ]


def test_the_way_to_a_file_is_written_does_not_matter() -> None:
    assert reading_order(["./mail.log", "sub/../mail.log.1"], str) == ["sub/../mail.log.1", "./mail.log"]


@pytest.mark.parametrize("name", ["mail.log", "mail.log.1", "mail.log-20261122.xz", "mail.log.12.zst"])
def test_rotated_and_packed_files_belong_to_the_log_they_were(name: str) -> None:
    assert RotatedName.of(f"/var/log/{name}").log == "/var/log/mail.log"


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_any_names_can_be_ordered(names: list[str]) -> None:
    assert sorted(reading_order(names, str)) == sorted(names)
