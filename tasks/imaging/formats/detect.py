"""Say what a file is from its first bytes.

It decides by content, never by name or declared type, and must not know Pillow: the fetcher asks
it before anything is decoded.
"""

from enum import StrEnum

HEADER_BYTES = 64  # enough for every signature below, brands of an ISO file included

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_IS_OFF = (
    "HEIC images are not accepted here: send JPEG, PNG, WebP or AVIF, or have the operator "
    "install the extra `heic` and set HEIC_ENABLED=true."
)

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})


class ImageFormat(StrEnum):
    """The formats that we can name; which of them are accepted is the decoder's business."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"
    HEIC = "heic"

    @property
    def extension(self) -> str:
        """The usual file name extension, without the dot."""
        return "jpg" if self is ImageFormat.JPEG else self.value

    @property
    def media_type(self) -> str:
        """The registered media type."""
        return f"image/{self.value}"


def sniff(header: bytes) -> ImageFormat | None:
    """Name the format of a file that starts with `header`; None when it is none of ours.

    `HEADER_BYTES` bytes are enough.
    """
    if header.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if header.startswith(_PNG):
        return ImageFormat.PNG
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if header.startswith((b"GIF87a", b"GIF89a")):
        return ImageFormat.GIF
    if header.startswith(_TIFF):
        return ImageFormat.TIFF
    if header[4:8] == b"ftyp":
        return _sniff_iso(header)
    return ImageFormat.BMP if _is_bmp(header) else None


def _sniff_iso(header: bytes) -> ImageFormat | None:
    """Tell AVIF from HEIC: the major brand, then the compatible ones (`mif1` says neither)."""
    end = min(int.from_bytes(header[:4], "big"), len(header))
    compatible = [header[start : start + 4] for start in range(16, end - 3, 4)]
    for brand in (header[8:12], *compatible):
        if brand in _AVIF_BRANDS:
            return ImageFormat.AVIF
        if brand in _HEIC_BRANDS:
            return ImageFormat.HEIC
    return None


def _is_bmp(header: bytes) -> bool:
    """Two letters are not enough: a text may start with BM. The header size must fit, too."""
    return header.startswith(b"BM") and (
        int.from_bytes(header[14:18], "little") in _BMP_HEADER_SIZES
    )
