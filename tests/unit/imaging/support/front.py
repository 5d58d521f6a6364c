"""The front of the pipeline alone: from a file's bytes to upright sRGB pixels, unshrunk."""

from pathlib import Path

import pytest
from PIL import Image

from infra.contract.errors import ImageRefused
from tasks.imaging.colour.to_srgb import to_srgb
from tasks.imaging.decode.load import load
from tasks.imaging.decode.open import describe, open_picture, orientation_left
from tasks.imaging.decode.source import read_original
from tasks.imaging.errors import reading
from tasks.imaging.models import Limits, SourceFacts
from tasks.imaging.transform.orient import orient
from tasks.imaging.transform.pixel_format import normalize_mode
from tasks.imaging.transform.plan import Plan
from tasks.imaging.transform.sizes import Size

LIMITS = Limits(max_pixels=50_000_000, heic=True)


def decoded(source: Path, limits: Limits = LIMITS) -> tuple[SourceFacts, Image.Image]:
    """Run the steps that depend on the source's bytes."""
    with reading():
        original = read_original(source, limits)
        image = open_picture(original, limits)
        facts = describe(image, original)
        plan = Plan(Size(facts.width, facts.height), orientation_left(facts))
        for step in (load, normalize_mode, orient, to_srgb):
            image = step(image, plan)
        return facts, image


def seen(directory: Path, data: bytes, limits: Limits = LIMITS) -> Image.Image:
    """Return the pixels that a viewer should see."""
    return known(directory, data, limits)[1]


def known(directory: Path, data: bytes, limits: Limits = LIMITS) -> tuple[SourceFacts, Image.Image]:
    """Return the facts and the pixels; the name of the file says nothing about it."""
    source = directory / "source.txt"
    source.write_bytes(data)
    return decoded(source, limits)


def code_of(directory: Path, data: bytes, limits: Limits = LIMITS) -> str:
    """Return the code with which the bytes are refused."""
    with pytest.raises(ImageRefused) as caught:
        seen(directory, data, limits)
    assert caught.value.detail.endswith(".")
    return caught.value.code
