"""Say of each mistake in a presets file on which line it is and what would be right.

What is right is read from the JSON Schema of the models, so it must not know any key.
"""

import json
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tasks.imaging.presets.schema import presets_schema

Path = tuple[str, ...]

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#=]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*([\w"'.-]+)\s*=""")
# What to say of a key that is known elsewhere. What would do nothing is refused, not ignored.
_MISPLACED = {"lossless_graphics": "goes with webp alone: take it out here."}


def problems(error: ValidationError, document: dict[str, Any], text: str) -> list[str]:
    """Return a sentence per mistake, in the order of the file."""
    schema = presets_schema()
    lines = dict(reversed([*_lines_of_keys(text)]))  # of keys that come twice, the first
    found = dict.fromkeys(_problem(each, document, schema) for each in error.errors())
    placed = [(_line(path, lines), f"{'.'.join(path)} {said}") for path, said in found]
    return [f"line {line}: {problem}" for line, problem in sorted(placed, key=itemgetter(0))]


def _problem(error: ErrorDetails, value: Any, schema: dict[str, Any]) -> tuple[Path, str]:
    """Follow an error's place through the file and the schema; return its key and a sentence."""
    path: Path = ()
    node, known = schema, {}
    for part in error["loc"]:
        if isinstance(part, int) or part == "[key]":  # a list or a name is wrong as a whole
            break
        node = _resolved(node, schema)
        if "properties" in node or "patternProperties" in node:
            known = node.get("properties", {})
            (*_, any_name), path = node.get("patternProperties", {"": {}}).values(), (*path, part)
            node, value = known.get(part, any_name), value.get(part)
        else:  # the kind of value that a union has here
            node = schema["definitions"].get(part, node)
    match error["type"]:
        case "rule":
            key = error.get("ctx", {}).get("key")
            return (*path, key) if key else path, error["msg"]
        case "extra_forbidden" | "unexpected_keyword_argument":
            said = f"is not known; known here are {', '.join(known)}."
            return path, _MISPLACED.get(path[-1], said)
        case "missing":
            return path, f"is missing: write {_allowed(node, schema)}."
    if error["loc"][-1] == "[key]":
        return path, "is not a name: use up to 60 of a-z, 0-9 and '-'."
    written = json.dumps(value, ensure_ascii=False, default=str)
    return path, f"must not be {written}: write {_allowed(node, schema)}."


def _allowed(node: dict[str, Any], schema: dict[str, Any]) -> str:
    match {**_resolved(node, schema), **node}:
        case {"enum": words}:
            return " or ".join(f'"{word}"' for word in words)
        case {"title": title}:
            return str(title)
        case {"oneOf": [usual, *_]}:
            return _allowed(usual, schema)
        case {"type": kind, "minimum": low, "maximum": high}:
            return f"a {'whole ' if kind == 'integer' else ''}number from {low} to {high}"
    return "true or false"


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    _, _, name = node.get("$ref", "").rpartition("/")
    return schema["definitions"][name] if name else node


def _line(path: Path, lines: dict[Path, int]) -> int:
    """Return the line of a key; of one inside an inline table, that table's."""
    outwards = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[outer] for outer in outwards if outer in lines), 1)


def _lines_of_keys(text: str) -> Iterator[tuple[Path, int]]:
    """Yield each table and key that opens a line, the tables around it too, and the line."""
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        path: Path = ()
        if header := _HEADER.fullmatch(line):
            path = table = _path(header[1])
        elif key := _KEY.match(line):
            path = (*table, *_path(key[1]))
        for length in range(1, len(path) + 1):
            yield path[:length], number


def _path(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
