"""A page that shows a job's source beside its variants: people would rather look."""

from pathlib import Path
from typing import Any

from api.formats import human_bytes
from api.templates import render
from tasks.reports.savings import saving


def write_gallery(job: Any, source: Path, target: Path) -> Path:
    """Write the page for a job of one image; return `target`."""
    image = job["images"][0]
    size = source.stat().st_size
    pictures = [{"url": source.as_uri(), "name": "source", "weight": human_bytes(size)}]
    pictures += [
        {
            "url": variant["url"],
            "name": f"{variant['name']}, {variant['width']}×{variant['height']}",  # noqa: RUF001 - the sign for sizes
            "weight": f"{human_bytes(variant['bytes'])}, {saving(size, variant['bytes'])} saved",
        }
        for variant in image["variants"]
    ]
    page = render("cli/views/templates/gallery.html.j2", job_id=job["id"], pictures=pictures)
    target.write_text(page, encoding="utf-8")
    return target
