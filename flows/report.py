"""The table on a run's page: what was made of each image, with links and savings."""

import json
from collections.abc import Sequence

from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import AsyncClientContext, FlowRunContext

from infra.objectkeys import asset_url
from tasks.result import ImageDone, ImageFailed, ImageResult
from tasks.saving import saving

Row = dict[str, str | int]


def table_of(results: Sequence[ImageResult], assets: str) -> list[Row]:
    """Return one row per variant, and one per failed image."""
    rows: list[Row] = []
    for result in results:
        if isinstance(result, ImageDone):
            rows.extend(_variant_rows(result, assets))
        else:
            rows.append(_failure_row(result))
    return rows


def sentence_of(result: ImageResult) -> str:
    """Return a line for the run's log."""
    if isinstance(result, ImageFailed):
        return f"Image {result.image.position}: failed, {result.detail} ({result.code})"
    count = len(result.variants)
    largest = max((variant.bytes for variant in result.variants), default=0)
    return (
        f"Image {result.image.position}: {result.outcome}, {count} variants, the largest "
        f"{saving(result.source_bytes, largest)} smaller than the source"
    )


def _variant_rows(done: ImageDone, assets: str) -> list[Row]:
    return [
        {
            "image": done.image.position,
            "outcome": done.outcome,
            "variant": variant.name,
            "size": f"{variant.width}×{variant.height}",  # noqa: RUF001 - the sign for sizes
            "bytes": variant.bytes,
            "saved": saving(done.source_bytes, variant.bytes),
            "link": f"[open]({asset_url(assets, variant.object_key)})",
        }
        for variant in sorted(done.variants, key=lambda made: (-made.width, made.name))
    ]


def _failure_row(failure: ImageFailed) -> Row:
    return {
        "image": failure.image.position,
        "outcome": failure.code,
        "variant": "",
        "size": "",
        "bytes": "",
        "saved": "",
        "link": failure.detail,
    }


async def show_table(rows: Sequence[Row], description: str) -> None:
    """Put a table on the page of the current flow run.

    Through the open client: Prefect's own helper opens another one each time (about 50 ms).
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("A table is shown by a flow run.")
    artifact = ArtifactCreate(
        type="table",
        description=description,
        data=json.dumps(rows),
        flow_run_id=context.flow_run.id,
    )
    async with AsyncClientContext.get_or_create() as clients:
        await clients.client.create_artifact(artifact)
