"""The frames of an animation at one size, kept on the disk: one at a time is in memory.

It must not know formats, nor where the frames come from.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from PIL import Image

from tasks.imaging.models import NO_NOTICE, Notice
from tasks.imaging.transform.resize import shrink
from tasks.imaging.transform.sizes import Size

_MODE, _BYTES_PER_PIXEL = "RGBA", 4
_OPAQUE = 255


class FrameStore:
    """Frames of one size, RGBA, and the milliseconds that each is shown; its creator closes it.

    The file has no name: it is gone when the process is. A frame that looks like the one before
    makes that one last longer.
    """

    def __init__(self, directory: Path) -> None:
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - closed by `close`
        self._directory = directory
        self._last: bytes | None = None
        self.size = (0, 0)
        self.milliseconds: list[int] = []
        self.is_opaque = True

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.milliseconds)

    def add(self, picture: Image.Image, milliseconds: int) -> None:
        """Append a frame; all have the size of the first."""
        picture = picture if picture.mode == _MODE else picture.convert(_MODE)
        levels = picture.tobytes()
        if levels == self._last:
            self.milliseconds[-1] += milliseconds
            return
        self.size = picture.size
        self.is_opaque = self.is_opaque and picture.getchannel("A").getextrema()[0] == _OPAQUE
        self.milliseconds.append(milliseconds)
        self._file.write(levels)
        self._last = levels

    def picture(self, number: int) -> Image.Image:
        """Return a frame, without an alpha channel where no frame needs one."""
        length = self.size[0] * self.size[1] * _BYTES_PER_PIXEL
        self._file.seek(number * length)
        picture = Image.frombytes(_MODE, self.size, self._file.read(length))
        return picture.convert("RGB") if self.is_opaque else picture

    def shrunk(self, size: Size) -> "FrameStore":
        """Return the same frames at a smaller size, and close this frame store."""
        if self.size == (size.width, size.height):
            return self
        with closing(self), unfinished(FrameStore(self._directory)) as smaller:
            for number, milliseconds in enumerate(self.milliseconds):
                smaller.add(shrink(self.picture(number), size), milliseconds)
        return smaller

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


@contextmanager
def unfinished(frame_store: FrameStore) -> Iterator[FrameStore]:
    """Around the filling of a frame store: one that cannot be finished is closed."""
    try:
        yield frame_store
    except BaseException:
        frame_store.close()
        raise


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame store as a variant shows it: each frame finished, when it is asked for.

    `plays` is how often it is shown, 0 for without end; `notice` is what files say besides.
    """

    frame_store: FrameStore
    finish: Callable[[Image.Image], Image.Image]
    plays: int
    notice: Notice = NO_NOTICE

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frame_store)

    def picture(self, number: int) -> Image.Image:
        """Return a finished frame: bare pixels, with the notice in its `info`."""
        picture = self.finish(self.frame_store.picture(number))
        picture.info = self.notice.info
        return picture

    @property
    def milliseconds(self) -> list[int]:
        """How long each frame is shown."""
        return self.frame_store.milliseconds

    @property
    def starts(self) -> list[int]:
        """When each frame is first seen, in milliseconds from the beginning."""
        return [sum(self.milliseconds[:number]) for number in range(len(self))]
