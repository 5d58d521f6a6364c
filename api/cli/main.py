"""The `product-images` command line: puts the commands together."""

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from api.cli.registry import CommandsOnDemand
from infra.contract.errors import ProductImagesError
from infra.logs import configure_logs
from infra.settings.sections import SettingsError

app = typer.Typer(cls=CommandsOnDemand, no_args_is_help=True, pretty_exceptions_enable=False)


def _say_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        typer.echo(f"product-images {version('product-images')}")
        raise typer.Exit


@app.callback()
def product_images(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Turn product images from supplier URLs into small, verified variants."""


def main() -> None:
    """Run a command; an error becomes one sentence and exit status 1.

    Log lines of use cases would stand among what a command prints; warnings go to standard error.
    """
    configure_logs(logging.WARNING)
    try:
        app()
    except (ProductImagesError, SettingsError) as exc:
        sys.exit(f"product-images: {exc}")
