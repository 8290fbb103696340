"""How the store commands are called."""

from __future__ import annotations

from typing import Annotated

import typer

from logscan.cli.groups import group
from logscan.commands.configured import Configured
from logscan.commands.history_options import STORE

commands = group("Look after a store of logscan ingest.")


@commands.command("show", cls=Configured)
def show_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Show which days a store holds, and how far each log was read."""
    from logscan.commands.store import show_store

    return show_store(store, context.obj)


@commands.command("compact", cls=Configured)
def compact_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Make one file of the files of each day."""
    from logscan.commands.store import compact_store

    return compact_store(store, context.obj)


@commands.command("verify", cls=Configured)
def verify_store(context: typer.Context, store: Annotated[str | None, STORE] = None) -> int:
    """Check that every file of a store is whole.

    Exits with 3 if one is damaged.
    """
    from logscan.commands.store import verify_store

    return verify_store(store, context.obj)
