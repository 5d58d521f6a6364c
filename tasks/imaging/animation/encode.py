"""Write an animation in a format at a number on the encoder's own scale.

Frames are read one by one while they are encoded. It must not know how the number was found.
"""

from enum import Enum
from io import BytesIO
from typing import Any, Final

from PIL import Image

from tasks.imaging.animation.frame_store import Scene
from tasks.imaging.encode.encoders import lossy_options
from tasks.imaging.formats.avif_sequence import settle_sequence
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.riff_and_png import with_alpha_flag

_MOVING_FORMATS: Final = frozenset({ImageFormat.WEBP, ImageFormat.AVIF})
_EXIF_PREFIX: Final = b"Exif\0\0"


class Whole(Enum):
    """How often a WebP holds a whole image: between two, only what changed is written.

    libwebp leaves out changes that it takes for small, frame by frame. Where all of the image
    moves slowly, that adds up: over 24 frames of a slow zoom the score fell from 79 to 70, with
    whole images at every 17th frame instead of every 5th to 56.
    """

    SOMETIMES = (3, 5)  # frames from one to the next: at least and at most
    ALWAYS = (0, 1)


def can_move(image_format: ImageFormat) -> bool:
    """Whether `encode_moving` can write the format."""
    return image_format in _MOVING_FORMATS


def encode_moving(
    scene: Scene,
    image_format: ImageFormat,
    quality: int | None,
    *,
    effort: int | None = None,
    whole: Whole = Whole.SOMETIMES,
) -> bytes:
    """Return a file of all frames; without loss, as WebP only, where `quality` is None."""
    exif = scene.notice.exif.removeprefix(_EXIF_PREFIX)
    said = {"exif": exif, "xmp": scene.notice.xmp}
    if image_format is ImageFormat.AVIF:
        options = lossy_options(image_format, quality or 0, effort)
        data = _written(scene, image_format, options | said)
        return settle_sequence(data, scene.plays)
    kmin, kmax = whole.value
    options = {"lossless": True, "quality": 75, "method": 2}
    if quality is not None:
        options = lossy_options(image_format, quality, effort)
    options |= {"loop": scene.plays, "minimize_size": False, "kmin": kmin, "kmax": kmax}
    options |= {"background": (0, 0, 0, 0), **said}
    data = _written(scene, image_format, options)
    return data if scene.frame_store.is_opaque else with_alpha_flag(data)


class _Played(Image.Image):
    """A scene in the shape of an opened animation, as Pillow's writers want it.

    Given as a list, all frames would be in memory; this one shows them one by one.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self.n_frames = len(scene)
        self.is_animated = True
        self.seek(0)

    def seek(self, frame: int) -> None:
        if not 0 <= frame < self.n_frames:
            raise EOFError("the animation has no more frames")
        self._at = frame
        shown = self._scene.picture(frame)
        self.im, self._mode, self._size = shown.im, shown.mode, shown.size

    def tell(self) -> int:
        return self._at


def _written(scene: Scene, image_format: ImageFormat, options: dict[str, Any]) -> bytes:
    out = BytesIO()
    _Played(scene).save(
        out, image_format.value, save_all=True, duration=scene.milliseconds, **options
    )
    return out.getvalue()
