"""Which rules and steps lead to the columns that are wanted."""

from __future__ import annotations

from logscan.logs.definitions import LogParser, Rule


def products(rule: Rule, parser: LogParser) -> set[str]:
    """The columns a rule may give."""
    names = {n for a in rule.alternatives for n in (*a.groups, *a.constants)} | set(rule.constants)
    pending = list(names)
    while pending:
        name = pending.pop()
        for alternative in rule.then.get(name) or parser.fields.get(name) or ():
            new = {*alternative.groups, *alternative.constants} - names
            names |= new
            pending.extend(new)
    return names


#: Columns of rows that the passes read, or cannot do without, wanted or not; others need not be there.
READ_BY_PASSES = frozenset({"host", "service", "pid", "direction", "queue_id", "command", "code", "enhanced", "text",
                            "basis", "rule", "count", "status", "peer_name", "peer_ip", "peer_port", "sender",
                            "recipient", "line"})  # fmt: skip
#: What must be captured for them.
CAPTURED_FOR_PASSES = READ_BY_PASSES | {"reply", "quoted_reply", "ok", "total"}


def with_steps(parser: LogParser, columns: set[str]) -> frozenset[str]:
    """The columns and the names of all steps that may lead to one of them."""
    steps = [*parser.fields.items(), *(step for rule in parser.rules for step in rule.then.items())]
    needed, before = set(columns), 0
    while len(needed) > before:
        before = len(needed)
        for name, alternatives in steps:
            if any(needed.intersection((*a.groups, *a.constants)) for a in alternatives):
                needed.add(name)
    return frozenset(needed)
