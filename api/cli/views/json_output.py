"""What programs read: one JSON document on standard output, and nothing else there."""

import json
import sys
from typing import Any

import typer
from rich.console import Console


def write_json(value: Any) -> None:
    """Write a document; in colours on a terminal only, whatever the environment asks for."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # JSON escapes the first 32 characters only; these stand in texts alone, where it may.
    text = "".join(f"\\u{ord(c):04x}" if "\x7f" <= c <= "\x9f" else c for c in text)
    if sys.stdout.isatty():
        Console().print_json(text)
    else:
        typer.echo(text)
