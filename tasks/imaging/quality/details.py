"""Find details that tiles at even distances have missed: a label on a smooth thing, say.

What is far busier than all that was looked at would be damaged unseen. It must not know encoders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

_STEP_PX = 4  # one pixel in so many either way is looked at
_CELL = 8  # such steps across and down have one busyness …
CELL_PX = _STEP_PX * _CELL  # … which are so many pixels
_FAR = 2.5  # times: textures vary by less within themselves, as a rule
_MOST = 2  # more of them would outweigh the rest

Corner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Busyness:
    """How much neighbouring pixels differ, in sum, in each window of 2 by 2 cells."""

    _windows: npt.NDArray[np.float32]

    @classmethod
    def of(cls, picture: Image.Image) -> "Busyness | None":
        """Look at an image L, RGB or RGBA; None if it is too small to have two cells a side."""
        few = (picture.width // _STEP_PX, picture.height // _STEP_PX)
        if min(few) < 2 * _CELL + 1:
            return None
        small = picture.resize(few, Image.Resampling.NEAREST)
        grey = small.convert("L")
        if small.mode == "RGBA":  # what is transparent is black, whatever colour hides there
            grey = ImageChops.multiply(grey, small.getchannel("A"))
        levels = np.asarray(grey, np.int16)
        inner = levels[1:, 1:]
        steps = np.abs(inner - levels[:-1, 1:]) + np.abs(inner - levels[1:, :-1])
        down, across = (side // _CELL for side in steps.shape)
        whole = steps[: down * _CELL, : across * _CELL]
        rows = whole.reshape(down, _CELL, -1).sum(1)  # one axis after the other: a third of the CPU
        cells = rows.reshape(down, across, _CELL).sum(2).astype(np.float32)
        return cls(cells[1:, 1:] + cells[:-1, 1:] + cells[1:, :-1] + cells[:-1, :-1])

    def missed(self, places: Sequence[Corner]) -> list[Corner]:
        """Return corners of windows that are far busier than those at the places; few, or none."""
        last_row, last_column = (count - 1 for count in self._windows.shape)
        cells = ((round(top / CELL_PX), round(left / CELL_PX)) for left, top in places)
        seen = max(
            float(self._windows[min(row, last_row), min(column, last_column)])
            for row, column in cells
        )
        left, found = self._windows.copy(), list[Corner]()
        while len(found) < _MOST:
            row, column = np.unravel_index(np.argmax(left), left.shape)
            if left[row, column] <= seen * _FAR:
                break
            found.append((int(column) * CELL_PX, int(row) * CELL_PX))
            left[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0
        return found
