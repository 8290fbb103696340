"""Mail logs as a table of SMTP replies, with what they mean and what to do about them.

Names are imported when first used, so that ``import logscan`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Comparison": "codes.catalogue",
    "Explanation": "codes.catalogue",
    "LogscanError": "errors",
    "Report": "reporting",
    "SCHEMA": "schema",
    "compare": "codes.catalogue",
    "explain": "codes.catalogue",
    "iter_batches": "scan",
    "read": "scan",
    "read_table": "scan",
    "report": "reporting",
    "write": "export",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
