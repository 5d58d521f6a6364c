"""What people see of an inspected file in the shell, and what programs read of it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.inspection import Inspection, Refusal
from api.cli.views.terminal import print_table, right
from api.formats import human_bytes
from tasks.imaging.models import SourceFacts, VariantFile
from tasks.reports.savings import saving

_COLUMNS = (
    "variant",
    "format",
    right("pixels"),
    right("bytes"),
    right("saved"),
    right("quality"),
    right("score"),
    right("CPU"),
    "",  # how long a moving variant plays
)


def print_inspection(console: Console, inspection: Inspection) -> None:
    """Print the source's facts, a line per variant, and what a page needs."""
    rendition = inspection.rendition
    source, variants, page = rendition.source, rendition.variants, rendition.page
    heading = f" ({describe_source(source)})"
    console.print(Text.assemble((str(inspection.file), "bold"), heading), soft_wrap=True)
    rows = [
        (
            variant.name,
            variant.format.value,
            pixels(variant.width, variant.height),
            human_bytes(variant.bytes),
            saving(source.bytes, variant.bytes),
            *describe_quality(variant),
            describe_cost(variant),
            describe_motion(variant.frames, variant.seconds),
        )
        for variant in variants
    ]
    print_table(console, _COLUMNS, rows, indent=3)
    made = f"{len(variants)} variant{'' if len(variants) == 1 else 's'}"
    done = f"   {made} in {inspection.seconds:.1f} s, policy {rendition.fingerprint}"
    console.print(Text(done), soft_wrap=True)
    facts = f" {page.dominant_colour}, placeholder {page.thumbhash}, hash {page.phash}"
    colour = Text.assemble("   colour ", ("■", page.dominant_colour), facts)
    console.print(colour, soft_wrap=True)


def as_document(results: Sequence[Inspection | Refusal]) -> dict[str, Any]:
    """Return what JSON can hold: `images` that were made, `errors` for those that were refused."""
    images, errors = [], []
    for each in results:
        if isinstance(each, Refusal):
            errors.append({"file": str(each.file), "code": each.code, "detail": each.detail})
            continue
        variants = [asdict(variant) for variant in each.rendition.variants]
        for variant in variants:
            del variant["path"]  # it is gone when the command has ended
        images.append(
            {
                "file": str(each.file),
                "seconds": round(each.seconds, 3),
                "fingerprint": each.rendition.fingerprint,
                "source": asdict(each.rendition.source),
                "page": asdict(each.rendition.page),
                "variants": variants,
            }
        )
    return {"images": images, "errors": errors}


def describe_source(source: SourceFacts) -> str:
    """Return a source's facts as one line, only those that are out of the ordinary included."""
    facts = [
        source.format.value.upper(),
        pixels(source.width, source.height),
        human_bytes(source.bytes),
    ]
    if source.orientation != 1:
        facts.append(f"turned upright (EXIF orientation {source.orientation})")
    if source.frames > 1:
        facts.append(describe_motion(source.frames, source.seconds))
    if source.has_alpha:
        facts.append("transparency")
    return ", ".join(facts)


def describe_motion(frames: int, seconds: float) -> str:
    """Return how long an animation is, for people; empty for a still image."""
    return "" if frames <= 1 else f"{frames} frames in {seconds:.1f} s"


def describe_quality(variant: VariantFile) -> tuple[str, str]:
    """Return the encoder's quality and the measured score, for people."""
    quality = "lossless" if variant.quality is None else str(variant.quality)
    return quality, "" if variant.score is None else f"{variant.score:.1f}"


def describe_cost(variant: VariantFile) -> str:
    """Return the CPU time that a variant took, for people; empty when not measured."""
    return "" if variant.cpu_seconds is None else f"{variant.cpu_seconds * 1000:.0f} ms"


def pixels(width: int, height: int) -> str:
    """Return a size in pixels."""
    return f"{width}×{height}"  # noqa: RUF001 - the sign for sizes
