"""Commands whose options have defaults in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from logscan.errors import UsageError

if TYPE_CHECKING:
    from logscan.settings import Settings


#: Options whose value may be left out.
OPTIONAL_VALUES = ("--store",)


class Configured(TyperCommand):
    """A command that takes from the configuration what its user does not say.

    An option in OPTIONAL_VALUES may stand without its value, which is then empty.

    A key is the long name of an option, or the name of an argument; those in the section with the command's
    name are for that command only. The settings are ``context.obj``. Nothing is read for ``--help``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments apart; see Command.parse_args of Click."""
        given = [
            f"{word}=" if word in OPTIONAL_VALUES and next_word.startswith("-") else word
            for word, next_word in zip(args, [*args[1:], "-"], strict=False)
        ]
        return super().parse_args(ctx, given)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; see Command.invoke of Click."""
        from logscan.settings import load

        ctx.obj = load(named_file(ctx))
        ctx.params.update(_defaults(ctx, ctx.obj))
        if ctx.params.get("store") == "":
            from logscan.commands.history_options import store_folder

            ctx.params["store"] = str(store_folder(None, ctx.obj))
        return super().invoke(ctx)


def named_file(context: typer.Context) -> str | None:
    """The configuration file that was named by ``--config`` or LOGSCAN_CONFIG."""
    named: str | None = context.find_root().params["config"]
    return named


def _defaults(context: typer.Context, settings: Settings) -> dict[str, Any]:
    """Configured values of the command's parameters that were not given, by parameter name."""
    found = {}
    for parameter in context.command.params:
        option = max(parameter.opts, key=len).lstrip("-").replace("-", "_")
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "DEFAULT":
            continue
        if parameter.name == "paths" and context.params.get("store") is not None:
            continue  # what is stored is read instead
        for key in (f"{context.info_name}.{option}", option):
            if key in settings.values:
                found[str(parameter.name)] = _value(context, parameter, settings, key)
                break
    return found


def _value(context: typer.Context, parameter: Any, settings: Settings, key: str) -> Any:
    """The value of one key, made into what the parameter takes."""
    try:
        return parameter.process_value(context, settings.values[key])
    except typer.BadParameter as error:
        raise UsageError(f"{settings.origins[key]}: {key}: {error.message}") from error
