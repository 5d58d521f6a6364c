"""A page that shows a job's source beside its variants: people would rather look."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from api.cli.views.job_table import human_bytes
from tasks.reports.savings import saving

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; background: #f4f4f2; color: #222; }
  main { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 1rem; }
  figure { margin: 0; padding: .75rem; background: #fff; border: 1px solid #ddd;
           border-radius: 6px; }
  img { width: 100%; height: 240px; object-fit: contain; }
  figcaption { margin-top: .5rem; }
  figcaption strong { display: block; }
  strong { color: #1d6b3a; }
  .source { outline: 2px solid #999; }
</style>
<h1>$title</h1>
<p>Each variant is shown in the same frame; its real size and weight are below it.</p>
<main>
$figures
</main>
</html>
""")


def write_gallery(job: Any, source: Path, target: Path) -> Path:
    """Write the page for a job of one image; return `target`."""
    image = job["images"][0]
    size = source.stat().st_size
    figures = [_figure(source.as_uri(), "source", human_bytes(size), css="source")]
    for variant in image["variants"]:
        weight = f"{human_bytes(variant['bytes'])}, {saving(size, variant['bytes'])} saved"
        name = f"{variant['name']}, {variant['width']}×{variant['height']}"  # noqa: RUF001 - the sign for sizes
        figures.append(_figure(variant["url"], name, weight))
    page = _PAGE.substitute(title=f"Job {job['id']}", figures="\n".join(figures))
    target.write_text(page, encoding="utf-8")
    return target


def _figure(url: str, name: str, weight: str, *, css: str = "") -> str:
    link = escape(url, quote=True)
    return (
        f'<figure class="{css}"><a href="{link}"><img src="{link}" alt="{escape(name)}"></a>'
        f"<figcaption><span>{escape(name)}</span><strong>{escape(weight)}</strong>"
        "</figcaption></figure>"
    )
