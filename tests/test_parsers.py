"""Every shipped log parser against its own samples."""

import pytest

from logscan.codes.catalogue import explain
from logscan.codes.entries import find_entry, parse_code
from logscan.detection import detect, log_parsers
from logscan.errors import ParserError
from logscan.logs.definitions import LogParser, parse_definition
from logscan.logs.selfcheck import check_parser


def codes_of(parser: LogParser) -> set[int]:
    """Every reply code that a parser's rules state or its samples show."""
    stated = [
        *parser.fields.values(),
        *(a for rule in parser.rules for a in (rule.alternatives, *rule.then.values())),
    ]
    constants = [alternative.constants for alternatives in stated for alternative in alternatives]
    for rule in parser.rules:
        constants += [rule.constants, *(change.constants for change in rule.versions)]
        constants += [row for sample in rule.samples for row in sample.expect]
    return {int(c["code"]) for c in constants if str(c.get("code")).isdigit()}


@pytest.mark.parametrize("name", sorted(log_parsers()))
def test_every_code_that_a_log_parser_can_give_is_in_the_catalogue(name: str) -> None:
    codes = codes_of(log_parsers()[name])
    assert len(codes) > 10
    assert [code for code in codes if find_entry(parse_code(code)) is None] == []


def test_every_code_that_a_remote_server_can_be_quoted_with_is_explained() -> None:
    assert [code for code in range(200, 600) if not explain(code).name] == []


MINIMAL = """
name = "toy"
title = "Toy log"
about = "For tests."
frame = "syslog"
services = '''toyd'''

[[rule]]
name = "refused"
about = "The toy refused."
literal = "refused: "
regex = '''^refused: (?P<reply>.*)$'''
set = { direction = "inbound", basis = "logged" }
[[rule.sample]]
line = '''Nov  5 10:11:12 mx1 toyd[1]: refused: 550 5.7.1 no'''
expect = { code = 550, enhanced = "5.7.1", text = "no" }
"""


@pytest.mark.parametrize("name", sorted(log_parsers()))
def test_the_samples_of_a_shipped_parser_prove_its_rules(name: str) -> None:
    assert [str(failure) for failure in check_parser(log_parsers()[name])] == []


@pytest.mark.parametrize("name", sorted(log_parsers()))
def test_a_shipped_parser_is_recognised_by_its_own_samples(name: str) -> None:
    parser = log_parsers()[name]
    lines = [sample.line for rule in parser.rules for sample in rule.samples]
    found = detect("\n".join(lines).encode())
    assert found is not None
    assert found.name == name


def test_a_minimal_parser_is_right() -> None:
    assert check_parser(parse_definition(MINIMAL, "toy.toml")) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("code = 550", "code = 551"), "code: expected 551, got 550"),
        (('literal = "refused: "', 'literal = "denied: "'), "no literal of the rule stands in the message"),
        (("^refused: ", "^denied: "), "the rule does not match"),
        (("toyd[1]", "toy[1]"), "the rule does not match"),
    ],
)
def test_the_self_check_tells_what_a_sample_shows_to_be_wrong(change: tuple[str, str], problem: str) -> None:
    failures = check_parser(parse_definition(MINIMAL.replace(*change), "toy.toml"))
    assert any(problem in str(failure) for failure in failures)


def test_a_sample_that_two_rules_claim_is_wrong() -> None:
    rule = MINIMAL[MINIMAL.index("[[rule]]") :]
    text = MINIMAL + rule.replace('"refused"', '"refused-again"')
    failures = check_parser(parse_definition(text, "toy.toml"))
    assert any("is claimed by refused-again too" in str(failure) for failure in failures)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "toy.toml: not valid TOML"),
        (
            MINIMAL.replace("literal =", "literall ="),
            "toy.toml: rule 'refused': unknown key 'literall'; did you mean",
        ),
        (MINIMAL.replace("(?P<reply>", "("), "groups must be named"),
        (MINIMAL.replace('about = "The toy refused."', ""), "'about' must be a text"),
        (MINIMAL[: MINIMAL.index("[[rule.sample]]")], "has no sample"),
        (MINIMAL + MINIMAL[MINIMAL.index("[[rule]]") :], "the name is used twice"),
        (MINIMAL[: MINIMAL.index("[[rule]]")], "has no [[rule]]"),
    ],
)
def test_a_wrong_parser_file_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ParserError) as caught:
        parse_definition(text, "toy.toml")
    assert problem in str(caught.value)


def test_a_regex_that_is_not_linear_is_refused() -> None:
    text = MINIMAL.replace("^refused: (?P<reply>.*)$", r"^(?P<x>a)\1$")
    with pytest.raises(ParserError, match=r"toy.toml: rule 'refused'"):
        check_parser(parse_definition(text, "toy.toml"))
