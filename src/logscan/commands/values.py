"""Values of parameters that need no conversion.

Typer has pydantic convert every value, defaults too. The import of pydantic takes a tenth of a second, a seventh of
what a report on a small log takes; texts and defaults can do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from typer.core import TyperCommand

_Parameters = TypeVar("_Parameters", bound=Sequence[Any])


class Plain(TyperCommand):
    """A command that takes texts and defaults as they are."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters; see Command.get_params of Click."""
        return taken_plainly(super().get_params(ctx))


def taken_plainly(parameters: _Parameters) -> _Parameters:
    """The same parameters, which leave to Typer only the values that need it."""
    for parameter in parameters:
        parameter.get_runtime_param = _AsItIs
    return parameters


class _AsItIs:
    """What Typer asks for the value of a parameter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as a command gets it; see RuntimeParam of Typer."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        wanted = param.type_descriptor.annotation
        if value is param.default or (wanted is str and isinstance(value, str)):
            return value
        if wanted == list[str] and isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        return type(param).get_runtime_param(param).coerce(value, param=param, ctx=ctx)
