"""Wrappings of log lines (containers, journald, grep, colours): recognised and taken off line for line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from logscan.layers_json import strip_docker, strip_journal
from logscan.wrapped import NO_HOST, OWN_STAMP, TAG, Entry, line_by_line

_Strip = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Layer:
    """A wrapping, or several from the outermost to the innermost.

    `strip` converts a block of whole lines and keeps their number, so that line numbers stay true. Lines
    that are not wrapped pass unchanged. Blocks may be converted in any order and on any thread.
    """

    name: str
    strip: _Strip


def unwrap(head: bytes) -> Layer | None:
    """Return what most lines of `head`, the first bytes of a log, are wrapped in; None if they are not."""
    lines = head[: head.rfind(b"\n") + 1] or head
    found: list[Layer] = []
    while layer := next(
        (kind.layer for kind in _KINDS if kind.layer not in found and kind.wraps(lines)), None
    ):
        found.append(layer)
        lines = layer.strip(lines)
    if not found:
        return None
    name = ", ".join(layer.name for layer in found)
    return Layer(name, lambda block: reduce(lambda text, layer: layer.strip(text), found, block))


_OWN = OWN_STAMP.encode()
_TAG = TAG.encode()
_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"

# Control sequences, operating system commands, character sets, single shifts (ECMA-48, ISO 2022).
_ANSI = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][0-9A-B]|[@-Z^_])")

# 2025-11-05T10:11:12.003456789Z stdout F text (Kubernetes CRI, podman's k8s-file); P: the line goes on.
_CRI = re.compile(rb"(?m)^(?:" + _ISO + rb") std(?:out|err) [FP](?: |$)")
_CRI_BARE = re.compile(rb"(?m)^(" + _ISO + rb") std(?:out|err) F (?=" + _TAG + rb")")
_CRI_PART = re.compile(rb"(?m)^" + _ISO + rb" std(?:out|err) P(?: |$)")
_CRI_LINE = re.compile(rb"(" + _ISO + rb") (std(?:out|err)) ([FP])(?: |$)")

# mail-1  | text (docker compose), mail.1.x7@node | text (docker service), [pod/mail-0/postfix] text (kubectl)
_SERVICE = re.compile(rb"(?m)^(?:[A-Za-z0-9][A-Za-z0-9_.@-]* +\|(?: |$)|\[pod/[^\]\s]+\] )")

# mail.log:Nov …, mail.log:123:Nov …, 123:Nov …, with - in the lines around a hit; 123<TAB>Nov … (cat -n)
_GREP = re.compile(rb"(?m)^(?:(?!\{)[^\s:]+[:-](?:\d+[:-])?| *\d+\t)(?=" + _OWN + rb'|\{")')

# A stamp before the line's own (ts, docker logs -t, kubectl logs --timestamps) or before a bare tag.
_STAMPED = rb"(?m)^(" + _ISO + rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) "
_STAMP_TWICE = re.compile(_STAMPED + rb"(?=" + _OWN + rb")")
_STAMP_BARE = re.compile(_STAMPED + rb"(?=" + _TAG + rb")")
_WITH_HOST = rb"\1 " + NO_HOST + rb" "


def _strip_cri(block: bytes) -> bytes:
    if _CRI_PART.search(block):
        return line_by_line(block, _cri_entry)
    return _CRI.sub(b"", _CRI_BARE.sub(_WITH_HOST, block))


def _cri_entry(line: bytes) -> Entry | None:
    match = _CRI_LINE.match(line)
    return match and Entry(match[1], line[match.end() :], match[2], match[3] == b"F")


def _strip_stamp(block: bytes) -> bytes:
    return _STAMP_BARE.sub(_WITH_HOST, _STAMP_TWICE.sub(b"", block))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A layer, what a line wrapped in it matches, and how many lines must match."""

    layer: Layer
    sign: re.Pattern[bytes]
    share: float = 0.5

    def wraps(self, lines: bytes) -> bool:
        matching = sum(1 for _ in self.sign.finditer(lines))
        return matching > 0 and matching >= self.share * sum(map(bool, lines.split(b"\n")))


_KINDS = (
    _Kind(Layer("colours", lambda block: _ANSI.sub(b"", block)), re.compile(rb"\x1b"), share=0),
    _Kind(Layer("docker JSON", strip_docker), re.compile(rb'(?m)^\{"log" ?: ?"')),
    _Kind(Layer("journal JSON", strip_journal), re.compile(rb'(?m)^\{[^\n]*"__REALTIME_TIMESTAMP" ?: ?"')),
    _Kind(Layer("CRI", _strip_cri), _CRI),
    _Kind(Layer("service names", lambda block: _SERVICE.sub(b"", block)), _SERVICE),
    _Kind(Layer("grep", lambda block: _GREP.sub(b"", block)), _GREP),
    _Kind(Layer("stamps", _strip_stamp), re.compile(_STAMPED + rb"(?=" + _OWN + rb"|" + _TAG + rb")")),
)
