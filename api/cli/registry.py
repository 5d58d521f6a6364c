"""Which commands there are, and the module of each: it is imported when its command is named.

A command that asks the API must not wait until the libraries of the database and of images are
loaded. Only the list of all commands loads them all. The production image leaves `infra.stack` out:
there the commands that need it say so.
"""

import sys
from collections import UserDict
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_group

COMMANDS = {
    "process": "process.process",
    "retry": "job_changes.retry",
    "cancel": "job_changes.cancel",
    "import": "imports.import_file",
    "mappings": "imports.mappings",
    "reprocess": "reprocess.reprocess",
    "worker": "services.worker",
    "api": "services.api",
    "migrate": "services.migrate",
    "demo": "demo.demo",
    "inspect": "inspect.inspect",
    "collect-garbage": "upkeep.collect_garbage",
    "verify": "upkeep.verify",
    "doctor": "operations.doctor.doctor",
    "backup": "operations.backup.backup",
    "restore": "operations.backup.restore",
    "jobs": "jobs.app",
    "batches": "batches.app",
    "presets": "presets.app",
    "dead": "dead_letters.app",
    "hosts": "hosts.app",
    "keys": "keys.app",
    "stack": "stack.app",
}
"""Modules of `api.cli.commands` and what stands in them: a function, or a typer application."""

_LEFT_OUT = (
    "This installation leaves out the local stack: pip install 'product-images[local]', or use "
    "a checkout of the project."
)


class _Commands(UserDict[str, Any]):
    """The commands by their names; the commands' type is private to typer."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = super().__getitem__(name).rpartition(".")
        try:
            found = getattr(import_module(f"api.cli.commands.{module}"), attribute)
        except ModuleNotFoundError as exc:
            if exc.name != "infra.stack":
                raise
            return _left_out(name)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name)
        else:
            alone.command(name)(found)
        return get_group(alone).commands[name]


class CommandsOnDemand(TyperGroup):
    """All commands; only those that are looked up are imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Commands(COMMANDS)})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Return the names alone."""
        return list(self.commands)


def _left_out(name: str) -> Any:
    """Return a command that says what is missing, whatever it is called with."""

    def refuse() -> NoReturn:
        sys.exit(f"product-images: {_LEFT_OUT}")

    alone = typer.Typer()
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    alone.command(name, help=_LEFT_OUT, context_settings=anything)(refuse)
    return get_group(alone).commands[name]
