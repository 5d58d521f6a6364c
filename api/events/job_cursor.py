"""What a listener of a job has heard, as the id of the event that it heard last.

The id is the whole memory: it holds a mark for the job and one for each image, made from their
rows. So every API process can continue a stream that another one began, also after a restart and
without keeping anything, and sends exactly what differs from what was heard.
"""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from zlib import crc32

_MARK_CHARACTERS = 4
_UNHEARD = "----"  # as long as a mark, and none: `mark` would have to be unlucky
_FORM = re.compile(r"([\w-]{4})\.(\d{1,6}|-)\.([01])\.((?:[\w-]{4})*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Marks of the job and of its images by position, and whether the end was told.

    `done` is the number of finished images that was told last, None before the first.
    """

    job: str = _UNHEARD
    done: int | None = None
    ended: bool = False
    images: tuple[str, ...] = ()

    def __str__(self) -> str:
        done = "-" if self.done is None else self.done
        return f"{self.job}.{done}.{self.ended:d}.{''.join(self.images)}"


def parse_cursor(text: str | None) -> Cursor:
    """Return what the id stands for; who shows none of ours has heard nothing."""
    found = _FORM.fullmatch(text or "")
    if found is None:
        return Cursor()
    job, done, ended, images = found.groups()
    return Cursor(
        job=job,
        done=None if done == "-" else int(done),
        ended=ended == "1",
        images=tuple(
            images[start : start + _MARK_CHARACTERS]
            for start in range(0, len(images), _MARK_CHARACTERS)
        ),
    )


def unheard(count: int) -> tuple[str, ...]:
    """Return marks for this many images without news."""
    return (_UNHEARD,) * count


def mark(*facts: object) -> str:
    """Return four characters that are others when a fact is another (but for 1 in 16 million)."""
    checksum = crc32("|".join(map(str, facts)).encode())
    return urlsafe_b64encode(checksum.to_bytes(4, "big")[1:]).decode()
