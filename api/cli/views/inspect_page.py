"""One HTML file that shows images beside what was made of them; it loads nothing from outside.

How the page looks and moves is in `templates/inspect.*`.
"""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.cli.inspection import Inspection
from api.cli.views.inspect_table import (
    describe_cost,
    describe_motion,
    describe_quality,
    describe_source,
    pixels,
)
from api.formats import human_bytes
from api.templates import render
from tasks.imaging.models import VariantFile
from tasks.imaging.web.picture_markup import Linked, picture_markup
from tasks.imaging.web.placeholder import placeholder
from tasks.reports.savings import saving

_EXAMPLE_SIZES = "(min-width: 60em) 50vw, 100vw"


def write_page(inspections: Sequence[Inspection], preset: str, target: Path) -> None:
    """Write the page; variants are in it byte by byte, sources as large as the largest of them."""
    sections = [_section(each, preset) for each in inspections]
    page = render("cli/views/templates/inspect.html.j2", sections=sections)
    target.write_text(page, encoding="utf-8")


def _section(inspection: Inspection, preset: str) -> dict[str, Any]:
    """Return what the template shows of a file; pictures are `data:` addresses."""
    rendition, view = inspection.rendition, inspection.view
    source, variants, page = rendition.source, rendition.variants, rendition.page
    linked = [
        Linked(
            name=each.name,
            format=each.format,
            width=each.width,
            height=each.height,
            url=f"{each.name}.{each.extension}",
            bytes=each.bytes,
            frames=each.frames,
        )
        for each in variants
    ]
    return {
        "name": inspection.file.name,
        "facts": f"{describe_source(source)} · {inspection.seconds:.1f} s · preset {preset}",
        "size": human_bytes(source.bytes),
        "view": None if view is None else _data(view),
        "variants": [_variant(each, source.bytes) for each in variants],
        "moves": any(each.frames > 1 for each in variants),
        "page": page,
        "placeholder": placeholder(page.thumbhash),
        "markup": picture_markup(linked, alt=inspection.file.stem, sizes=_EXAMPLE_SIZES, page=page),
        "fingerprint": rendition.fingerprint,
    }


def _variant(variant: VariantFile, source_bytes: int) -> dict[str, Any]:
    quality, score = describe_quality(variant)
    size, saved = human_bytes(variant.bytes), saving(source_bytes, variant.bytes)
    return {
        "name": variant.name,
        "format": variant.format.value,
        "width": variant.width,
        "height": variant.height,
        "pixels": pixels(variant.width, variant.height),
        "size": size,
        "share": f"{min(100.0, 100 * variant.bytes / source_bytes):.1f}",
        "saved": saved,
        "quality": quality,
        "score": score,
        "cost": describe_cost(variant),
        "motion": describe_motion(variant.frames, variant.seconds) or "still",
        "caption": f"{variant.name}, {size}, {saved} saved",
        "content": _data(variant),
    }


def _data(variant: VariantFile) -> str:
    content = b64encode(variant.path.read_bytes()).decode("ascii")
    return f"data:{variant.media_type};base64,{content}"
