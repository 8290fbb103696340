"""Nothing that --anonymize should hide is shown, in any format, and what is counted stays the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logscan.cli import run
from logscan.pseudonyms import KEY_VARIABLE, Pseudonyms
from tables import replies

REPOSITORY = Path(__file__).parents[1]
SAMPLES = [REPOSITORY / "sample_logs" / name for name in ("postfix.log", "exim_mainlog")]
LOGS = [*SAMPLES, *(REPOSITORY / "tests" / "lab" / name for name in ("postfix.log.gz", "exim_mainlog.gz"))]
NAMES = ("host", "peer_name", "peer_ip", "helo", "sender", "recipient", "message_id")
#: A host name, an address in brackets or not, a mail address: as a word of its own, whatever is around it.
ENDS = r"(?<![\w@.+=-]){}(?![\w@-]|\.\w)"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a key for tests")
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.fixture(params=LOGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def log(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    if not path.exists():
        pytest.skip("the log is not here")
    return path


def exported(log: Path, path: Path, *options: str) -> list[dict[str, Any]]:
    assert run(["export", str(log), "-q", "-o", str(path), *options]) == 0
    return [json.loads(line) for line in path.read_text().splitlines()]


def secrets_of(rows: list[dict[str, Any]]) -> set[str]:
    """Every name in the columns, and every address, host and IP address in the texts."""
    found = {row[name] for row in rows for name in NAMES if row[name]}
    for text in {row["text"] for row in rows if row["text"]}:
        found |= set(re.findall(r"[\w.+-]+@[\w.-]+\w", text))
        found |= set(re.findall(r"\b(?:[\w-]+\.)+(?:example|com|org|net|ch)\b", text))
        found |= {quad for quad in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text) if is_ip(quad)}
    # A client may greet with any word, such as User, which replies write too.
    return {name for name in found if re.search(r"[\d.@:]", name)}


def is_ip(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def shown_secrets(secrets: set[str], text: str) -> list[str]:
    words = "\n".join(set(re.findall(r"[\w@.+=:-]+", text)))
    near = [secret for secret in secrets if secret in words]
    return sorted(secret for secret in near if re.search(ENDS.format(re.escape(secret)), words))


def test_no_name_is_left_in_exports(log: Path, tmp_path: Path) -> None:
    plain = exported(log, tmp_path / "plain.jsonl")
    secrets = secrets_of(plain)
    assert len(shown_secrets(secrets, (tmp_path / "plain.jsonl").read_text())) > len(secrets) * 0.9
    for ending in ("jsonl", "csv", "tsv"):
        path = tmp_path / f"hidden.{ending}"
        assert run(["export", str(log), "-q", "-o", str(path), "--anonymize"]) == 0
        assert shown_secrets(secrets, path.read_text()) == []
        assert str(log.parent) not in path.read_text()


@pytest.mark.parametrize("kind", ["text", "html", "markdown", "json"])
def test_no_name_is_left_in_reports(
    log: Path, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = secrets_of(exported(log, tmp_path / "plain.jsonl"))
    arguments = ["report", str(log), "-vv", "--top", "1000", "--format", kind]
    assert run(arguments) == 0
    assert shown_secrets(secrets, capsys.readouterr().out), "or the test shows nothing"
    assert run([*arguments, "--anonymize"]) == 0
    told = capsys.readouterr()
    assert shown_secrets(secrets, told.out + told.err) == []
    assert str(log.parent) not in told.out + told.err


@pytest.mark.parametrize("log", SAMPLES, ids=lambda path: path.name)
def test_no_name_is_left_in_mail(log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from email import message_from_string, policy

    secrets = secrets_of(exported(log, tmp_path / "plain.jsonl"))
    arguments = [
        "mail",
        str(log),
        "-q",
        "--dry-run",
        "--anonymize",
        "--from",
        "a@sender.test",
        "--to",
        "b@to.test",
    ]
    assert run(arguments) == 0
    message = message_from_string(capfd.readouterr().out, policy=policy.default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    assert texts
    assert shown_secrets(secrets, "\n".join([message["Subject"], *texts])) == []


def test_codes_causes_and_counts_stay(log: Path, tmp_path: Path) -> None:
    def rest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        hidden = {*NAMES, "session", "sasl_username", "text", "source"}
        return [{name: value for name, value in row.items() if name not in hidden} for row in rows]

    plain = exported(log, tmp_path / "plain.jsonl")
    assert rest(exported(log, tmp_path / "hidden.jsonl", "--anonymize")) == rest(plain)


def test_findings_stay(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def findings(*options: str) -> dict[str, Any]:
        assert run(["report", str(log), "-q", "--top", "1000", "--format", "json", *options]) == 0
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        for flag in report["flags"]:
            flag["peers"] = [peer["count"] for peer in flag["peers"]]
        return {name: report[name] for name in ("window", "replies", "flags", "catalogue")}

    assert findings("--anonymize") == findings()


@pytest.mark.parametrize("log", SAMPLES, ids=lambda path: path.name)
def test_pseudonyms_are_the_same_wherever_a_value_stands(log: Path, tmp_path: Path) -> None:
    plain = exported(log, tmp_path / "plain.jsonl")
    hidden = exported(log, tmp_path / "hidden.jsonl", "--anonymize")
    shown: dict[str, set[str]] = {}
    for name in NAMES:
        for before, after in zip(plain, hidden, strict=True):
            if before[name]:
                shown.setdefault(before[name], set()).add(after[name])
    assert all(len(pseudonyms) == 1 for pseudonyms in shown.values())
    assert len(set.union(*shown.values())) == len(shown), "no two values share one"


@pytest.mark.parametrize("log", SAMPLES, ids=lambda path: path.name)
def test_without_a_key_every_run_has_its_own(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def senders(name: str) -> list[str]:
        return [row["sender"] for row in exported(log, tmp_path / name, "--anonymize")]

    assert senders("first.jsonl") == senders("second.jsonl")
    monkeypatch.delenv(KEY_VARIABLE)
    assert senders("third.jsonl") != senders("fourth.jsonl")


def test_a_key_in_the_configuration_makes_runs_agree_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def senders(name: str, key: str) -> list[str]:
        configuration = tmp_path / "logscan.toml"
        configuration.write_text(f'[own]\nanonymize_key = "{key}"\n')
        output = tmp_path / name
        assert (
            run(
                [
                    "--config",
                    str(configuration),
                    "export",
                    "-q",
                    "--anonymize",
                    str(SAMPLES[0]),
                    "-o",
                    str(output),
                ]
            )
            == 0
        )
        return [json.loads(line)["sender"] for line in output.read_text().splitlines()]

    monkeypatch.delenv(KEY_VARIABLE)
    first = senders("first.jsonl", "one key")
    assert senders("second.jsonl", "one key") == first
    assert senders("third.jsonl", "another") != first
    monkeypatch.setenv(KEY_VARIABLE, "one key")
    assert senders("fourth.jsonl", "another") == first
    capsys.readouterr()
    assert run(["--config", str(tmp_path / "logscan.toml"), "config", "show"]) == 0
    shown = capsys.readouterr().out
    assert 'anonymize_key = "…"' in shown
    assert "another" not in shown


# ---- single values

NAMED = Pseudonyms(b"a key for tests")
ANNA, MX, IP = (
    NAMED.of_address("anna@example.org"),
    NAMED.of_host("mx.example.net"),
    NAMED.of_host("192.0.2.7"),
)
ODD = NAMED.of_host("12.mx.example.net_x")
IP6 = NAMED.of_host("2001:db8::7")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("<anna@example.org>: User unknown", f"<{ANNA}>: User unknown"),
        ("RCPT TO:<anna@example.org>: 550", f"RCPT TO:<{ANNA}>: 550"),
        ("to=anna@example.org, set_id=anna@example.org.", f"to={ANNA}, set_id={ANNA}."),
        (
            "anna@[192.0.2.7] via https://anna:pw@mx.example.net/",
            f"{ANNA.split('@')[0]}@[{IP}] via https://{MX}/…",
        ),
        ("*.example.net 12.mx.example.net_x", f"*.{MX.split('.', 1)[1]} {ODD}"),
        ("no such user:anna@example.org", f"no such user:{ANNA}"),
        ("lost connection with mx.example.net[192.0.2.7]:25", f"lost connection with {MX}[{IP}]:25"),
        ("mx.example.net: go away!", f"{MX}: go away!"),
        ("Go away, mx.example.net!", f"Go away, {MX}!"),
        ("see [IPv6:2001:db8::7] and 2001:db8::7.", f"see [IPv6:{IP6}] and {IP6}."),
        ("https://mx.example.net/q?ip=192.0.2.7&u=anna", f"https://{MX}/…"),
        ("blocked using zen.spamhaus.org", "blocked using zen.spamhaus.org"),
        ("<unknown[192.0.2.7]>: refused at 13:26:01", f"<unknown[{IP}]>: refused at 13:26:01"),
        ("450 4.7.1 Try again in 0.5 s (version 3.7.11)", "450 4.7.1 Try again in 0.5 s (version 3.7.11)"),
        ("<DATA>: Data command rejected", "<DATA>: Data command rejected"),
    ],
)
def test_texts_lose_names_and_nothing_else(text: str, hidden: str) -> None:
    assert Pseudonyms(b"a key for tests").of_text(text) == hidden


def test_texts_lose_the_users_of_their_rows() -> None:
    row = {
        "recipient": "anna@example.org",
        "host": "mx1",
        "text": 'user anna: "anna" at /var/mail/anna on mx1',
    }
    hidden = Pseudonyms(b"k").of_table(replies(row)).to_pylist()[0]
    anna = hidden["recipient"].partition("@")[0]
    assert hidden["text"] == f'user {anna}: "{anna}" at /var/mail/{anna} on {hidden["host"]}'


def test_lines_lose_their_host_whatever_it_is_called() -> None:
    line = Pseudonyms(b"k").of_line("Nov 22 10:00:00 mail postfix/smtpd[7]: mail lost, user=<anna>")
    assert re.fullmatch(r"Nov 22 10:00:00 [a-z]{10} postfix/smtpd\[7\]: mail lost, user=<[a-z]{10}>", line)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
@example(ip_address("192.0.2.1"), ip_address("192.0.2.2"))
def test_addresses_share_a_network_if_they_did(one: Any, other: Any) -> None:
    shown = [ip_address(NAMED.of_host(str(address))) for address in (one, other)]
    assert all(address in ip_network("240.0.0.0/4") for address in shown)
    assert (shown[0] == shown[1]) == (one == other)
    same = [
        len({ip_network((str(a), 24), strict=False) for a in pair}) == 1 for pair in ((one, other), shown)
    ]
    assert same[0] == same[1]


KEEPING = Pseudonyms(b"a key for tests", keep_networks=True)


@given(st.ip_addresses())
@example(ip_address("192.0.2.7"))
@example(ip_address("2001:db8::7"))
def test_networks_are_kept_on_request(address: Any) -> None:
    shown = ip_address(KEEPING.of_host(str(address)))
    network = ip_network((str(address), 24 if address.version == 4 else 48), strict=False)
    assert shown in network
    assert KEEPING.of_host(str(address)) == str(shown)


def test_host_parts_are_hidden_where_networks_are_kept() -> None:
    addresses = [f"192.0.2.{host}" for host in range(256)]
    shown = [KEEPING.of_host(address) for address in addresses]
    assert sorted(shown) == sorted(addresses), "one for each"
    assert sum(map(str.__eq__, shown, addresses)) < 5
    assert Pseudonyms(b"k", keep_networks=True).of_host("192.0.2.7") != KEEPING.of_host("192.0.2.7")
    subnets = {KEEPING.of_host(f"2001:db8:0:{net}::1").split(":")[3] for net in range(50)}
    assert len(subnets) > 45, "drawn by the key too"


def test_kept_networks_are_kept_in_texts() -> None:
    ip, ip6 = KEEPING.of_host("192.0.2.7"), KEEPING.of_host("2001:db8::7")
    said = KEEPING.of_text("host [192.0.2.7]:25 or [IPv6:2001:db8::7] said: no, anna@example.org")
    assert said == f"host [{ip}]:25 or [IPv6:{ip6}] said: no, {KEEPING.of_address('anna@example.org')}"


@pytest.mark.parametrize("log", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("options", [["--anonymize"], []], ids=["with --anonymize", "alone"])
def test_all_else_is_hidden_where_networks_are_kept(log: Path, options: list[str], tmp_path: Path) -> None:
    plain = exported(log, tmp_path / "plain.jsonl")
    hidden = exported(log, tmp_path / "hidden.jsonl", "--anonymize-keep-network", *options)
    names = {name for name in secrets_of(plain) if not is_ip(name)}
    assert shown_secrets(names, (tmp_path / "hidden.jsonl").read_text()) == []
    pairs = {(before["peer_ip"], after["peer_ip"]) for before, after in zip(plain, hidden, strict=True)}
    addresses = [pair for pair in pairs if pair[0]]
    assert all(KEEPING.of_host(before) == after for before, after in addresses)


def test_all_addresses_of_a_network_stay_apart() -> None:
    assert len({NAMED.of_host(f"192.0.2.{host}") for host in range(256)}) == 256
    assert len({NAMED.of_host(f"10.{net // 256}.{net % 256}.1") for net in range(5000)}) == 5000


def test_names_under_one_domain_stay_under_one() -> None:
    domain = NAMED.of_host("example.net")
    assert MX.endswith(f".{domain}")
    assert NAMED.of_address("anna@example.net").endswith(f"@{domain}")
    assert NAMED.of_host("example.org") != domain
    assert NAMED.of_host("EXAMPLE.net").lower() == domain != NAMED.of_host("EXAMPLE.net")


@pytest.mark.parametrize(
    "function",
    [NAMED.of_text, NAMED.of_line, NAMED.of_host, NAMED.of_address, NAMED.of_user],
    ids=lambda f: f.__name__,
)
@settings(deadline=None)  # a busy machine is no failure
@given(value=st.text())
@example("@")
@example(".")
@example("[]")
@example("a@" * 5_000)
@example("a@b:" * 5_000)
@example("a" * 10_000 + "." * 10_000 + ":" * 10_000 + "@" + "1." * 5_000)
def test_any_text_is_taken(function: Callable[[str], str], value: str) -> None:
    assert function(value) == function(value)
