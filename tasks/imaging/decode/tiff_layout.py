"""Judge how the samples of a TIFF are laid out: which decoder shows them rightly, or none.

TIFF allows far more layouts than any decoder knows, and Pillow shows some of those that it takes
for known wrongly, without a word. So there is a list of what it was proven to show rightly
(`tests/unit/imaging/decode/test_tiff_layouts.py` compares each with other decoders); what
`tiff_samples` unpacks is proven alike, and everything else is refused. It must not know Pillow.
"""

from dataclasses import dataclass

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.errors import truncated
from tasks.imaging.formats.tiff_directory import Directory, first_directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH = 317, 320, 322, 323
TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 324, 325, 332, 338, 339
COEFFICIENTS, SUBSAMPLING, REFERENCE = 529, 530, 532
# Carried over to what is unpacked: turn, artist, XMP, copyright, IPTC, Photoshop's, profile.
KEPT = (274, 315, 700, 33432, 33723, 34377, 34675)
_READ = frozenset(
    {
        *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, SAMPLES),
        *(ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH),
        *(TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, COEFFICIENTS),
        *(SUBSAMPLING, REFERENCE, *KEPT),
    }
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR = 0, 1, 2, 3, 4, 5, 6
CIELAB, ICCLAB = 8, 9
_PHOTOMETRICS = {
    WHITE_IS_ZERO: "greys",
    BLACK_IS_ZERO: "greys",
    RGB: "RGB",
    PALETTE: "palette",
    MASK: "mask",
    CMYK: "CMYK",
    YCBCR: "YCbCr",
    CIELAB: "CIELab",
    ICCLAB: "ICCLab",
    10: "ITULab",
    32844: "LogL",
    32845: "LogLuv",
}
COLOURS = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    CMYK: 4,
    YCBCR: 3,
    CIELAB: 3,
    ICCLAB: 3,
}
NO_COMPRESSION, _OLD_JPEG, _JPEG = 1, 6, 7
_CCITT = frozenset({2, 3, 4})
_OF_BYTES = frozenset({NO_COMPRESSION, 5, 8, 32946, 32773, 34925, 50000})
_WITH_PREDICTOR = frozenset({5, 8, 32946, 34925, 50000})
_COMPRESSIONS = {
    2: "CCITT fax",
    3: "CCITT fax",
    4: "CCITT fax",
    6: "JPEG",
    7: "JPEG",
    50001: "WebP",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32809: "ThunderScan",
    34661: "JBIG",
    34676: "SGILog",
    34677: "SGILog",
    34712: "JPEG 2000",
    34887: "LERC",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_FORMATS = {2: "signed ", 3: "floating point ", 4: "untyped ", 5: "complex ", 6: "complex "}
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2
_MOST_SAMPLES = 16
_MOST_BITS = 16
_WHOLE_CMYK = 1
_FULL_RANGE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
_FULL_COLOUR_MAP = 256  # a colour map of 16 bits has some level of at least this


# Photometric interpretation, bits and format of a sample, and the extra samples with which Pillow
# was proven right: where the bytes are packed, too, and in both orders but for what follows.
_PROVEN: dict[tuple[int, int, int], frozenset[tuple[int, ...]]] = {
    **{(greys, bits, 1): frozenset({()}) for greys in (0, 1) for bits in (1, 2, 4)},
    (0, 8, 1): frozenset({()}),
    (1, 8, 1): frozenset({(), (0,), (1,), (2,)}),
    **{(greys, 16, 1): frozenset({()}) for greys in (0, 1)},
    (1, 32, 2): frozenset({()}),
    **{(greys, 32, 3): frozenset({()}) for greys in (0, 1)},
    **{(3, bits, 1): frozenset({()}) for bits in (1, 2, 4)},
    (3, 8, 1): frozenset({(), (0,), (2,)}),
    (2, 8, 1): frozenset(
        {(), *((first, *(0,) * more) for first in (0, 1, 2) for more in (0, 1, 2))}
    ),
    (2, 16, 1): frozenset({(), (0,), (1,), (2,)}),
    (5, 8, 1): frozenset({(), (0,), (0, 0)}),
    (5, 16, 1): frozenset({()}),
    (6, 8, 1): frozenset({()}),
    (8, 8, 1): frozenset({()}),
}
_LITTLE_ENDIAN = frozenset({(0, 16, 1)})
_LITTLE_ENDIAN_IF_PACKED = frozenset({(1, 32, 2), (0, 32, 3), (1, 32, 3)})


@dataclass(frozen=True, slots=True)
class Layout:
    """Samples of `bits` each, per pixel as many as `colours` and the `extra` ones.

    `tile` is None for strips of `rows`; `planes` says that each sample has a plane of its own.
    """

    width: int
    height: int
    bits: int
    colours: int
    extra: tuple[int, ...]
    photometric: int
    sample_format: int
    compression: int
    predictor: int
    planes: bool
    tile: tuple[int, int] | None
    rows: int
    fill_order: int
    directory: Directory

    @property
    def samples(self) -> int:
        """How many samples a pixel has."""
        return self.colours + len(self.extra)

    @property
    def subsampling(self) -> tuple[int, int]:
        """Pixels across and down that share the colour of a YCbCr; 2 and 2 unless told."""
        tag = self.directory.tags.get(SUBSAMPLING)
        found = tag.numbers(2) if tag else ()
        return (found[0], found[1]) if len(found) == 2 else (2, 2)


def unread_by_pillow(data: bytes) -> Layout | None:
    """Return the layout of the first page where `tiff_samples` reads it; None where Pillow does.

    Raises `ImageRefused` (unsupported_format), which names the layout, where none is proven to,
    and (truncated) where the file ends before its tags do.
    """
    directory = first_directory(data, _READ, optional=KEPT)
    has_size = directory.first(WIDTH, 0) > 0 and directory.first(HEIGHT, 0) > 0
    if not has_size or not directory.tags.keys() & {STRIP_OFFSETS, TILE_OFFSETS}:
        return None  # Pillow says what is damaged
    if not directory.is_whole:
        raise truncated()
    layout = _layout(directory)
    is_big_and_big_endian = directory.is_big and not directory.little  # unknown to Pillow
    if _is_proven(layout) and not is_big_and_big_endian:
        return None
    if not _is_ours(layout):
        raise _unsupported(_named(layout))
    return layout


def _layout(directory: Directory) -> Layout:
    photometric = directory.first(PHOTOMETRIC, -1)
    compression = directory.first(COMPRESSION, NO_COMPRESSION)
    colours = COLOURS.get(photometric)
    if compression == _OLD_JPEG:  # whose stream says all of this
        colours, photometric = 3, YCBCR
    if colours is None:
        raise _unsupported(_PHOTOMETRICS.get(photometric, "samples of unknown colours"))
    samples = directory.first(SAMPLES, 3 if compression == _OLD_JPEG else 1)
    if not 1 <= samples <= _MOST_SAMPLES:
        raise _unsupported(f"{samples} samples per pixel")
    if samples == 1 and photometric == YCBCR:
        colours = 1
    across, down = directory.first(TILE_WIDTH, 0), directory.first(TILE_LENGTH, 0)
    return Layout(
        width=directory.first(WIDTH, 0),
        height=directory.first(HEIGHT, 0),
        bits=_shared(directory, BITS, default=1, samples=samples),
        colours=colours,
        extra=_extra(directory, samples, colours, photometric=photometric),
        photometric=photometric,
        sample_format=_shared(directory, SAMPLE_FORMAT, default=UNSIGNED, samples=samples),
        compression=compression,
        predictor=directory.first(PREDICTOR, 1) if compression in _WITH_PREDICTOR else 1,
        # Pillow misreads a single plane that is not packed, too.
        planes=directory.first(PLANAR, 1) == 2 and (samples > 1 or compression == NO_COMPRESSION),
        tile=(across, down) if TILE_OFFSETS in directory.tags else None,
        rows=min(directory.first(ROWS_PER_STRIP, 0) or 2**32, directory.first(HEIGHT, 0)),
        fill_order=directory.first(FILL_ORDER, 1),
        directory=directory,
    )


def _shared(directory: Directory, number: int, *, default: int, samples: int) -> int:
    """Return what all samples have in common; raises where they differ."""
    if number not in directory.tags:
        return default
    found = set(directory.tags[number].numbers(samples))
    if len(found) != 1:
        raise _unsupported("samples of different kinds")
    return found.pop()


def _extra(
    directory: Directory, samples: int, colours: int, *, photometric: int
) -> tuple[int, ...]:
    """Return what the samples beyond the colours are; a fourth one of RGB is its opacity."""
    tag = directory.tags.get(EXTRA_SAMPLES)
    found = tag.numbers(_MOST_SAMPLES) if tag else ()
    if not found and photometric == RGB and samples == colours + 1:
        return (UNASSOCIATED,)
    if len(found) != samples - colours:
        raise _unsupported(f"{samples} samples per pixel, of which it does not say what they are,")
    return tuple(UNASSOCIATED if kind == 999 else kind for kind in found)  # as CorelDRAW writes


def _is_proven(layout: Layout) -> bool:
    """Whether Pillow shows the layout rightly."""
    is_plain_8 = layout.bits == 8 and layout.sample_format == UNSIGNED and not layout.extra
    if layout.compression == _JPEG and is_plain_8:
        wanted = {RGB} if layout.planes else {BLACK_IS_ZERO, RGB, YCBCR, CMYK}
        return layout.photometric in wanted
    if layout.planes or (layout.fill_order != 1 and layout.compression not in _CCITT):
        return False
    if layout.compression == _OLD_JPEG:
        return layout.bits == 8
    if layout.compression in _CCITT:
        return layout.bits == layout.samples == 1 and layout.photometric in {0, 1}
    return layout.compression in _OF_BYTES and _is_proven_of_bytes(layout)


def _is_proven_of_bytes(layout: Layout) -> bool:
    key, tags = (layout.photometric, layout.bits, layout.sample_format), layout.directory.tags
    if layout.extra not in _PROVEN.get(key, ()) or layout.predictor not in (1, 2, 3):
        return False
    if not layout.directory.little and (
        key in _LITTLE_ENDIAN
        or (key in _LITTLE_ENDIAN_IF_PACKED and layout.compression != NO_COMPRESSION)
    ):
        return False
    match layout.photometric:
        case 3:  # the levels of the colour map should be of 16 bits
            levels = tags[COLOUR_MAP].numbers(3 << layout.bits) if COLOUR_MAP in tags else ()
            return len(levels) == 3 << layout.bits and max(levels) >= _FULL_COLOUR_MAP
        case 5:
            return _is_cmyk(layout)
        case 6 if layout.colours == 3:
            range_ = tags[REFERENCE].fractions() if REFERENCE in tags else _FULL_RANGE
            is_plain = layout.subsampling == (1, 1) and COEFFICIENTS not in tags
            return layout.compression == NO_COMPRESSION and is_plain and range_ == _FULL_RANGE
        case 6:
            return True
    return layout.bits >= 8 or layout.predictor == 1


def _is_cmyk(layout: Layout) -> bool:
    return layout.directory.first(INK_SET, _WHOLE_CMYK) == _WHOLE_CMYK


def _is_ours(layout: Layout) -> bool:
    """Whether `tiff_samples` shows the layout rightly."""
    if layout.compression not in _OF_BYTES or layout.fill_order not in (1, 2):
        return False
    if layout.predictor == 2 and layout.bits not in (8, 16, 32):
        return False
    if layout.predictor not in (1, 2):
        return False
    if layout.extra.count(ASSOCIATED) + layout.extra.count(UNASSOCIATED) > 1:
        return False
    if any(kind not in (UNSPECIFIED, ASSOCIATED, UNASSOCIATED) for kind in layout.extra):
        return False
    if layout.bits == 32:
        kinds = {BLACK_IS_ZERO, WHITE_IS_ZERO} if layout.sample_format == FLOAT else {BLACK_IS_ZERO}
        return (
            layout.samples == 1
            and layout.photometric in kinds
            and layout.sample_format in (UNSIGNED, SIGNED, FLOAT)
        )
    if layout.sample_format != UNSIGNED or not 1 <= layout.bits <= _MOST_BITS:
        return False
    return _is_ours_by_colour(layout)


def _is_ours_by_colour(layout: Layout) -> bool:
    has_associated = ASSOCIATED in layout.extra
    match layout.photometric:
        case 0:
            return not has_associated
        case 1 | 2:
            return True
        case 3:
            tag = layout.directory.tags.get(COLOUR_MAP)
            return not has_associated and tag is not None and tag.count == 3 << layout.bits
        case 5:
            return _is_cmyk(layout) and not has_associated
        case 6:
            return layout.bits == 8 and layout.colours == 3 and _is_ours_ycbcr(layout)
        case 8 | 9:
            return layout.bits in (8, 16) and not layout.extra
    return False


def _is_ours_ycbcr(layout: Layout) -> bool:
    across, down = layout.subsampling
    if layout.extra or across not in (1, 2, 4) or down not in (1, 2, 4):
        return False
    if layout.planes or layout.predictor != 1:
        return (across, down) == (1, 1)
    heights = layout.tile[1] if layout.tile else layout.rows
    is_cut_evenly = heights % down == 0 or (not layout.tile and heights == layout.height)
    return is_cut_evenly and (not layout.tile or layout.tile[0] % across == 0)


def _named(layout: Layout) -> str:
    """Name the layout as its writer would."""
    kind = _FORMATS.get(layout.sample_format, "")
    colours = _PHOTOMETRICS[layout.photometric]
    name = f"{colours} of {layout.samples} samples of {layout.bits} {kind}bits"
    if layout.planes:
        name += " in separate planes"
    if layout.compression not in _OF_BYTES:
        known = _COMPRESSIONS.get(layout.compression, f"compression {layout.compression}")
        name += f", packed with {known}"
    if layout.predictor not in (1, 2):
        name += f", predictor {layout.predictor}"
    return name


def _unsupported(name: str) -> ImageRefused:
    return ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"The TIFF stores {name}, which is not supported; "
        "save it as RGB or greys with 8 or 16 bits per sample.",
    )
