"""Which layouts of a BMP Pillow shows rightly; the others are refused by their names.

It must not know Pillow: it reads the header alone.
"""

from dataclasses import dataclass

from infra.contract.errors import ErrorCode, ImageRefused

_HEADER_AT = 14
_CORE, _OS2 = 12, 64  # sizes of headers
_PLAIN, _RLE8, _RLE4, _BITFIELDS = 0, 1, 2, 3
_PLAIN_BITS = (1, 4, 8, 16, 24, 32)
_PACKED_BITS = {_RLE8: 8, _RLE4: 4}
_NIBBLE = 4  # bits
_NAMES = {4: "a JPEG", 5: "a PNG", 6: "bit fields with an alpha mask of their own"}
_OS2_NAMES = {3: "Huffman-coded rows", 4: "run lengths of 24 bits"}
_COLOURS_AT = 46  # the number of colours in the palette
_BITFIELDS_READ = {
    16: frozenset({(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)}),
    24: frozenset({(0xFF0000, 0xFF00, 0xFF, 0)}),
    32: frozenset(
        {
            (0xFF0000, 0xFF00, 0xFF, 0),
            (0xFF000000, 0xFF0000, 0xFF00, 0),
            (0xFF000000, 0xFF00, 0xFF, 0),
            (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
            (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
            (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
            (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
        }
    ),
}


@dataclass(frozen=True, slots=True)
class _Header:
    size: int
    bits: int
    compression: int
    colours: int


def as_pillow_reads_it(data: bytes) -> bytes:
    """Return the bytes with a palette that Pillow understands; refuse layouts that it does not.

    Pillow takes a palette of black and white for one bit per pixel, whatever the header says.
    With no number of colours in the header it counts as many as the bits can tell.
    """
    size = _number(data, _HEADER_AT)
    if len(data) < _HEADER_AT + size:
        return data
    if size == _CORE:
        header = _Header(size, _number(data, 24, 2), _PLAIN, 0)
    else:
        counts = (_number(data, 28, 2), _number(data, 30), _number(data, _COLOURS_AT))
        header = _Header(size, *counts)
    _refuse_unread(data, header)
    if header.bits in (4, 8) and 0 < header.colours <= 2:
        data = data[:_COLOURS_AT] + bytes(4) + data[_COLOURS_AT + 4 :]
    return _without_darkest_greys(data, header) if header.bits == _NIBBLE else data


def _without_darkest_greys(data: bytes, header: _Header) -> bytes:
    """Return the bytes with a little blue in the first of 16 colours where each is its own number.

    Pillow takes such a palette for no palette at all, and then reads 8 bits per pixel.
    """
    at, entry = _HEADER_AT + header.size, 3 if header.size == _CORE else 4
    count = _number(data, _COLOURS_AT) if header.size != _CORE else 0
    colours = range(count if 0 < count <= 1 << _NIBBLE else 1 << _NIBBLE)
    told = (data[at + entry * number :][:3] for number in colours)
    if any(colour != bytes([number] * 3) for number, colour in zip(colours, told, strict=True)):
        return data
    return data[:at] + b"\1" + data[at + 1 :]


def _refuse_unread(data: bytes, header: _Header) -> None:
    if header.size == _OS2 and header.compression in _OS2_NAMES:
        raise _unread(_OS2_NAMES[header.compression])
    if header.compression == _BITFIELDS:
        opacity = _number(data, 66) if header.size >= 56 else 0
        masks = (*(_number(data, at) for at in (54, 58, 62)), opacity)
        if masks not in _BITFIELDS_READ.get(header.bits, ()):
            told = ", ".join(f"{mask:X}" for mask in masks)
            raise _unread(f"{header.bits} bits per pixel with the bit masks {told}")
    elif header.compression == _PLAIN:
        if header.bits not in _PLAIN_BITS:
            raise _unread(f"{header.bits} bits per pixel")
    elif header.compression not in _PACKED_BITS:
        raise _unread(_NAMES.get(header.compression, f"compression {header.compression}"))
    elif header.bits != _PACKED_BITS[header.compression]:
        raise _unread(f"run lengths of {header.bits} bits per pixel")


def _number(data: bytes, at: int, count: int = 4) -> int:
    return int.from_bytes(data[at : at + count], "little")


def _unread(layout: str) -> ImageRefused:
    return ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"The BMP stores {layout}, which is not read here: save it as PNG, or as a BMP of 24 bits.",
    )
