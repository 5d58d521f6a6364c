"""What bare Pillow does with the same pictures on the same cores: no jobs, no store, no checks."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

from PIL import Image

WIDTHS = (1600, 800, 400, 200)


def make_variants(source: bytes) -> int:
    """Return how many bytes the eight variants have, each resized from the full picture."""
    total = 0
    with Image.open(io.BytesIO(source)) as picture:
        picture.load()
        for width in WIDTHS:
            height = round(picture.height * width / picture.width)
            resized = picture.resize((width, height), Image.Resampling.LANCZOS)
            for options in (
                {"format": "JPEG", "quality": 80, "progressive": True},
                {"format": "WEBP", "quality": 80},
            ):
                out = io.BytesIO()
                resized.save(out, **options)
                total += len(out.getvalue())
    return total


def images_per_second(sources: Sequence[bytes]) -> float:
    """Process all sources on all cores and return the rate; the processes are warm."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make_variants, sources[: 2 * (os.cpu_count() or 1)]))
        started = perf_counter()
        list(pool.map(make_variants, sources))
        return len(sources) / (perf_counter() - started)
