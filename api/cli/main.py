"""The `product-images` command line: puts the commands together."""

import logging
import sys

import typer

from api.cli import (
    batches,
    changes,
    dead,
    demo,
    hosts,
    imports,
    inspect,
    jobs,
    keys,
    presets,
    process,
    reprocess,
    services,
    stack,
    upkeep,
)
from infra.errors import ProductImagesError
from infra.logs import configure_logs
from infra.settings import SettingsError

app = typer.Typer(
    help="Product pictures from supplier URLs to verified, small variants.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(process.process)
app.add_typer(jobs.app, name="jobs")
app.command()(changes.retry)
app.command()(changes.cancel)
app.command("import")(imports.import_file)
app.add_typer(batches.app, name="batches")
app.command()(reprocess.reprocess)
app.add_typer(presets.app, name="presets")
app.add_typer(dead.app, name="dead")
app.add_typer(hosts.app, name="hosts")
app.add_typer(keys.app, name="keys")
app.add_typer(stack.app, name="stack")
app.command()(services.worker)
app.command()(services.api)
app.command()(services.migrate)
app.command()(demo.demo)
app.command()(inspect.inspect)
app.command()(upkeep.collect_garbage)
app.command()(upkeep.verify)


def main() -> None:
    """Run a command; what goes wrong becomes one sentence and exit status 1.

    Log lines of use cases would stand among what a command prints; warnings go to standard error.
    """
    configure_logs(logging.WARNING)
    try:
        app()
    except (ProductImagesError, SettingsError) as exc:
        sys.exit(f"product-images: {exc}")
