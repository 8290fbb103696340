"""The parsers commands: what is known, where it is defined, whether it works."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from textwrap import wrap

import pyarrow as pa
import pyarrow.compute as pc

from logscan.commands.output import ascii_only, show
from logscan.detection import HEAD, log_parsers, recognise
from logscan.errors import ParserError, UsageError
from logscan.logs.definitions import LogParser, Rule, load_definition
from logscan.logs.selfcheck import check_parser
from logscan.parser_files import builtin_directory, parser_files, user_directory
from logscan.reading.sources import find_sources
from logscan.rendering.phrases import code_text, listed, plural
from logscan.scan import check, scan
from logscan.schema import SCHEMA
from logscan.terminal import sanitise, to_ascii
from logscan.transcripts.formats import TranscriptFormat, load_transcript_format, transcript_formats
from logscan.transcripts.selfcheck import transcript_selfcheck

Definition = LogParser | TranscriptFormat

_TRANSCRIPTS = "transcripts"

# What a row tells of the line that it was made of.
_TELLING = tuple(name for name in SCHEMA.names if name not in ("parser", "rule", "source", "line", "cause"))


def list_all() -> int:
    """Print every parser: its name, what it reads, how many rules it has, and where it is defined."""
    groups: tuple[tuple[str, str, Mapping[str, Definition]], ...] = (
        ("Log files", "", log_parsers()),
        ("Transcripts of sessions", _TRANSCRIPTS, transcript_formats()),
    )
    width = max(len(name) for *_, known in groups for name in known)
    for title, folder, known in groups:
        _line(title)
        files = parser_files(folder)
        for name, definition in known.items():
            own = f", {files[name]}" if str(files[name]).startswith(str(user_directory())) else ""
            _line(f"  {name:{width}}  {definition.title}, {_size(definition)}{own}")
        _line("")
    _line(f"Those without a file are defined in {builtin_directory()}.")
    _line(f"Files in {user_directory()} and its folder {_TRANSCRIPTS} are yours.")
    return 0


def show_one(name: str) -> int:
    """Print what one parser knows."""
    definition, where = _find(name)
    _line(f"{definition.name}: {definition.title}")
    _paragraph(definition.about)
    _line(f"Defined in {where}")
    signs = definition.detect if isinstance(definition, LogParser) else definition.clues
    _paragraph(f"Recognised by {', '.join(dict.fromkeys(sign.why for sign in signs))}")
    if isinstance(definition, TranscriptFormat):
        _line(f"Written by {definition.writer}; {plural(len(definition.samples), 'sample')}")
        return 0
    for rule in definition.rules:
        _line("")
        _paragraph(listed((rule.name, ", ".join(rule.services), _proves(rule))))
        _paragraph(rule.about, indent="    ")
    for ignore in definition.ignores:
        _line("")
        _paragraph(listed(("no reply", ", ".join(ignore.services))))
        _paragraph(ignore.about, indent="    ")
    return 0


def check_all(names: Collection[str]) -> int:
    """Run the samples of parsers, of all if none is named; return 1 if one is not as expected."""
    failed = False
    for name in names or [*log_parsers(), *(f"{_TRANSCRIPTS}/{name}" for name in transcript_formats())]:
        definition, where = _find(name)
        if isinstance(definition, LogParser):
            problems = [f"{found.rule}: {found.problem}: {found.line}" for found in check_parser(definition)]
        else:
            problems = transcript_selfcheck(definition)
        for problem in problems:
            _line(f"{where}: {problem}")
        if not problems:
            _line(f"{where}: all samples as expected")
        failed = failed or bool(problems)
    return 1 if failed else 0


def try_on(name: str, log: str) -> int:
    """Print what one parser makes of ``log``: rows by rule, each with an example, and lines not understood.

    Raises UnreadableInput or NothingUnderstood if there is nothing to show.
    """
    for source in find_sources([log]):
        _, found = recognise(source.head(HEAD)) if source.name != "-" else (None, None)
        if found:
            _line(f"{source.name} by itself would be read as {found.name}: {found.reason}")
    reading = scan([log], parser=name)
    rows = pa.Table.from_batches(list(reading), SCHEMA).unify_dictionaries()
    check(reading)
    for report in reading.inputs:
        _line(
            f"{report.source}: {plural(report.lines, 'line')}, {report.understood:,} understood, "
            f"{report.unparsed:,} not, {report.other:,} of other programs"
        )
    examples = {
        rule: rows.filter(pc.equal(rows["rule"], rule))
        for rule in rows["rule"].unique().drop_null().to_pylist()
    }
    first = {rule: made.slice(0, 1).to_pylist()[0] for rule, made in examples.items()}
    lines = _lines(log, {row["line"] for row in first.values()})
    for rule, made in examples.items():
        row = first[rule]
        _line("")
        _line(f"{rule}: {plural(made.num_rows, 'row')}; line {row['line']} for example")
        if row["line"] in lines:
            _line(f"    {lines[row['line']]}")
        _line("    " + ", ".join(f"{column}={row[column]}" for column in _TELLING if row[column] is not None))
    missed = [line for report in reading.inputs for line in report.examples]
    if missed:
        _line("")
        _line("Not understood, for example")
        for line in missed:
            _line(f"    {line}")
    return 0


def _find(name: str) -> tuple[Definition, str]:
    """A parser by its name, or by its file, and where it is defined.

    Raises UsageError for an unknown name, ParserError for a file that is wrong.
    """
    if name.endswith(".toml"):
        path = Path(name)
        try:
            is_transcript = "[dialogue]" in path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ParserError(f"{path}: cannot be read: {error.strerror}") from error
        return (load_transcript_format if is_transcript else load_definition)(path), name
    folder, _, plain = name.rpartition("/")
    if not folder and plain in log_parsers():
        return log_parsers()[plain], str(parser_files()[plain])
    if folder in ("", _TRANSCRIPTS) and plain in transcript_formats():
        return transcript_formats()[plain], str(parser_files(_TRANSCRIPTS)[plain])
    near = difflib.get_close_matches(plain, [*log_parsers(), *transcript_formats()], 1)
    hint = f"did you mean {near[0]}?" if near else "logscan parsers list shows all"
    raise UsageError(f"no such parser: {name}; {hint}")


def _size(definition: Definition) -> str:
    if isinstance(definition, LogParser):
        return plural(len(definition.rules), "rule")
    return plural(len(definition.samples), "sample")


def _proves(rule: Rule) -> str:
    """Which replies a rule tells of, as far as the rule and not the line says it."""
    if rule.role != "reply":
        return f"no reply, but {rule.role}"
    constants = [
        rule.constants,
        *(a.constants for a in rule.alternatives),
        *(v.constants for v in rule.versions),
    ]
    codes = dict.fromkeys(code_text(c.get("code"), c.get("enhanced")) for c in constants)
    basis = next((c["basis"] for c in constants if "basis" in c), "logged")
    return " ".join((basis, " or ".join(code for code in codes if code))).strip()


def _lines(log: str, numbers: set[int]) -> dict[int, str]:
    """The lines of these numbers, where ``log`` is one source that can be read again."""
    sources = find_sources([log])
    if len(sources) != 1 or log == "-":
        return {}
    found: dict[int, str] = {}
    before = 0
    for block in sources[0].blocks():
        after = before + block.count(b"\n")
        here = [number for number in numbers if before < number <= after + 1]
        if here:
            lines = block.split(b"\n")
            found |= {number: lines[number - before - 1].decode("utf-8", "replace") for number in here}
        before = after
    return found


def _paragraph(text: str, indent: str = "") -> None:
    for line in wrap(sanitise(text), 80, initial_indent=indent, subsequent_indent=indent):
        _line(line)


def _line(text: str) -> None:
    text = sanitise(text)
    show(f"{to_ascii(text) if ascii_only() else text}\n")
