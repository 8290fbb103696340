"""Wrappings of log lines (containers, journald, grep, colours): recognised and taken off line for line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from logscan.reading.layers_json import strip_docker, strip_journal
from logscan.reading.wrapped import NO_HOST, OWN_STAMP, TAG, Entry, line_by_line

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


def _line_start(pattern: bytes) -> re.Pattern[bytes]:
    """Return a regex for the line feed before a line that begins so: it is found faster than (?m)^ is."""
    return re.compile(rb"(?m)\n(?:" + pattern + rb")")


def _replaced(start: re.Pattern[bytes], by: bytes, block: bytes) -> bytes:
    return start.sub(rb"\n" + by, b"\n" + block)[1:]


_OWN = OWN_STAMP.encode()
_TAG = TAG.encode()
_ISO = rb"\d{4}-\d\d-\d\dT[\d:.Z+-]{9,24}"  # RFC 3339; a class is matched faster than its parts
_WITH_HOST = rb"\1 " + NO_HOST + rb" "

# Control sequences, operating system commands, character sets, single shifts (ECMA-48, ISO 2022).
_ANSI = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][0-9A-B]|[@-Z^_])")

# 2025-11-05T10:11:12.003456789Z stdout F text (Kubernetes CRI, podman's k8s-file); P: the line goes on.
_CRI = _line_start(_ISO + rb" std(?:out|err) [FP](?: |$)")
_CRI_BARE = _line_start(rb"(" + _ISO + rb") std(?:out|err) F (?=" + _TAG + rb")")
_CRI_LINE = re.compile(rb"(" + _ISO + rb") (std(?:out|err)) ([FP])(?: |$)")

# mail-1  | text (docker compose), mail.1.x7@node | text (docker service), [pod/mail-0/postfix] text (kubectl)
_SERVICE = _line_start(rb"[A-Za-z0-9][A-Za-z0-9_.@-]* +\|(?: |$)|\[pod/[^\]\s]+\] ")

# mail.log:Nov …, mail.log:123:Nov …, 123:Nov …, with - in the lines around a hit; 123<TAB>Nov … (cat -n)
_GREP = _line_start(rb"(?:(?!\{)[^\s:]+[:-](?:\d+[:-])?| *\d+\t)(?=" + _OWN + rb'|\{")')

# A stamp before the line's own (ts, docker logs -t, kubectl logs --timestamps) or before a bare tag.
_STAMP = rb"(" + _ISO + rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) "
_STAMP_TWICE = _line_start(_STAMP + rb"(?=" + _OWN + rb")")
_STAMP_BARE = _line_start(_STAMP + rb"(?=" + _TAG + rb")")


def _strip_cri(block: bytes) -> bytes:
    if b" stdout P" in block or b" stderr P" in block:
        return line_by_line(block, _cri_entry)
    return _replaced(_CRI, b"", _replaced(_CRI_BARE, _WITH_HOST, block))


def _cri_entry(line: bytes) -> Entry | None:
    match = _CRI_LINE.match(line)
    return match and Entry(match[1], line[match.end() :], match[2], match[3] == b"F")


def _strip_stamp(block: bytes) -> bytes:
    return _replaced(_STAMP_BARE, _WITH_HOST, _replaced(_STAMP_TWICE, b"", block))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A layer, how a line in it begins, and how large a share of the lines must begin so."""

    layer: Layer
    sign: re.Pattern[bytes]
    share: float = 0.5

    def wraps(self, lines: bytes) -> bool:
        matching = sum(1 for _ in self.sign.finditer(b"\n" + lines))
        return matching > 0 and matching >= self.share * sum(map(bool, lines.split(b"\n")))


_KINDS = (
    _Kind(Layer("colours", lambda block: _ANSI.sub(b"", block)), re.compile(rb"\x1b"), share=0),
    _Kind(Layer("docker JSON", strip_docker), _line_start(rb'\{"log" ?: ?"')),
    _Kind(Layer("journal JSON", strip_journal), _line_start(rb'\{[^\n]*"__REALTIME_TIMESTAMP" ?: ?"')),
    _Kind(Layer("CRI", _strip_cri), _CRI),
    _Kind(Layer("service names", lambda block: _replaced(_SERVICE, b"", block)), _SERVICE),
    _Kind(Layer("grep", lambda block: _replaced(_GREP, b"", block)), _GREP),
    _Kind(Layer("stamps", _strip_stamp), _line_start(_STAMP + rb"(?=" + _OWN + rb"|" + _TAG + rb")")),
)
