"""`product-images presets`: say which revisions of presets count."""

import typer

from api.cli.database import open_database
from api.cli.views.terminal import Terminal
from infra.settings.sections import PresetSettings
from tasks.presets import read_presets
from tasks.reprocess.targets import publish_targets

_out = Terminal(highlight=False)

app = typer.Typer(help="Say which revisions of presets count.", no_args_is_help=True)


@app.callback()
def presets() -> None:
    """Say which revisions of presets count."""


@app.command("publish")
def publish() -> None:
    """Make the presets that this process reads the targets; what differs is stale from then on."""
    known = read_presets(PresetSettings.load())
    with open_database() as database:
        changed = publish_targets(database, known)
    if changed:
        _out.print(f"New targets: {', '.join(changed)}. See `product-images reprocess --dry-run`.")
    else:
        _out.print("The targets are these already.")
