"""Own relays and named peers are called so in every form of a report, and own domains stay under --anonymize."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan import settings
from logscan.cli import run
from logscan.flagging.findings import CommandRejections
from logscan.flagging.flags import find_flags
from logscan.known_peers import OWN_RELAY, KnownPeers, Site
from logscan.mailing.subjects import subject
from logscan.pseudonyms import Pseudonyms
from logscan.rendering.contents import compose
from reports import HOSTILE, a_report, flags
from tables import replies

NAMED = {
    "192.0.2.0/24": "the net",
    "192.0.2.7": "branch office",
    "example.net": "Example",
    "mx.example.net": "smart host",
}


def label(name: str | None, ip: str | None, **site: Any) -> str:
    """What a site calls the one peer of a log."""
    return Site(**site).known_in(replies({"peer_name": name, "peer_ip": ip})).label(ip, name)


@pytest.mark.parametrize(
    ("name", "ip", "expected"),
    [
        (None, "192.0.2.7", "branch office"),
        ("mx.example.net", "192.0.2.7", "branch office"),
        ("mx.example.net", "192.0.2.8", "the net"),
        ("mx.example.net", "198.51.100.1", "smart host"),
        ("a.MX.example.NET", None, "smart host"),
        ("mx2.example.net", None, "Example"),
        ("notexample.net", None, ""),
        ("net", None, ""),
        ("unknown", "198.51.100.1", ""),
        (None, "2001:db8::c000:207", ""),
        ("mx.example.org", "no address", ""),
    ],
)
def test_the_narrowest_place_counts_and_addresses_before_names(
    name: str | None, ip: str | None, expected: str
) -> None:
    assert label(name, ip, names=NAMED) == expected


def test_relays_are_own_whatever_else_they_are_called() -> None:
    site = Site(relays=("2001:db8::/64", "monitor.example.org"), names={"2001:db8::7": "filter"})
    rows = [
        {"peer_ip": "2001:db8::7"},
        {"peer_ip": "2001:db8::8"},
        {"peer_name": "monitor.example.org"},
        {"peer_ip": "192.0.2.9"},
    ]
    known = site.known_in(replies(*rows))
    assert known.labels == {
        "2001:db8::7": f"{OWN_RELAY}, filter",
        "2001:db8::8": OWN_RELAY,
        "monitor.example.org": OWN_RELAY,
    }
    assert known.own == set(known.labels)


def test_a_host_name_is_known_only_if_all_its_addresses_are() -> None:
    pool = [{"peer_name": "pool.example.com", "peer_ip": f"192.0.2.{number}"} for number in (7, 8)]
    known = Site(names={"192.0.2.7": "branch office"}).known_in(replies(*pool))
    assert known.labels == {"192.0.2.7": "branch office"}
    assert Site(names={"192.0.2.0/24": "net"}).known_in(replies(*pool)).label("pool.example.com") == "net"


@given(
    st.lists(st.tuples(st.text() | st.none(), st.text() | st.none() | st.ip_addresses().map(str)), max_size=5)
)
def test_whatever_stands_in_a_log_is_looked_up(peers: list[tuple[str | None, str | None]]) -> None:
    table = replies(
        *(
            {
                "peer_name": name and name.encode("utf-8", "replace").decode(),
                "peer_ip": ip and ip.encode("utf-8", "replace").decode(),
            }
            for name, ip in peers
        )
    )
    known = Site(relays=("0.0.0.0/0", "::/0")).known_in(table)
    assert set(known.labels.values()) <= {OWN_RELAY}


# ---- In reports

KNOWN = KnownPeers(
    {
        "198.51.100.7": "Big <b>Mail</b>",
        "203.0.113.77": OWN_RELAY,
        "203.0.113.0": "*branch*",
        "mx5.provider.example": "MX 5",
    },
    frozenset({"203.0.113.77"}),
)


def test_every_form_of_a_report_shows_the_words() -> None:
    report = a_report(known=KNOWN)
    text = report.to_text(verbose=1)
    assert "    mx5.provider.example (Big <b>Mail</b>) 18, 1 more" in text
    assert "    203.0.113.77 (own relay) 12\n" in text
    assert "relay denied · 203.0.113.0 (*branch*) 11" in text
    assert "  20  mx5.provider.example  421\n                            MX 5\n" in text
    page = report.to_html()
    assert "mx5.provider.example (Big &lt;b&gt;Mail&lt;/b&gt;) 18" in page
    assert "<b>Mail" not in page
    assert "`mx5.provider.example (Big <b>Mail</b>) 18, 1 more" in report.to_markdown()
    assert "\\*branch\\*" in report.to_markdown()


def test_the_json_has_names_and_addresses_only() -> None:
    assert a_report(known=KNOWN).to_json() == a_report().to_json()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("branch office", "mx5.provider.example (branch office)"),
        ("Zweigstelle Köln", "mx5.provider.example"),
        ("=?x?=", "mx5.provider.example"),
    ],
)
def test_subjects_show_words_that_a_header_carries(words: str, shown: str) -> None:
    report = a_report(known=KnownPeers({"198.51.100.7": words}))
    assert f"421 rate limit 14:05-14:24 from {shown}, 20 deferred" in subject(report)


def test_hostile_words_are_harmless() -> None:
    report = a_report(known=KnownPeers({"198.51.100.7": HOSTILE, "mx5.provider.example": HOSTILE}))
    for shown in (report.to_text(verbose=1), report.to_html(), report.to_markdown(), subject(report)):
        assert not set("\x1b\x07\u202e\x9b") & set(shown)
    assert "<script>" not in report.to_html()


# ---- Whose fault it is


def test_own_relays_are_no_scanners() -> None:
    rows = [
        {
            "direction": "inbound",
            "cause": "command",
            "code": 502,
            "command": "VRFY",
            "peer_ip": ip,
            "peer_name": name,
            "count": count,
        }
        for ip, name, count in (("203.0.113.9", "unknown", 5), ("192.0.2.25", "monitor.example.org", 5))
    ]
    (flag,) = find_flags(replies(*rows))
    assert isinstance(flag, CommandRejections)
    assert flag.culprit == "scanner"
    for own in ("192.0.2.25", "monitor.example.org"):
        (flag,) = find_flags(replies(*rows), own={own})
        assert isinstance(flag, CommandRejections)
        assert flag.culprit == OWN_RELAY
    (flag,) = find_flags(replies(*rows, {**rows[0], "count": 1}), own={"192.0.2.25"})
    assert isinstance(flag, CommandRejections)
    assert flag.culprit == "scanner"


@pytest.mark.parametrize(
    ("own", "advice"), [(False, "A few peers open too many connections"), (True, "Open fewer parallel")]
)
def test_advice_about_own_relays_is_what_they_should_do(own: bool, advice: str) -> None:
    spike = replace(flags()[0], direction="inbound", cause="connection_limit")
    known = KnownPeers({"198.51.100.7": OWN_RELAY}, frozenset({"198.51.100.7"} if own else ()))
    (finding,) = compose(a_report(flags=(spike,), known=known)).findings
    assert finding.advice.startswith(advice)


# ---- From the configuration file


PROBES = (
    "".join(
        f"2026-11-22T10:{minute:02d}:00+00:00 mx1 postfix/smtpd[9]: disconnect from mon.example.org[192.0.2.25] vrfy=0/9 commands=0/9\n"
        for minute in range(3)
    )
    + "2026-11-22T11:00:00+00:00 mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from mx.example.net[192.0.2.7]: 554 5.7.1 <x@example.com>: Relay access denied; from=<kim@Example.org> to=<lee@sub.example.org> proto=ESMTP helo=<pc>\n"
)

SETTINGS = """\
[own]
domains = "example.org"
relays = "192.0.2.25"
[names]
"mx.example.net" = "smart host"
"192.0.2.25" = "the monitor"
"""


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A log, and arguments that name it and a configuration."""
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "none.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LOGSCAN_ANONYMIZE_KEY", "a key for tests")
    (tmp_path / "mail.log").write_text(PROBES)
    (tmp_path / "own.toml").write_text(SETTINGS)
    return ["--config", str(tmp_path / "own.toml"), "report", str(tmp_path / "mail.log"), "-q", "--tz", "UTC"]


def test_what_is_configured_is_shown(configured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*configured, "-v"]) == 0
    shown = capsys.readouterr().out
    assert "! 502 VRFY rejected we→them 10:00-10:02, 27* replies, own relay" in shown
    assert "mon.example.org (own relay, the monitor) 27" in shown
    assert "mx.example.net (smart host)" in shown


def test_pseudonyms_keep_own_domains_and_tell_own_relays(
    configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*configured, "-v", "--anonymize"]) == 0
    shown = capsys.readouterr().out
    hidden = Pseudonyms(b"a key for tests", ["example.org"])
    assert f"{hidden.of_host('mon.example.org')} (own relay) 27" in shown
    assert hidden.of_host("mon.example.org").endswith(".example.org")
    assert f"{hidden.of_user('kim')}@Example.org" in shown.replace("\n", "")
    assert hidden.of_host("sub.example.org").endswith(".example.org")
    for name in ("mon.", "sub.", "kim@", "lee@", "192.0.2", "smart host", "the monitor", "example.net"):
        assert name not in shown
    assert run([*configured, "--anonymize", "--format", "json"]) == 0
    (flag,) = json.loads(capsys.readouterr().out)["flags"]
    assert flag["culprit"] == OWN_RELAY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[own]\ndomain = "example.org"\n', ":2: unknown key own.domain; did you mean own.domains?"),
        ('[own]\ndomains = ["192.0.2.7"]\n', ":2: own.domains must be a domain such as "),
        (
            '[own]\nrelays = ["mx1", "192.0.2.300"]\n',
            ":2: own.relays must be an IP address, a network or a host name",
        ),
        ("[own]\nrelays = [25]\n", ":2: own.relays must be "),
        ('[names]\n"a b" = "x"\n', ":2: 'a b' in [names] is no IP address, network or host name"),
        ('[names]\n"-oQ" = "x"\n', ":2: '-oQ' in [names] is no IP"),
        ('[names]\n192 = "x"\n', ":2: '192' in [names] is no IP"),
        (
            '[names]\n"192.0.2.7" = 7\n',
            ":2: names.192.0.2.7 must be a text of at most 40 printable characters",
        ),
        ('[names]\n"192.0.2.7" = "a\\nb"\n', ":2: names.192.0.2.7 must be a text of at most 40"),
        ('[names]\n"192.0.2.7" = " "\n', ":2: names.192.0.2.7 must be a text of at most 40"),
        ('names = "x"\n', ":1: unknown key names; known are "),
    ],
)
def test_mistakes_are_one_line_with_file_line_and_key(
    configured: list[str], text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(configured[1]).write_text(text)
    assert run(configured) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(f"logscan: {configured[1]}{message}")


def test_show_prints_names_as_toml(configured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*configured[:2], "config", "show"]) == 0
    shown = capsys.readouterr().out
    assert f'[names]\n"mx.example.net" = "smart host"  # {configured[1]}:5\n' in shown
    assert f'"192.0.2.25" = "the monitor"  # {configured[1]}:6\n' in shown
