"""The table that people see of a finished job."""

from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.views.terminal import print_table, right
from api.formats import human_bytes
from tasks.reports.savings import saving

_COLOURS = {"ready": "green", "partial": "yellow", "failed": "red", "cancelled": "red"}
_COLUMNS = ("variant", right("size"), right("bytes"), right("saved"), "URL")


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
        heading = f"{image['position']}  {image['source_url']}"
        error = image["error"]
        if error is not None:
            console.print(Text(heading), soft_wrap=True)
            detail = f"   {error['detail']} ({error['code']})"
            console.print(Text(detail, style="red"), soft_wrap=True)
            continue
        size = "" if image["source_bytes"] is None else f", {human_bytes(image['source_bytes'])}"
        console.print(Text(f"{heading} ({image['outcome']}{size})"), soft_wrap=True)
        rows = [
            (
                variant["name"],
                f"{variant['width']}×{variant['height']}",  # noqa: RUF001 - the sign for sizes
                human_bytes(variant["bytes"]),
                saving(image["source_bytes"], variant["bytes"]),
                variant["url"],
            )
            for variant in image["variants"]
        ]
        print_table(console, _COLUMNS, rows, indent=3)
