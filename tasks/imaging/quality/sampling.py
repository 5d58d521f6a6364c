"""Choose the parts of an image that stand for all of it when a quality is looked for.

They are squares at even distances over the box in which something is shown, so that each kind of
surface has the share that it has in the image, and a plain ground has none, or little. It must
not know encoders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from PIL import Image

from tasks.imaging.quality.content_map import Bounds, Content, content
from tasks.imaging.quality.details import Busyness

SIDE_PX = 64  # a multiple of the blocks that every encoder works in …
LOW_SIDE_PX = 48  # … and what takes its place in images that are low, narrow or small
SEAM_PX = 4  # along a tile's edges: encoders mix it with the neighbours, and it is not looked at
_BLOCK_PX = 16
_MOST = 24  # tiles
_SHARE = 3  # one pixel in so many is looked at, at most …
_FEWEST = 4  # … but no fewer tiles than these
_FILLED = 0.5  # of a small box that shows something: it is looked at in one piece
_TO_A_GROUND = 3  # tiles with something: a round thing leaves about a fourth of its box empty

Corner = tuple[int, int]  # left and top of a tile


@dataclass(frozen=True, slots=True)
class Sample:
    """An image made of tiles, `side_px` each; None when it is one piece.

    `places` are the tiles' corners in the image that they were taken from, `box` the piece's.
    """

    picture: Image.Image
    side_px: int | None
    places: tuple[Corner, ...] = ()
    box: Bounds | None = None

    def of(self, picture: Image.Image) -> Image.Image:
        """Return the same part of another image of the same size."""
        if self.places and self.side_px is not None:
            return _gather(picture, self.places, self.side_px)
        return picture.crop(self.box or (0, 0, *self.picture.size))


def sample(picture: Image.Image) -> Sample | None:
    """Return the part of an image to try qualities on; None where it is too small."""
    if min(picture.size) < LOW_SIDE_PX:
        return None  # the coarser of the similarity's four scales would have nothing to compare
    shown = content(picture)
    box = _at_least(shown.box, LOW_SIDE_PX, picture.size)
    width, height = box[2] - box[0], box[3] - box[1]
    is_small = width * height <= _FEWEST * _SHARE * SIDE_PX * SIDE_PX
    if is_small and shown.share(box) >= _FILLED:
        return _piece(picture, box)
    side = LOW_SIDE_PX if is_small or min(width, height) < SIDE_PX else SIDE_PX
    places = _with_details(picture, _telling(box, shown, side), side)
    return Sample(_gather(picture, places, side), side, places)


def _with_details(
    picture: Image.Image, places: tuple[Corner, ...], side: int
) -> tuple[Corner, ...]:
    """Return the places, and those of details that are far busier than what lies there."""
    busyness = Busyness.of(picture)
    if busyness is None:
        return places
    right, bottom = picture.width - side, picture.height - side
    missed = ((min(left, right), min(top, bottom)) for left, top in busyness.missed(places))
    return (*places, *missed)


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
    """Return the box in one piece, of whole blocks."""
    left, top, right, bottom = box
    width, height = (side - side % _BLOCK_PX for side in (right - left, bottom - top))
    whole = (left, top, left + width, top + height)
    return Sample(picture.crop(whole), None, box=whole)


def _telling(box: Bounds, shown: Content, side: int) -> tuple[Corner, ...]:
    """Return the tiles' corners: of mere ground no more than a thing leaves of its own box.

    Where more of the box is ground, between things that lie apart, tiles lie denser, and those that
    show more are taken rather than others.
    """
    area = (box[2] - box[0]) * (box[3] - box[1])
    places = _bricks(box, _wanted(area, side), side)
    telling = sum(share > 0 for share in _shares(places, shown, side))
    share = max(1, telling + telling // _TO_A_GROUND) / len(places)
    if share >= 1:
        return places
    wanted = _wanted(round(area * share), side)
    denser = _bricks(box, ceil(wanted / share), side)
    return _by_share(denser, _shares(denser, shown, side), wanted) or places


def _shares(places: Sequence[Corner], shown: Content, side: int) -> list[float]:
    """Return how much of each tile shows something."""
    return [shown.share((left, top, left + side, top + side)) for left, top in places]


def _by_share(places: Sequence[Corner], shares: Sequence[float], count: int) -> tuple[Corner, ...]:
    """Return about this many of the places, in their order, each the likelier the more it shows."""
    step = sum(shares) / count
    ends = list(accumulate(shares))
    return tuple(
        place
        for place, end, share in zip(places, ends, shares, strict=True)
        if share and round(end / step) > round((end - share) / step)
    )


def _wanted(area: int, side: int) -> int:
    """Return how many tiles stand for this many pixels."""
    return min(_MOST, max(_FEWEST, area // (_SHARE * side * side)))


def _bricks(box: Bounds, tiles: int, side: int) -> tuple[Corner, ...]:
    """Return about this many corners, about as dense across as down, of tiles that have room."""
    width, height = box[2] - box[0], box[3] - box[1]
    across = min(width // side, tiles, max(1, round((tiles * width / height) ** 0.5)))
    down = min(height // side, max(1, round(tiles / across)))
    return tuple(_laid(box, across, down, side=side))


def _laid(box: Bounds, across: int, down: int, *, side: int) -> Iterator[Corner]:
    """Yield corners at even distances; each other row is moved by half a distance, like bricks.

    They lie on the encoders' blocks where the image begins on one.
    """
    left, top, right, bottom = box
    for row in range(down):
        y = _even((top, bottom), (row + 0.5) / down, side)
        shift = 0.25 if row % 2 else -0.25
        for column in range(across):
            place = (column + 0.5 + (shift if across > 1 else 0)) / across
            yield _even((left, right), place, side), y


def _even(span: tuple[int, int], place: float, side: int) -> int:
    """Return where a tile begins whose middle lies at a share of the way, on a block."""
    start, end = span
    middle = start + place * (end - start)
    corner = max(start, min(round(middle - side / 2), end - side))
    return max(start, corner - corner % _BLOCK_PX)


def _columns(count: int) -> int:
    """Return how many tiles lie side by side: the most, up to a square, that leave no hole."""
    return next(columns for columns in range(int(count**0.5), 0, -1) if count % columns == 0)


def _gather(picture: Image.Image, places: Sequence[Corner], side: int) -> Image.Image:
    columns = _columns(len(places))
    gathered = Image.new(picture.mode, (columns * side, len(places) // columns * side))
    for number, (left, top) in enumerate(places):
        row, column = divmod(number, columns)
        tile = picture.crop((left, top, left + side, top + side))
        gathered.paste(tile, (column * side, row * side))
    return gathered
