"""`product-images demo`: the whole system with one command, on a real image."""

import os
import shutil
from pathlib import Path

import typer

import infra.stack
from api.cli.client import ApiClient
from api.cli.commands import stack
from api.cli.views.gallery import write_gallery
from api.cli.views.job_table import print_job
from api.cli.views.terminal import out
from api.cli.views.watch import watch
from api.formats import human_bytes
from infra.settings.sections import ClientSettings, StackSettings
from infra.stack.supervisor.detached import start_detached
from infra.stack_description import StackDescription

_PACKAGE = Path(infra.stack.__path__[0])
_PICTURE = _PACKAGE / "demo.jpg"  # as a camera made it: on its side, with EXIF
_SAMPLE = "product.jpg"
_SKU = "DEMO-1"


def demo() -> None:
    """Start the stack, post an image, show progress and results; the stack keeps running."""
    os.umask(0o077)  # what the demo writes is for its own account, like all of the stack directory
    settings = StackSettings.load().model_copy(update={"stack_samples": True})
    directory = settings.stack_directory.resolve()
    picture = directory / "samples" / _SAMPLE
    picture.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_PICTURE, picture)
    with stack.sentences():
        description = start_detached(settings, stack.show)
    # A checkout has a Makefile, an installation only the command.
    in_checkout = Path.cwd() == _PACKAGE.resolve().parents[1]
    stop = "make stop" if in_checkout else "product-images stack down"
    if description.samples is None:
        out.print(f"The running stack serves no samples: run `{stop}` first.", style="red")
        raise typer.Exit(1)
    url = f"http://{description.samples}/{_SAMPLE}"
    out.print(f"\nPosting {url} ({human_bytes(picture.stat().st_size)}) …")
    client = ApiClient(description.api, key=ClientSettings.load().api_key)
    accepted = client.process([url], [], _SKU)
    job = watch(client, accepted["job_id"])
    client.close()
    print_job(out, job)
    gallery = write_gallery(job, picture, directory / "demo.html")
    _say_addresses(description, gallery, stop)
    if job["state"] != "ready":
        raise typer.Exit(1)


def _say_addresses(description: StackDescription, gallery: Path, stop: str) -> None:
    rows = {
        "Console": f"{description.api}/console",
        "Pictures": gallery.as_uri(),
        "API": f"{description.api}/docs",
        "Prefect": f"{description.prefect_ui}  sign in with {description.prefect_auth_string}",
        "Your turn": f"curl -X POST {description.api}/process-image"
        """ -d '{"image_url": "https://example.com/image.jpg"}\'""",
        "Stop": stop,
    }
    out.print()
    for name, value in rows.items():
        out.print(f"{name:<10} [bold]{value}[/]", soft_wrap=True)
