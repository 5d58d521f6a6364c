"""Files that mean harm, in real pixel processes with real limits."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused
from infra.settings.sections import PixelSettings
from tasks.imaging.models import SourceFacts
from tasks.pixels.pool import PixelPool
from tests.unit.imaging.support import hostile
from tests.unit.imaging.support.front import decoded
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import heic

DEADLINE_SECONDS = 120.0
SIDE = 6000  # 36 megapixels; 49 would test the same and take longer


def flat(side: int = SIDE) -> Image.Image:
    return Image.new("RGB", (side, side), (90, 120, 30))


BOMBS: dict[str, Callable[[], bytes]] = {
    "a PNG of one colour": lambda: hostile.pixel_bomb(SIDE),
    "a WebP of 38 bytes": lambda: hostile.declaring_webp(SIDE, SIDE),
    "a GIF of 43 bytes": lambda: hostile.declaring_gif(SIDE, SIDE),
    "a TIFF of one colour": lambda: file_of(flat(), "TIFF", compression="tiff_adobe_deflate"),
    "an AVIF of one colour": lambda: file_of(flat(), "AVIF", speed=10),
    "a JPEG of one colour": lambda: file_of(flat(), "JPEG", quality=10, progressive=True),
    "a HEIC of one colour": lambda: heic(flat(SIDE // 3)),  # its encoder takes its time
}


def facts_of(source: Path) -> SourceFacts:
    """Decode in the child; only the facts come back, as pixels would take the pipe."""
    return decoded(source)[0]


@pytest.fixture(scope="module")
def pool() -> Iterator[PixelPool]:
    with PixelPool(PixelSettings(processes=1), modules=(__name__,)) as opened:
        yield opened


@pytest.fixture(scope="module")
def narrow() -> Iterator[PixelPool]:
    settings = PixelSettings(processes=1, memory_bytes=256 * 1024**2)
    with PixelPool(settings, modules=(__name__,)) as opened:
        yield opened


@pytest.fixture(scope="module", params=BOMBS)
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bomb") / "source"
    path.write_bytes(BOMBS[request.param]())
    return path


def test_a_well_packed_large_picture_fits_the_default_memory(pool: PixelPool, bomb: Path) -> None:
    facts = pool.submit(facts_of, source=bomb, answer=SourceFacts).result(DEADLINE_SECONDS)
    assert facts.width == facts.height >= SIDE // 3


def test_one_that_does_not_fit_says_so_and_costs_no_process(
    narrow: PixelPool, tmp_path: Path
) -> None:
    before = narrow.submit(os.getpid).result(DEADLINE_SECONDS)
    for kind in ("a WebP of 38 bytes", "an AVIF of one colour", "a JPEG of one colour"):
        source = tmp_path / "source"
        source.write_bytes(BOMBS[kind]())
        with pytest.raises(ImageRefused) as caught:
            narrow.submit(facts_of, source=source).result(DEADLINE_SECONDS)
        assert caught.value.code == ErrorCode.OUT_OF_MEMORY, kind
    assert narrow.submit(os.getpid).result(DEADLINE_SECONDS) == before


def test_a_jpeg_of_many_passes_is_killed_at_the_timeout(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(hostile.scans_jpeg(SIDE, 190))
    settings = PixelSettings(processes=1, timeout_seconds=1.0)
    with PixelPool(settings, modules=(__name__,)) as pool:
        with pytest.raises(ImageRefused) as caught:
            pool.submit(facts_of, source=source).result(DEADLINE_SECONDS)
        assert caught.value.code == ErrorCode.DECODE_TIMEOUT
        assert pool.submit(os.getpid).result(DEADLINE_SECONDS)


@pytest.mark.parametrize("flood", [hostile.gif_of, hostile.webp_of, hostile.apng_of])
def test_a_hundred_thousand_frames_are_refused(
    pool: PixelPool, tmp_path: Path, flood: Callable[[int], bytes]
) -> None:
    source = tmp_path / "source"
    source.write_bytes(flood(100_000))
    with pytest.raises(ImageRefused) as caught:
        pool.submit(facts_of, source=source).result(DEADLINE_SECONDS)
    assert caught.value.code == ErrorCode.TOO_MANY_FRAMES
