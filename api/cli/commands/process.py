"""`product-images process URL|FILE…`: post images, watch the job, show what came out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from api.cli.client import open_client
from api.cli.views.job_table import print_job
from api.cli.views.job_watch import watch
from api.cli.views.json_output import write_json
from api.cli.views.terminal import Terminal

_out = Terminal(highlight=False)


def process(
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE", help="Image URLs or files.")],
    sku: Annotated[str | None, typer.Option(help="Your SKU of the product.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Process images of one product; exit status 1 unless all of them are ready."""
    urls, files = _sort(sources)
    with open_client() as client:
        accepted = client.process(urls, files, sku)
        job = watch(client, accepted["job_id"], quiet=as_json)
    if as_json:
        write_json(job)
    else:
        print_job(_out, job)
    if job["state"] != "ready":
        raise typer.Exit(1)


def _sort(sources: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Tell URLs from files; a name that is neither stops the command."""
    urls = [source for source in sources if "://" in source]
    files = [Path(source) for source in sources if "://" not in source]
    for path in files:
        if not path.is_file():
            raise typer.BadParameter(f"{path} is neither a file nor a URL.")
        if not os.access(path, os.R_OK):
            raise typer.BadParameter(f"{path} may not be read by you.")
    return urls, files
