"""The run lengths of a BMP that ends before all of its rows, by its own mark.

It must not know which layouts of a BMP there are.
"""

import os
from typing import Any

from PIL import BmpImagePlugin

from tasks.imaging.errors import truncated

_END = b"\0\1"


class RunLengths(BmpImagePlugin.BmpRleDecoder):
    """Pillow's decoder, which lacks the rest of such an image and calls it damaged."""

    def set_as_raw(
        self,
        data: bytes | bytearray,
        rawmode: str | None = None,
        extra: tuple[Any, ...] = (),
    ) -> None:
        """Fill the rest with the palette's first colour, which stands for skipped pixels as well.

        Raises `ImageRefused` (truncated) where the file ends without a mark.
        """
        missing = self.state.xsize * self.state.ysize - len(data)
        if missing > 0:
            end = b""
            if self.fd is not None and self.fd.tell() >= len(_END):
                self.fd.seek(-len(_END), os.SEEK_CUR)
                end = self.fd.read(len(_END))
            if end != _END:
                raise truncated()
        super().set_as_raw(data + bytes(max(0, missing)), rawmode, extra)
