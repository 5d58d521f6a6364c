"""Read a written variant back, as a stranger would, before anybody hears of it."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image

from infra.errors import ErrorCode, PixelsFailed
from tasks.imaging.sizes import Size
from tasks.imaging.sniff import HEADER_BYTES, ImageFormat, sniff


@dataclass(frozen=True, slots=True)
class Proof:
    """What is on the disk: length, and SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


def verify(path: Path, expected: ImageFormat, size: Size) -> Proof:
    """Decode the file in full; raise `PixelsFailed` unless it is the picture that was meant."""
    data = path.read_bytes()
    with Image.open(BytesIO(data), formats=[expected.value]) as image:
        image.load()
        found = Size(*image.size)
    if found != size or sniff(data[:HEADER_BYTES]) is not expected:
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, f"The encoder wrote something else than {path.name}."
        )
    return Proof(len(data), sha256(data).hexdigest())
