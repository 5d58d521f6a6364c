"""Renders pages for people with Jinja2: one environment, which escapes every value.

A template lies in a folder `templates`, beside the module that renders it.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)


def render(template: str, **values: object) -> str:
    """Return the page; `template` is a path below `api`.

    Values become text, whatever is in them. Raises jinja2.UndefinedError for one that is missing.
    """
    return _ENVIRONMENT.get_template(template).render(values)
