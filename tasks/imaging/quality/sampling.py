"""Choose the parts of an image that stand for all of it when a quality is looked for.

They are squares at even distances over the box in which something is shown, so that each kind of
surface has the share that it has in the image, and a plain ground has none, or little. It must
not know encoders.
"""

from collections.abc import Sequence
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
    left, right = _widened((shown.box[0], shown.box[2]), LOW_SIDE_PX, limit=picture.width)
    top, bottom = _widened((shown.box[1], shown.box[3]), LOW_SIDE_PX, limit=picture.height)
    box, width, height = (left, top, right, bottom), right - left, bottom - top
    is_small = width * height <= _FEWEST * _SHARE * SIDE_PX * SIDE_PX
    if is_small and shown.share(box) >= _FILLED:
        whole = (left, top, right - width % _BLOCK_PX, bottom - height % _BLOCK_PX)
        return Sample(picture.crop(whole), None, box=whole)
    side = LOW_SIDE_PX if is_small or min(width, height) < SIDE_PX else SIDE_PX
    places = _telling(box, shown, side)
    busyness = Busyness.of(picture)
    if busyness is not None:  # details that are far busier than what lies at the places
        missed, limits = busyness.missed(places), (picture.width - side, picture.height - side)
        places += tuple((min(left, limits[0]), min(top, limits[1])) for left, top in missed)
    return Sample(_gather(picture, places, side), side, places)


def _widened(span: tuple[int, int], length: int, *, limit: int) -> tuple[int, int]:
    """Return the span, widened to both sides where it is too short to be compared."""
    start, end = span
    missing = max(0, length - (end - start))
    start = max(0, min(start - missing // 2, limit - length))
    return start, max(end, start + length)


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
    shares = _shares(denser, shown, side)
    step, ends = sum(shares) / wanted, accumulate(shares)
    # About as many as wanted, in their order, each the likelier the more it shows.
    chosen = tuple(
        place
        for place, end, share in zip(denser, ends, shares, strict=True)
        if share and round(end / step) > round((end - share) / step)
    )
    return chosen or places


def _shares(places: Sequence[Corner], shown: Content, side: int) -> list[float]:
    """Return how much of each tile shows something."""
    return [shown.share((left, top, left + side, top + side)) for left, top in places]


def _wanted(area: int, side: int) -> int:
    """Return how many tiles stand for this many pixels."""
    return min(_MOST, max(_FEWEST, area // (_SHARE * side * side)))


def _bricks(box: Bounds, tiles: int, side: int) -> tuple[Corner, ...]:
    """Return about so many corners, about as dense across as down, of tiles that have room.

    They are at even distances, and lie on the encoders' blocks where the image begins on one.
    Each other row is moved by half a distance, like bricks.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    across = min(width // side, tiles, max(1, round((tiles * width / height) ** 0.5)))
    down = min(height // side, max(1, round(tiles / across)))
    found: list[Corner] = []
    for row in range(down):
        y = _even((top, bottom), (row + 0.5) / down, side)
        shift = (0.25 if row % 2 else -0.25) if across > 1 else 0
        places = ((column + 0.5 + shift) / across for column in range(across))
        found += [(_even((left, right), place, side), y) for place in places]
    return tuple(found)


def _even(span: tuple[int, int], place: float, side: int) -> int:
    """Return where a tile begins whose middle lies at a share of the way, on a block."""
    start, end = span
    middle = start + place * (end - start)
    corner = max(start, min(round(middle - side / 2), end - side))
    return max(start, corner - corner % _BLOCK_PX)


def _gather(picture: Image.Image, places: Sequence[Corner], side: int) -> Image.Image:
    # The most tiles side by side, up to a square, that leave no hole.
    count = len(places)
    columns = next(each for each in range(int(count**0.5), 0, -1) if count % each == 0)
    gathered = Image.new(picture.mode, (columns * side, len(places) // columns * side))
    for number, (left, top) in enumerate(places):
        row, column = divmod(number, columns)
        tile = picture.crop((left, top, left + side, top + side))
        gathered.paste(tile, (column * side, row * side))
    return gathered
