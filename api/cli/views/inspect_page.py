"""One HTML file that shows pictures beside what was made of them; it loads nothing from outside."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from api.cli.inspection import Inspection
from api.cli.views.inspect_style import PAGE
from api.cli.views.inspect_table import (
    describe_cost,
    describe_motion,
    describe_quality,
    describe_source,
    pixels,
)
from api.cli.views.job_table import human_bytes
from tasks.imaging.models import PageFacts, VariantFile
from tasks.imaging.web.picture_markup import Linked, picture_markup
from tasks.imaging.web.placeholder import placeholder
from tasks.reports.savings import saving

_EXAMPLE_SIZES = "(min-width: 60em) 50vw, 100vw"


def write_page(inspections: Sequence[Inspection], preset: str, target: Path) -> None:
    """Write the page; variants are in it byte by byte, sources as large as the largest of them."""
    title = ", ".join(each.file.name for each in inspections)
    sections = "\n".join(_section(each, preset) for each in inspections)
    page = PAGE.substitute(title=escape(title), sections=sections)
    target.write_text(page, encoding="utf-8")


def _section(inspection: Inspection, preset: str) -> str:
    source, variants = inspection.rendition.source, inspection.rendition.variants
    facts = f"{describe_source(source)} · {inspection.seconds:.1f} s · preset {preset}"
    return "\n".join(
        (
            "<section>",
            f"<header><h2>{escape(inspection.file.name)}</h2><p>{escape(facts)}</p></header>",
            _stage(inspection.view, variants),
            _controls(inspection),
            f'<div class="wide">{_table(source.bytes, variants)}</div>',
            _page_facts(inspection),
            "</section>",
        )
    )


def _stage(view: VariantFile | None, variants: Sequence[VariantFile]) -> str:
    """The picture twice, one over the other, with a handle between source and variant."""
    first = variants[0]
    layers = "\n".join(
        f'<img class="variant" src="{_data(each)}" alt="{escape(each.name)}"'
        f' data-index="{index}"{"" if each is first else " hidden"}>'
        for index, each in enumerate(variants)
    )
    source = "" if view is None else f'<img class="source" src="{_data(view)}" alt="source">'
    return f"""<div class="stage">
<div class="frame" style="--width:{first.width}px;--ratio:{first.width}/{first.height}">
{source}
{layers}
<span class="handle" aria-hidden="true"></span>
</div></div>"""


def _controls(inspection: Inspection) -> str:
    source_bytes = inspection.rendition.source.bytes
    caption = _caption(inspection.rendition.variants[0], source_bytes)
    return f"""<div class="controls">
<span class="end"><b>source</b>, {human_bytes(source_bytes)}</span>
<input type="range" min="0" max="100" value="50" step="0.1" aria-label="source or variant">
<output>{escape(caption)}</output>
<label class="toggle"><input type="checkbox"> actual pixels</label>
</div>"""


def _caption(variant: VariantFile, source_bytes: int) -> str:
    saved = saving(source_bytes, variant.bytes)
    return f"{variant.name}, {human_bytes(variant.bytes)}, {saved} saved"


def _table(source_bytes: int, variants: Sequence[VariantFile]) -> str:
    moves = any(each.frames > 1 for each in variants)
    rows = "\n".join(_rows(source_bytes, variants, moves=moves))
    heads = ["variant", "format", "pixels", "size", "saved", "quality", "score", "CPU"]
    heads += ["motion"] if moves else []
    head = "".join(f"<th>{each}</th>" for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _rows(source_bytes: int, variants: Sequence[VariantFile], *, moves: bool) -> Iterator[str]:
    for index, each in enumerate(variants):
        quality, score = describe_quality(each)
        share = min(100.0, 100 * each.bytes / source_bytes)
        bar = f'<span class="bar" style="--share:{share:.1f}%"></span>'
        cells = [
            _button(index, each, source_bytes),
            each.format.value,
            pixels(each.width, each.height),
            f'{bar}<span class="weight">{human_bytes(each.bytes)}</span>',
            saving(source_bytes, each.bytes),
            quality,
            score,
            describe_cost(each),
        ]
        cells += [describe_motion(each.frames, each.seconds) or "still"] if moves else []
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _button(index: int, variant: VariantFile, source_bytes: int) -> str:
    return (
        f'<button type="button" data-index="{index}" aria-pressed="{str(not index).lower()}"'
        f' data-caption="{escape(_caption(variant, source_bytes))}">{escape(variant.name)}</button>'
    )


def _page_facts(inspection: Inspection) -> str:
    page, variants = inspection.rendition.page, inspection.rendition.variants
    smallest = variants[-1]
    markup = picture_markup(
        [_linked(each) for each in variants],
        alt=inspection.file.stem,
        sizes=_EXAMPLE_SIZES,
        page=page,
    )
    return f"""<h3>On the page</h3>
<div class="arrival" style="--ratio:{smallest.width}/{smallest.height}">
{_arrival(page, smallest)}
</div>
<h3>Its markup</h3>
<pre tabindex="0"><code>{escape(markup)}</code></pre>
<p class="fine">ThumbHash <code>{page.thumbhash}</code> · perceptual hash <code>{page.phash}</code>
 · policy <code>{inspection.rendition.fingerprint}</code></p>"""


def _arrival(page: PageFacts, smallest: VariantFile) -> str:
    colour = page.dominant_colour
    tiles = (
        (f'<div style="background:{colour}"></div>', f"at once: {colour}"),
        (
            f'<img src="{placeholder(page.thumbhash)}" alt="placeholder">',
            "with the page: the placeholder",
        ),
        (
            f'<img src="{_data(smallest)}" alt="{escape(smallest.name)}">',
            f"when it has loaded: {smallest.name}",
        ),
    )
    return "\n".join(
        f"<figure>{tile}<figcaption>{escape(text)}</figcaption></figure>" for tile, text in tiles
    )


def _linked(variant: VariantFile) -> Linked:
    return Linked(
        name=variant.name,
        format=variant.format,
        width=variant.width,
        height=variant.height,
        url=f"{variant.name}.{variant.extension}",
        bytes=variant.bytes,
        frames=variant.frames,
    )


def _data(variant: VariantFile) -> str:
    content = b64encode(variant.path.read_bytes()).decode("ascii")
    return f"data:{variant.media_type};base64,{content}"
