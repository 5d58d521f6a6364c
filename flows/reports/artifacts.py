"""What a run's page shows of its job: each image's source, savings, image and variants.

Markdown, because a table of Prefect's shows no images. Whatever suppliers write is escaped.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import AsyncClientContext, FlowRunContext

from infra.contract.object_keys import asset_url
from infra.contract.source_refs import uploaded_sha256, without_query
from tasks.reports.savings import saving
from tasks.steps.results import ImageDone, ImageFailed, ImageResult

_MAX_PICTURES = 24
"""Beyond it the page would load hundreds of files to show a state."""
_THUMBNAIL_PX = 400
_SHOWN_CHARACTERS = 80
_HEAD = ("variant", "size", "bytes", "saved", "quality", "score", "")
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_{}[]<>()#|"} | {"\n": " "})


def report_of(results: Sequence[ImageResult], assets: str) -> str:
    """Return markdown: a sentence with the sums, then a section for each image."""
    parts = [_sums([result for result in results if isinstance(result, ImageDone)], len(results))]
    for index, result in enumerate(results):
        if isinstance(result, ImageDone):
            parts.extend(_done(result, assets, has_picture=index < _MAX_PICTURES))
        else:
            parts.extend(_failed(result))
    return "\n\n".join(parts)


def sentence_of(result: ImageDone) -> str:
    """Return a line for the run's log about an image that is ready."""
    count = len(result.variants)
    return (
        f"Image {result.image.position}: {result.outcome}, {count} variants, the largest "
        f"{saving(result.source_bytes, result.largest_bytes)} smaller than the source"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a markdown table; the cells are markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def plain(text: str) -> str:
    """Return text so that markdown shows it as it is written."""
    return text.translate(_SPECIAL)


def _sums(done: Sequence[ImageDone], count: int) -> str:
    sources = sum(image.source_bytes for image in done)
    largest = sum(image.largest_bytes for image in done)
    sentence = f"**{len(done)} of {count} images of this attempt are ready.**"
    if not sources:
        return sentence
    saved = saving(sources, largest)
    return (
        f"{sentence} Sources: {sources:,} bytes; their largest variants: {largest:,} bytes, "
        f"{saved} saved."
    )


def _done(done: ImageDone, assets: str, *, has_picture: bool) -> Iterator[str]:
    yield f"### Image {done.image.position}: {done.outcome}"
    variants = sorted(done.variants, key=lambda made: (-made.width, made.name))
    if has_picture and variants:
        small = [variant for variant in variants if variant.width <= _THUMBNAIL_PX]
        shown = small[-1] if small else variants[-1]  # the narrowest: it stands beside many others
        yield f"![image {done.image.position}]({_link(asset_url(assets, shown.object_key))})"
    yield f"Source: {_source(done.image.source_url)}, {done.source_bytes:,} bytes"
    rows = [
        (
            variant.name,
            f"{variant.width}×{variant.height}",  # noqa: RUF001 - the sign for sizes
            f"{variant.bytes:,}",
            saving(done.source_bytes, variant.bytes),
            "lossless" if variant.quality is None else variant.quality,
            "" if variant.score is None else f"{variant.score:.0f}",
            f"[open]({_link(asset_url(assets, variant.object_key))})",
        )
        for variant in variants
    ]
    yield table(_HEAD, rows)


def _failed(failure: ImageFailed) -> Iterator[str]:
    yield f"### Image {failure.image.position}: failed"
    yield f"`{failure.code}` {plain(failure.detail)}"
    yield f"Source: {_source(failure.image.source_url)}"
    yield "Another try may help." if failure.retryable else "Another try gives the same result."


def _source(source_url: str) -> str:
    if uploaded_sha256(source_url) is not None:
        return "an uploaded file"
    address = source_url.partition("?")[0]  # Prefect's readers need no API key: no signatures here
    # With its scheme the UI would show the escapes, too.
    shown = without_query(source_url).partition("://")[2]
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_CHARACTERS]}…"
    return f"[{plain(shown)}]({_link(address)})"


def _link(url: str) -> str:
    """Return an address that ends where markdown thinks it ends."""
    return quote(url, safe="%/:=&?~#+!$,;'@*-._")


async def show(markdown: str, description: str, *, key: str | None = None) -> None:
    """Put markdown on the page of the current flow run; versions of one key stack up.

    Through the open client: Prefect's own helper opens another one each time (about 50 ms).
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("An artifact is shown by a flow run.")
    artifact = ArtifactCreate(
        key=key,
        type="markdown",
        description=description,
        data=markdown,
        flow_run_id=context.flow_run.id,
    )
    async with AsyncClientContext.get_or_create() as clients:
        await clients.client.create_artifact(artifact)
