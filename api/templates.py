"""Renders pages for people with Jinja2: one environment, which escapes every value.

A template lies in a folder `templates`, beside the module that renders it.
"""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.formats import counted, human_bytes, human_duration, human_number
from tasks.reports.savings import saving

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)


def moment(time: datetime) -> Markup:
    """Return a `<time>` in UTC, which a script of the page shows in the reader's time zone."""
    there = time.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        there.isoformat(timespec="seconds"), there.strftime("%-d %b %Y, %H:%M UTC")
    )


_ENVIRONMENT.filters.update(
    bytes=human_bytes, number=human_number, duration=human_duration, moment=moment, counted=counted
)
_ENVIRONMENT.globals["saving"] = saving


def render(template: str, **values: object) -> str:
    """Return the page; `template` is a path below `api`.

    Values become text, whatever is in them. Raises jinja2.UndefinedError for one that is missing.
    """
    return _ENVIRONMENT.get_template(template).render(values)
