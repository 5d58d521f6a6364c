"""Durations as people type them: 90d, 12h, 30m, 2w."""

import re
from datetime import timedelta

import typer

_FORM = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Return the duration; stop the command when the text is none."""
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write one like 30m, 12h, 90d or 4w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
