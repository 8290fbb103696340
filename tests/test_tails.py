"""Regexes without their last group: the same captures as with it."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from logscan.detection import log_parsers
from logscan.logs.columns import as_text
from logscan.logs.definitions import Alternative
from logscan.logs.extraction import extract
from logscan.logs.tails import tail_of


def alternatives(name: str) -> list[Alternative]:
    parser = log_parsers()[name]
    steps = [*parser.fields.values(), *(step for rule in parser.rules for step in rule.then.values())]
    every = [*(a for rule in parser.rules for a in rule.alternatives), *(a for step in steps for a in step)]
    return [Alternative(a.regex, {}) for a in every if a.groups]


@pytest.mark.parametrize("name", sorted(log_parsers()))
def test_every_regex_of_a_parser_captures_what_re2_captures(name: str) -> None:
    lines = [sample.line for rule in log_parsers()[name].rules for sample in rule.samples]
    # Also what follows any colon or blank: the texts that later steps get.
    texts = pa.array(
        sorted({line[at:] for line in lines for at in range(len(line)) if at == 0 or line[at - 1] in ": ("})
    )
    shortened = 0
    for alternative in alternatives(name):
        shortened += tail_of(alternative.regex) is not None
        found = pc.extract_regex(texts, alternative.regex)
        matched, columns = extract(texts, [alternative])
        assert matched.tolist() == found.is_valid().to_pylist()
        if matched.any():
            expected = found.filter(pa.array(matched))
            for group in alternative.groups:
                assert as_text(columns[group]).to_pylist() == expected.field(group).to_pylist()
    assert shortened > 10


@pytest.mark.parametrize(
    "regex",
    [
        r"^a(?P<x>b.*?)$",  # lazy
        r"a(?P<x>b.*)$",  # not anchored
        r"^a|b(?P<x>c.*)$",  # a choice around all
        r"^(?P<x>a|b.*)$",  # a choice within the group
        r"^(?P<x>a(?P<y>b) .*)$",  # a group within the group
        r"^(?P<x>a\.*)$",  # dots, not anything
        r"^a(?:b.*)$",  # no group
        r"^(?P<a>.)(?P<b>.)(?P<c>.)(?P<d>.)(?P<x>.*)$",  # one group too many for one pass
    ],
)
def test_a_regex_that_is_not_of_this_kind_is_left_alone(regex: str) -> None:
    assert tail_of(regex) is None


def test_brackets_that_stand_for_themselves_are_passed_over() -> None:
    tail = tail_of(r"^[])(]\((?P<a>[^\])]) (?P<x>[|(]\).*)$")
    assert tail is not None
    assert tail.regex == r"^(?P<head_>[])(]\((?P<a>[^\])]) )[|(]\)"
