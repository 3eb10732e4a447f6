"""Groups of commands that come from the registry, each imported only when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from imlbench import registry
from imlbench.errors import UserError, one_line
from imlbench.report import Report

if TYPE_CHECKING:
    from imlbench.registry import Entry, Kind


class RegisteredGroup(TyperGroup):
    """A group whose commands are the registered entries of one kind; a subclass names the kind."""

    kind: ClassVar[Kind]

    def list_commands(self, ctx: Any) -> list[str]:
        return registry.names(self.kind)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command for the help text, None where there is none; one that is broken must not hide the others."""
        try:
            return registered_command(registry.resolve(self.kind, cmd_name))
        except UserError as error:
            known = cmd_name in registry.names(self.kind)
            return broken_command(cmd_name, one_line(error)) if known else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run.

        Raises:
            UserError: unknown name (with the nearest ones), or it cannot be loaded.
        """
        entry = registry.resolve(self.kind, args[0])
        return entry.name, registered_command(entry), args[1:]


class ProgramGroup(RegisteredGroup):
    """The program itself: its own commands, then those that packages register. A name of its own is never replaced."""

    kind = "commands"

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.commands, *(name for name in super().list_commands(ctx) if name not in self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self.commands.get(cmd_name) or super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run.

        Raises:
            UserError: a registered command cannot be loaded.
        """
        if args[0] not in self.commands and args[0] in registry.names(self.kind):
            return super().resolve_command(ctx, args)
        return TyperGroup.resolve_command(self, ctx, args)


def registered_command(entry: Entry) -> Any:
    """Command of a registered entry.

    Raises:
        UserError: it cannot be loaded, or is no report.
    """
    report = entry.load()
    if not isinstance(report, Report):
        owner = f"{entry.name} (registered by {entry.package} as {entry.target})"
        raise UserError(f"{owner}: expected an imlbench.report.Report, found {type(report).__name__}")
    app = typer.Typer(add_completion=False)
    app.command(entry.name, short_help=report.card.summary)(report.command)
    return get_command(app)


def broken_command(name: str, reason: str) -> Any:
    """Stands in the list of commands for one that cannot be loaded."""

    def refuse() -> None:
        raise UserError(reason)

    app = typer.Typer(add_completion=False)
    app.command(name, short_help=f"broken: {reason}")(refuse)
    return get_command(app)
