"""What SMTP reply codes and enhanced status codes mean: ``explain``, ``compare``, ``name_of``.

>>> print(explain(250).name)
Requested mail action okay, completed
>>> print(compare(421, 502).summary)
421 is about the state of the server, 502 about a single verb.
"""

from __future__ import annotations

from collections.abc import Sequence

from logscan.codes.entries import (
    Code,
    Entry,
    fallback_entry,
    find_entry,
    find_pair,
    parse_code,
    resolve,
    topic_of,
    words,
)
from logscan.codes.explanations import Comparison, Explanation, LikelyCause, side_by_side
from logscan.codes.prose import tidy
from logscan.errors import UsageError
from logscan.replies import split_reply
from logscan.terminal import sanitise

__all__ = ["Comparison", "Explanation", "compare", "describe", "explain", "name_of"]

_DIRECTIONS = (None, "inbound", "outbound")


def explain(
    code: int | str, *, reply: str | None = None, direction: str | None = None, lang: str = "en"
) -> Explanation:
    """What ``code`` means, when it comes and what to do about it.

    ``code`` is a reply code (421), an enhanced status code ("4.7.0") or a class ("4xx", "4.x.x").
    A code that is not listed is explained by its digits, as RFC 5321 section 4.2 wants it.
    With the text of a ``reply`` the explanation names its likely cause.
    ``direction`` picks the advice: ``inbound`` if our server answered a client, ``outbound`` if a remote
    server answered us; without it the explanation holds both.
    Raises UsageError if the code cannot be one, or the direction or language is not known.

    >>> explain("4.7.25").name
    'Reverse DNS validation failed'
    >>> explain(477).status
    'unknown'
    """
    if direction not in _DIRECTIONS:
        raise UsageError(f"no such direction: {sanitise(str(direction))[:40]} (inbound or outbound)")
    parsed = parse_code(code)
    return _explanation(parsed, reply, direction, lang)


def compare(a: int | str, b: int | str, *, lang: str = "en") -> Comparison:
    """What tells two codes apart and which applies when.

    Pairs that are easily confused are compared in words of their own, others by their fields.
    Raises UsageError as ``explain`` does, and if both are the same.

    >>> compare(535, 454).which[0]
    'The password was checked and is wrong, or this kind of login is off.'
    """
    codes = (parse_code(a), parse_code(b))
    if codes[0] == codes[1]:
        raise UsageError(f"nothing to compare: {codes[0].text} twice")
    first, second = (_explanation(code, None, None, lang) for code in codes)
    pair = find_pair(*codes, lang)
    if pair is None:
        return _derived(codes, first, second)
    return Comparison(
        first=first,
        second=second,
        summary=pair["summary"],
        differences=tuple(pair["differences"]),
        which=(pair["which"][codes[0].text], pair["which"][codes[1].text]),
        see_also=tuple(pair["see_also"]),
        lang=lang,
        derived=False,
    )


def describe(
    codes: Sequence[str], *, reply: str | None = None, lang: str = "en", direction: str | None = None
) -> Explanation | Comparison:
    """One code explained, or two compared.

    Raises UsageError for any other number of codes, and for a reply together with two codes.
    """
    if len(codes) == 1:
        return explain(codes[0], reply=reply, direction=direction, lang=lang)
    if len(codes) != 2:
        raise UsageError("one code to explain, or two to compare")
    if reply is not None:
        raise UsageError("a reply goes with one code, not with two")
    return compare(*codes, lang=lang)


def name_of(code: int | str) -> str | None:
    """The name of a code; null if it is not listed or cannot be one.

    >>> name_of(421)
    'Service not available, closing transmission channel'
    """
    try:
        entry = find_entry(parse_code(code))
    except UsageError:
        return None
    return None if entry is None else entry["name"]


def _explanation(code: Code, reply: str | None, direction: str | None, lang: str) -> Explanation:
    spoken = words(lang)
    entry = find_entry(code, lang) or fallback_entry(code, lang)
    fix = entry.get("fix", "")
    return Explanation(
        code=code.value,
        name=entry["name"],
        class_=spoken["enhanced_classes" if code.is_enhanced else "classes"][str(code.first)],
        status=entry["status"],
        description=_description(code, entry, lang),
        when=tidy(entry["when"]),
        fix_received=tidy(entry.get("fix_received", fix)),
        fix_sent=tidy(entry.get("fix_sent", fix)),
        direction=direction,
        commands=tuple(entry.get("commands", ())),
        comes_with=tuple(entry.get("with", ())),
        rfc=tuple(entry["rfc"]),
        acts=entry["acts"],
        closes=entry.get("closes", False),
        topic=topic_of(code, lang),
        see_also=tuple(resolve(reference, code.first) for reference in entry["see_also"]),
        lang=lang,
        reply=None if reply is None else sanitise(reply).strip(),
        cause=None if reply is None else _likely_cause(code, reply, direction),
    )


def _description(code: Code, entry: Entry, lang: str) -> str:
    """An enhanced code's description, with what the class adds to it."""
    parts = [entry["description"], entry.get({4: "temporary", 5: "permanent"}.get(code.first, ""), "")]
    classes = entry.get("classes", ())
    if classes and code.first not in classes:
        usual = ", ".join(f"{first}.{code.topic}.{code.detail}" for first in classes)
        parts.append(words(lang)["sentences"]["unusual_class"].format(classes=usual))
    return tidy("\n".join(part.strip() for part in parts))


def _likely_cause(code: Code, reply: str, direction: str | None) -> LikelyCause | None:
    # Imported here: it brings pyarrow, which no other explanation needs.
    from logscan.causes import TAXONOMY, likely_cause

    said = split_reply(reply)
    basic = said.code or (code.value if isinstance(code.value, int) else None)
    enhanced = said.enhanced or (code.text if code.is_enhanced else None)
    if code.first < 4:
        return None
    verdict = likely_cause(basic, enhanced, said.text, direction=direction)
    info = TAXONOMY[verdict.key]
    return LikelyCause(
        key=verdict.key,
        label=info.label,
        meaning=tidy(info.meaning),
        evidence=None if verdict.evidence is None else sanitise(verdict.evidence),
        source=verdict.source,
        confidence=verdict.confidence,
        advice_received=tidy(info.advice_outbound),
        advice_sent=tidy(info.advice_inbound),
    )


def _derived(codes: tuple[Code, Code], first: Explanation, second: Explanation) -> Comparison:
    """A comparison by fields. Summary and differences do not depend on the order of the two."""
    spoken = words(first.lang)
    sentences = spoken["sentences"]
    a, b = sorted((first, second), key=lambda explanation: str(explanation.code))
    differences = [
        f"{label}: {a.code} – {of_a}; {b.code} – {of_b}"
        for label, of_a, of_b in side_by_side(a, b)
        if of_a != of_b and label != spoken["labels"]["rfc"]
    ]
    if codes[0].first == codes[1].first:
        enhanced = [code.text for code in codes if code.is_enhanced]
        basic = [code.text for code in codes if isinstance(code.value, int)]
        if enhanced and basic:
            differences = [sentences["refines"].format(basic=basic[0], enhanced=enhanced[0])]
        else:
            differences.append(sentences["same"])
    own = {str(first.code), str(second.code)}
    return Comparison(
        first=first,
        second=second,
        summary=sentences["summary"].format(a=a.code, class_a=a.class_, b=b.code, class_b=b.class_),
        differences=tuple(differences),
        which=(first.when, second.when),
        see_also=tuple(
            code for code in dict.fromkeys((*first.see_also, *second.see_also)) if code not in own
        ),
        lang=first.lang,
        derived=True,
    )
