"""Settings from configuration files: which files are read, what may stand in them, what holds in the end."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logscan.errors import UsageError
from logscan.terminal import sanitise

if TYPE_CHECKING:
    from logscan.flagging.findings import FlagOptions
    from logscan.known_peers import Site

SYSTEM_FILE = Path("/etc/logscan/logscan.toml")

#: The keys of this section are the user's own: an address, a network or a host name each.
NAMES = "names"

#: A key whose value is not to be shown.
HIDDEN = "own.anonymize_key"

_LONGEST_LABEL = 40
_HOST = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value has to be: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    # In Python, True is a number too; TOML knows inf and nan.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf


def _is_zone(value: Any) -> bool:
    from zoneinfo import ZoneInfo

    try:
        return _is_text(value) and ZoneInfo(value).key == value
    except (LookupError, ValueError, OSError):  # no such zone, no zone's name, a folder of zones
        return False


def _is_domain(value: Any) -> bool:
    # A last label of digits is that of an address (RFC 3696 section 2).
    return _is_text(value) and bool(_HOST.fullmatch(value)) and not value.rpartition(".")[2].isdigit()


def _is_place(value: Any) -> bool:
    from ipaddress import ip_network

    try:
        return _is_text(value) and bool(ip_network(value, strict=False))
    except ValueError:
        return _is_domain(value)


def _is_label(value: Any) -> bool:
    return _is_text(value) and value == sanitise(value).strip() and len(value) <= _LONGEST_LABEL


def _are(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: all(map(fits, value)) if isinstance(value, list) else fits(value)


_TEXT = Kind("a text in quotes", _is_text)
_TEXTS = Kind('a text in quotes, or several as in ["…", "…"]', _are(_is_text))
_DOMAINS = Kind('a domain such as "example.org", or several as in ["…", "…"]', _are(_is_domain))
_PLACES = Kind("an IP address, a network or a host name, or several of them in [ ]", _are(_is_place))
_LABEL = Kind(f"a text of at most {_LONGEST_LABEL} printable characters", _is_label)
_ZONE = Kind('a time zone such as "Europe/Berlin"', _is_zone)
_SWITCH = Kind("true or false", lambda value: isinstance(value, bool))
_COUNT = Kind("a whole number above 0", lambda value: _is_number(value) and isinstance(value, int))
_NUMBER = Kind("a number above 0", _is_number)

#: One such value may stand for a list of one.
_SEVERAL = (_TEXTS, _DOMAINS, _PLACES)

#: Keys are named after the options that they are defaults of. A section is named after its command.
_OPTIONS = {
    "paths": _TEXTS,
    "tz": _ZONE,
    "parser": _TEXT,
    "top": _COUNT,
    "mail.to": _TEXTS,
    "mail.from": _TEXT,
    "mail.smtp": _TEXT,
    "mail.smtp_security": _TEXT,
    "mail.smtp_user": _TEXT,
    "mail.smtp_password_file": _TEXT,
    "mail.only_if_flagged": _SWITCH,
    "mail.all_clear": _SWITCH,
    "mail.attach": _TEXTS,
    "ingest.store": _TEXT,
    "ingest.keep": _COUNT,
    "own.domains": _DOMAINS,
    "own.relays": _PLACES,
    HIDDEN: _TEXT,
}


def known_keys() -> dict[str, Kind]:
    """All keys that may be set, and what their values have to be; [flags] has the fields of FlagOptions."""
    from logscan.flagging.findings import FlagOptions  # imports pyarrow, which few callers need

    kinds = {"int": _COUNT, "float": _NUMBER}
    return _OPTIONS | {f"flags.{option.name}": kinds[str(option.type)] for option in fields(FlagOptions)}


@dataclass(frozen=True, slots=True)
class Settings:
    """What is configured: ``values`` by key (``tz``, ``mail.to``), and the file that each comes from."""

    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Path] = field(default_factory=dict)

    def section(self, name: str = "") -> dict[str, Any]:
        """The values of one section by their names in it; without a name, those above all sections."""
        split = {key: key.rpartition(".") for key in self.values}
        return {last: self.values[key] for key, (section, _, last) in split.items() if section == name}

    @property
    def flags(self) -> FlagOptions:
        """When to raise a flag."""
        from logscan.flagging.findings import FlagOptions

        return FlagOptions(**self.section("flags"))

    @property
    def site(self) -> Site:
        """What the site says about itself."""
        from logscan.known_peers import Site

        own = self.section("own")
        return Site(
            domains=tuple(own.get("domains", ())),
            relays=tuple(own.get("relays", ())),
            names={place: value for key, value in self.values.items() if (place := place_of(key))},
            anonymize_key=own.get("anonymize_key"),
        )


def place_of(key: str) -> str | None:
    """The address, network or host name that a key of [names] gives a name to; None for other keys."""
    section, dot, place = key.partition(".")
    return place if dot and section == NAMES else None


def candidates(named: str | None = None, *, user: bool = True) -> list[Path]:
    """The files that may hold settings, later ones winning: the system's, the user's, the one ``named``."""
    import platformdirs

    files = [SYSTEM_FILE]
    if user:
        files.append(platformdirs.user_config_path("logscan") / SYSTEM_FILE.name)
    if named:
        files.append(Path(named).expanduser())
    return files


def load(named: str | None = None, *, user: bool = True) -> Settings:
    """Read the configuration files that exist; what a later one says of a key holds.

    Raises UsageError if ``named`` does not exist, and for what is wrong in a file, with file, line and key.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    files = candidates(named, user=user)
    for path in files:
        if os.path.exists(path) or (named and path is files[-1]):
            found = _read(path)
            values |= found
            origins |= dict.fromkeys(found, path)
    return Settings(values, origins)


def line_of(key: str, text: str) -> int:
    """The line of a TOML document on which a key begins.

    A document that is cut at a line end is whole again just before the key and just after its value.
    """
    import tomllib

    lines = text.split("\n")
    begin = 1
    for end in range(1, len(lines) + 1):
        try:
            so_far = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if key in _flat(so_far):
            return begin
        begin = end + 1
    return begin


def _read(path: Path) -> dict[str, Any]:
    """The values of one file by key, each of a known key and of the right kind."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        values = _flat(tomllib.loads(text))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are such
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    known = known_keys() if any(key.startswith("flags.") for key in values) else _OPTIONS
    for key, value in values.items():
        place = place_of(key)
        if place is not None and not _is_place(place):
            raise UsageError(
                f"{path}:{line_of(key, text)}: {place!r} in [{NAMES}] is no IP address, network or host name"
            )
        kind = _LABEL if place is not None else known.get(key)
        if kind is None:
            raise UsageError(f"{path}:{line_of(key, text)}: unknown key {key}{_hint(key)}")
        if not kind.fits(value):
            raise UsageError(f"{path}:{line_of(key, text)}: {key} must be {kind.words}, not {value!r}")
        if kind in _SEVERAL and isinstance(value, str):
            values[key] = [value]
    return values


def _flat(table: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Keys of a document with their sections before them: ``mail.to``."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flat(value, f"{section}{name}.") if isinstance(value, dict) else {f"{section}{name}": value}
    return flat


def _hint(key: str) -> str:
    """A known key that looks like an unknown one, or the same name in another section."""
    import difflib

    known = list(known_keys())
    name = key.rpartition(".")[2]
    near = [other for other in known if other.rpartition(".")[2] == name]
    near += difflib.get_close_matches(key, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
