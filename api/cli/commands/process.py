"""`product-images process URL|FILE…`: post images, watch the job, show what came out."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.client import open_client
from api.cli.options import Json, require_readable
from api.cli.views.job_table import print_job
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out
from api.cli.views.watch import watch


def process(
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE", help="Image URLs or files.")],
    sku: Annotated[str | None, typer.Option(help="Your SKU of the product.")] = None,
    as_json: Json = False,
) -> None:
    """Process images of one product; exit status 1 unless all of them are ready."""
    urls = [source for source in sources if "://" in source]
    files = [Path(source) for source in sources if "://" not in source]
    for path in files:
        require_readable(path, "is neither a file nor a URL")
    with open_client() as client:
        accepted = client.process(urls, files, sku)
        job = watch(client, accepted["job_id"], quiet=as_json)
    if as_json:
        write_json(job)
    else:
        print_job(out, job)
    if job["state"] != "ready":
        raise typer.Exit(1)
