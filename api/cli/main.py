"""The `product-images` command line: puts the commands together."""

import logging
import sys

import typer

from api.cli.registry import CommandsOnDemand
from infra.contract.errors import ProductImagesError
from infra.logs import configure_logs
from infra.settings.sections import SettingsError

app = typer.Typer(cls=CommandsOnDemand, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def product_images() -> None:
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
