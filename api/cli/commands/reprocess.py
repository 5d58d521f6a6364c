"""`product-images reprocess`: have images made again, or see what that would come to."""

from datetime import datetime
from typing import Annotated, Any

import typer

from api.cli.client import open_client
from api.cli.views.batch_table import print_batch
from api.cli.views.batch_watch import watch_batch
from api.cli.views.json_output import write_json
from api.cli.views.terminal import Terminal
from infra.contract.states import BatchState

_out = Terminal(highlight=False)
_MEGABYTE = 1_000_000


def reprocess(
    preset: Annotated[str | None, typer.Option(help="Only images shown in this preset.")] = None,
    to_preset: Annotated[str | None, typer.Option(help="Make them in this one instead.")] = None,
    sku: Annotated[list[str] | None, typer.Option(help="Only this product; repeatable.")] = None,
    sku_prefix: Annotated[str | None, typer.Option(help="Only skus that begin so.")] = None,
    host: Annotated[str | None, typer.Option(help="Only images of this supplier.")] = None,
    failed_with: Annotated[str | None, typer.Option(help="Only images with this error.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only images that came since then, in UTC.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many images at most.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what is up to date.")] = False,  # noqa: FBT002 - typer's way
    force: Annotated[bool, typer.Option("--force", help="Encode again what is there.")] = False,  # noqa: FBT002 - typer's way
    refetch: Annotated[bool, typer.Option("--refetch", help="Ask the suppliers again.")] = False,  # noqa: FBT002 - typer's way
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,  # noqa: FBT002 - typer's way
    watch: Annotated[bool, typer.Option("--watch", help="Follow the batch to its end.")] = False,  # noqa: FBT002 - typer's way
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Make images again that differ from their preset's target, or those that you select.

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
    _carry_out(body, watch=watch, as_json=as_json)


def _carry_out(body: dict[str, Any], *, watch: bool, as_json: bool) -> None:
    with open_client() as client:
        answer = client.reprocess(body)
        batch_id = answer.get("batch_id")
        if not as_json:
            _say(answer, dry_run="dry_run" in body)
        if watch and batch_id is not None:
            answer = watch_batch(client, batch_id, quiet=as_json)
            if not as_json:
                print_batch(_out, answer)
    if as_json:
        write_json(answer)
    if watch and batch_id is not None and answer["state"] != BatchState.READY:
        raise typer.Exit(1)


def _say(answer: Any, *, dry_run: bool) -> None:
    if answer["images"]:
        _out.print(
            f"{answer['images']} images of {answer['products']} products: at most "
            f"{answer['variants']} variants, {answer['bytes'] / _MEGABYTE:.1f} MB to read, about "
            f"{answer['estimated_cpu_seconds']:.0f} s of CPU.",
            soft_wrap=True,
        )
    else:
        _out.print("Nothing has to be made again.")
    if answer["without_original"]:
        count = answer["without_original"]
        _out.print(f"{count} more have no stored original: --refetch asks for them.")
    if not dry_run and answer["batch_id"] is not None:
        _out.print(f"Batch {answer['batch_id']} is making them.", soft_wrap=True)
