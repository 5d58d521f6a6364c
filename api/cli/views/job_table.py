"""The table that people see of a finished job."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from tasks.reports.savings import saving

_COLOURS = {"ready": "green", "partial": "yellow", "failed": "red", "cancelled": "red"}
_ROW = "   {:<12}{:>11}{:>12}{:>8}  {}"
_KIBIBYTE = 1024


def print_job(console: Console, job: Any) -> None:
    """Print a line about the job, then what was made of each image.

    Long URLs are left to the terminal to wrap, so that they can be clicked and copied.
    """
    state = job["state"]
    console.print(
        Text.assemble("Job ", (job["id"], "bold"), " is ", (state, _COLOURS.get(state, ""))),
        soft_wrap=True,
    )
    for image in job["images"]:
        console.print()
        for line in _lines(image):
            console.print(line, soft_wrap=True)


def _lines(image: Any) -> Iterator[Text]:
    heading = f"{image['position']}  {image['source_url']}"
    error = image["error"]
    if error is not None:
        yield Text(heading)
        yield Text(f"   {error['detail']} ({error['code']})", style="red")
        return
    size = "" if image["source_bytes"] is None else f", {human_bytes(image['source_bytes'])}"
    yield Text(f"{heading} ({image['outcome']}{size})")
    yield Text(_ROW.format("variant", "size", "bytes", "saved", "URL"), style="bold")
    for variant in image["variants"]:
        yield Text(
            _ROW.format(
                variant["name"],
                f"{variant['width']}×{variant['height']}",  # noqa: RUF001 - the sign for sizes
                human_bytes(variant["bytes"]),
                saving(image["source_bytes"], variant["bytes"]),
                variant["url"],
            )
        )


def human_bytes(count: int) -> str:
    """Return a size for people, in binary units."""
    if count < _KIBIBYTE:
        return f"{count} B"
    if count < _KIBIBYTE**2:
        return f"{count / _KIBIBYTE:.1f} KiB"
    return f"{count / _KIBIBYTE**2:.2f} MiB"
