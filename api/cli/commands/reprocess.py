"""`product-images reprocess`: regenerate images, or count them."""

from datetime import datetime
from typing import Annotated, Any

import typer

from api.cli.client import open_client
from api.cli.options import Json, Watch
from api.cli.views.batch_table import print_batch
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out
from api.cli.views.watch import watch_batch
from infra.contract.states import BatchState

_MEGABYTE = 1_000_000


def reprocess(
    preset: Annotated[str | None, typer.Option(help="Only images of this preset.")] = None,
    to_preset: Annotated[str | None, typer.Option(help="Switch them to this preset.")] = None,
    sku: Annotated[
        list[str] | None, typer.Option(help="Only this product; may be repeated.")
    ] = None,
    sku_prefix: Annotated[str | None, typer.Option(help="Only SKUs with this prefix.")] = None,
    host: Annotated[str | None, typer.Option(help="Only images from this host.")] = None,
    failed_with: Annotated[
        str | None, typer.Option(help="Only images with this error code.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only images fetched since this time (UTC).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Images to regenerate at most.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also images that are up to date.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Encode variants again.")] = False,
    refetch: Annotated[bool, typer.Option("--refetch", help="Fetch the sources again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")] = False,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Regenerate stale images, or those that you select.

    What is shown stays until the new variants are verified. With --watch, exit status 1 unless
    all becomes ready.
    """
    wanted = {
        "preset": preset,
        "to_preset": to_preset,
        "skus": sku,
        "sku_prefix": sku_prefix,
        "host": host,
        "failed_with": failed_with,
        "created_since": None if since is None else f"{since.isoformat()}Z",
        "limit": limit,
        "stale": False if all_ else None,
        "force": force or None,
        "refetch": refetch or None,
        "dry_run": dry_run or None,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    with open_client() as client:
        answer = client.reprocess(body)
        batch_id = answer.get("batch_id")
        if not as_json:
            _print_estimate(answer)
            if not dry_run and batch_id is not None:
                out.print(f"Batch {batch_id} is making them.", soft_wrap=True)
        if watch and batch_id is not None:
            answer = watch_batch(client, batch_id, quiet=as_json)
            if not as_json:
                print_batch(out, answer)
    if as_json:
        write_json(answer)
    if watch and batch_id is not None and answer["state"] != BatchState.READY:
        raise typer.Exit(1)


def _print_estimate(answer: Any) -> None:
    if answer["images"]:
        out.print(
            f"{answer['images']} images of {answer['products']} products: at most "
            f"{answer['variants']} variants, {answer['bytes'] / _MEGABYTE:.1f} MB to read, "
            f"about {answer['estimated_cpu_seconds']:.0f} s of CPU.",
            soft_wrap=True,
        )
    else:
        out.print("Nothing is to be regenerated.")
    if count := answer["without_original"]:
        out.print(f"{count} more have no stored original: --refetch fetches them.")
