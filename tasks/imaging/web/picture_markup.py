"""Ready-made HTML of an image: every format and width offered, the browser takes what suits it.

It must not know Pillow, nor where variants are kept: the API answers with this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import PageFacts
from tasks.imaging.web.placeholder import is_see_through, placeholder

# A browser takes the first source that it can show: the smallest files first.
_BEST_FIRST = (ImageFormat.AVIF, ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG)
_LESS_MOTION = "(prefers-reduced-motion: reduce)"
_NEXT_ATTRIBUTE = "\n       "
_ROUNDING_PX = 1  # half a pixel of either of two sizes
_SHOWN_BY_ALL = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.GIF)


@dataclass(frozen=True, slots=True)
class Linked:
    """A variant with its address; width and height in pixels, `frames` is 1 if it is still."""

    name: str
    format: ImageFormat
    width: int
    height: int
    url: str
    bytes: int
    frames: int = 1


def picture_markup(
    variants: Sequence[Linked],
    *,
    alt: str,
    sizes: str = "100vw",
    page: PageFacts | None = None,
    lazy: bool = True,
) -> str:
    """Return a `<picture>` of one product picture's variants, at least one.

    `sizes` is the HTML attribute: how wide the image is laid out. `page` gives what is shown
    until the image arrives. Images that are seen without scrolling should not be lazy.

    All candidates show the same part of the image, whatever the format: that of the widest
    variant, of several so wide that of the highest. Other crops are not offered.

    A format is offered only when its files are smaller in sum than those of the `<img>`, because a
    browser takes it unseen; for a cut-out always, because the `<img>` may have lost its holes.

    Of an animation only moving files are sources, the `<img>` is still where the format is, and
    who asked for less motion gets the still one from the start.
    """
    variants = _of_one_crop(variants)
    fallback = _fallback(variants)
    cut_out = page is not None and is_see_through(page.thumbhash)
    sources = _sources(variants, fallback, all_formats=cut_out)
    lines = [
        f'<source type="{each[0].format.media_type}" {_srcset(each, sizes)}>' for each in sources
    ]
    if sources and _moves(sources[0]) and not _moves(fallback):
        lines.insert(0, f'<source media="{_LESS_MOTION}" {_srcset(fallback, sizes)}>')
    attributes = [
        f'src="{escape(fallback[0].url)}"',
        _srcset(fallback, sizes),
        f'width="{fallback[0].width}" height="{fallback[0].height}" alt="{escape(alt)}"',
        f'loading="{"lazy" if lazy else "eager"}" decoding="async"',
    ]
    if page is not None and not cut_out:  # behind a cut-out it would show through for ever
        preview = f"url({placeholder(page.thumbhash)})"
        shown_until = f"{escape(page.dominant_colour)} {preview} center/cover no-repeat"
        attributes.append(f'style="background:{shown_until}"')
    lines.append(f"<img {_NEXT_ATTRIBUTE.join(attributes)}>")
    return "\n".join(("<picture>", *(f"  {line}" for line in lines), "</picture>"))


def _of_one_crop(variants: Sequence[Linked]) -> list[Linked]:
    """Return the variants with the proportions of the largest, of each width one height.

    A browser takes candidates of one srcset for the same image: it picks by width alone, and
    lays all of them out as the `<img>` says.
    """
    largest = max(variants, key=lambda each: (each.width, each.height), default=None)
    if largest is None:
        return []

    def too_high_px(each: Linked) -> float:
        return abs(each.height - largest.height * each.width / largest.width)

    # Rounding to whole pixels explains a difference: of the height or of the width. A preset gives
    # one of them; of a very high image, half a pixel of width stands for many of height.
    alike = [
        each
        for each in variants
        if too_high_px(each) <= _ROUNDING_PX
        or abs(each.width - largest.width * each.height / largest.height) <= _ROUNDING_PX
    ]
    heights: dict[int, int] = {}
    for each in sorted(alike, key=lambda other: (too_high_px(other), -other.height)):
        heights.setdefault(each.width, each.height)
    return [each for each in alike if each.height == heights[each.width]]


def _sources(
    variants: Sequence[Linked], fallback: Sequence[Linked], *, all_formats: bool
) -> list[list[Linked]]:
    """Return the formats to offer before the `<img>`, best first."""
    # Within a source the browser cannot reach for another format, so one that lacks the widest
    # variant would keep it from everybody: such a format is not offered.
    widest = max(variant.width for variant in variants)
    ladders = [_ladder(variants, each) for each in _BEST_FIRST if each is not fallback[0].format]
    others = [ladder for ladder in ladders if ladder and ladder[0].width == widest]
    moving = [each for each in others if _moves(each)]
    if _moves(fallback):
        simplest = fallback
    elif moving:
        simplest = moving[-1]  # offered whatever it weighs: the `<img>` does not show the same
    else:
        return [each for each in others if all_formats or _is_smaller(each, fallback)]
    return [each for each in moving if each is simplest or _is_smaller(each, simplest)]


def _moves(ladder: Sequence[Linked]) -> bool:
    return ladder[0].frames > 1


def _ladder(variants: Sequence[Linked], image_format: ImageFormat) -> list[Linked]:
    """Return one format's variants; those that are not as the widest, still or moving, left out."""
    by_width = {each.width: each for each in variants if each.format is image_format}
    ladder = [by_width[width] for width in sorted(by_width, reverse=True)]
    return [each for each in ladder if (each.frames > 1) == _moves(ladder)]


def _fallback(variants: Sequence[Linked]) -> list[Linked]:
    """Return the variants of a format that every browser shows, or of the last one there is."""
    for image_format in (*_SHOWN_BY_ALL, *reversed(_BEST_FIRST)):
        if ladder := _ladder(variants, image_format):
            return ladder
    raise ValueError("a picture needs at least one variant that a browser can show")


def _is_smaller(ladder: Sequence[Linked], other: Sequence[Linked]) -> bool:
    """Compare the widths that both have."""
    widths = {each.width for each in ladder} & {each.width for each in other}
    ours, theirs = (
        sum(each.bytes for each in variants if each.width in widths) for variants in (ladder, other)
    )
    return not widths or ours < theirs


def _srcset(ladder: Sequence[Linked], sizes: str) -> str:
    # Blanks and commas separate the candidates.
    urls = [each.url.replace(" ", "%20").replace(",", "%2C") for each in ladder]
    candidates = ", ".join(f"{url} {each.width}w" for url, each in zip(urls, ladder, strict=True))
    return f'srcset="{escape(candidates)}" sizes="{escape(sizes)}"'
