"""Choose the parts of a picture that stand for all of it when a quality is looked for.

They are squares at even distances over the box in which something is shown, so that each kind of
surface has the share that it has in the picture, and a plain ground around it has none. It must
not know encoders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from tasks.imaging.content import Bounds, content_box

SIDE_PX = 64  # a multiple of the blocks that every encoder works in
SEAM_PX = 4  # along a tile's edges: encoders mix it with the neighbours, and nobody looks there
_SMALLEST_SIDE_PX = 48  # below, the coarser of the likeness' four scales have nothing to compare
_BLOCK_PX = 16
_MOST = 24  # tiles
_SHARE = 3  # one pixel in so many is looked at, at most …
_FEWEST = 4  # … but no fewer tiles than these


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture made of tiles, `side_px` each; None when it is one piece.

    `places` are the tiles' corners in the picture that they were taken from, `box` the piece's.
    """

    picture: Image.Image
    side_px: int | None
    places: tuple[tuple[int, int], ...] = ()
    box: Bounds | None = None

    def of(self, picture: Image.Image) -> Image.Image:
        """Return the same part of another picture of the same size."""
        if self.places:
            return _gather(picture, self.places)
        return picture.crop(self.box or (0, 0, *self.picture.size))


def sample(picture: Image.Image) -> Sample | None:
    """Return the part of a picture to try qualities on; None where it is too small."""
    if min(picture.size) < _SMALLEST_SIDE_PX:
        return None
    box = _at_least(content_box(picture), _SMALLEST_SIDE_PX, picture.size)
    width, height = box[2] - box[0], box[3] - box[1]
    tiles = min(_MOST, max(_FEWEST, width * height // (_SHARE * SIDE_PX * SIDE_PX)))
    across, down = _grid(width, height, tiles)
    if width < across * SIDE_PX or height < down * SIDE_PX or tiles == _FEWEST:
        return _piece(picture, box)
    places = tuple(_places(box, across, down))
    return Sample(_gather(picture, places), SIDE_PX, places)


def _at_least(box: Bounds, side: int, size: tuple[int, int]) -> Bounds:
    """Return the box, widened to both sides where it is too small to be compared."""
    left, right = _widened((box[0], box[2]), side, limit=size[0])
    top, bottom = _widened((box[1], box[3]), side, limit=size[1])
    return left, top, right, bottom


def _widened(span: tuple[int, int], length: int, *, limit: int) -> tuple[int, int]:
    start, end = span
    missing = max(0, length - (end - start))
    start = max(0, min(start - missing // 2, limit - length))
    return start, max(end, start + length)


def _piece(picture: Image.Image, box: Bounds) -> Sample:
    """Return the box in one piece, of whole blocks, as large as a sample of tiles at most."""
    left, top, right, bottom = box
    width, height = (side - side % _BLOCK_PX for side in (right - left, bottom - top))
    whole = (left, top, left + width, top + height)
    return Sample(picture.crop(whole), None, box=whole)


def _grid(width: int, height: int, tiles: int) -> tuple[int, int]:
    """Return how many tiles lie across and down, about as dense either way."""
    across = max(1, round((tiles * width / height) ** 0.5))
    return across, max(1, round(tiles / across))


def _places(box: Bounds, across: int, down: int) -> Iterator[tuple[int, int]]:
    """Yield corners at even distances; each other row is moved by half a distance, like bricks.

    They lie on the encoders' blocks where the picture begins on one.
    """
    left, top, right, bottom = box
    for row in range(down):
        y = _even(top, bottom, (row + 0.5) / down)
        shift = 0.25 if row % 2 else -0.25
        for column in range(across):
            place = (column + 0.5 + (shift if across > 1 else 0)) / across
            yield _even(left, right, place), y


def _even(start: int, end: int, place: float) -> int:
    """Return where a tile begins whose middle lies at a share of the way, on a block."""
    middle = start + place * (end - start)
    corner = max(start, min(round(middle - SIDE_PX / 2), end - SIDE_PX))
    return max(start, corner - corner % _BLOCK_PX)


def _columns(count: int) -> int:
    """Return how many tiles lie side by side: the most, up to a square, that leave no hole."""
    return next(columns for columns in range(int(count**0.5), 0, -1) if count % columns == 0)


def _gather(picture: Image.Image, places: Sequence[tuple[int, int]]) -> Image.Image:
    columns = _columns(len(places))
    size = (columns * SIDE_PX, len(places) // columns * SIDE_PX)
    gathered = Image.new(picture.mode, size)
    for number, (left, top) in enumerate(places):
        tile = picture.crop((left, top, left + SIDE_PX, top + SIDE_PX))
        row, column = divmod(number, columns)
        gathered.paste(tile, (column * SIDE_PX, row * SIDE_PX))
    return gathered
