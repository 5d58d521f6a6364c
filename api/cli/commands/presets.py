"""`product-images presets`: publishes target revisions, prints the schema of presets files."""

import json

import typer

from api.cli.database import open_database
from api.cli.views.terminal import out
from infra.settings.sections import PresetSettings
from tasks.imaging.presets.schema import presets_schema
from tasks.presets import read_presets
from tasks.reprocess.targets import publish_targets

app = typer.Typer(help="Publish the presets' revisions; print their schema.", no_args_is_help=True)


@app.callback()
def presets() -> None:
    """Publish the presets' revisions; print their schema."""


@app.command("publish")
def publish() -> None:
    """Make the presets in PRESETS_FILE and the package the targets; other images become stale."""
    known = read_presets(PresetSettings.load())
    with open_database() as database:
        changed = publish_targets(database, known)
    if changed:
        out.print(f"New targets: {', '.join(changed)}. See `product-images reprocess --dry-run`.")
    else:
        out.print("Nothing to publish: these are the targets already.")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of presets files, for editors."""
    typer.echo(json.dumps(presets_schema(), indent=2, ensure_ascii=False))
