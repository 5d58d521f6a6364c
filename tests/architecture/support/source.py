"""Reads the project's code as text and syntax trees, for the rules beside this file.

It never imports the code that it reads: a rule must hold even for a module that does not load.
"""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("api", "flows", "infra", "tasks")


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its dotted name, its text and its syntax tree."""

    name: str
    path: str
    text: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of the text; it is shared, so nobody may change it."""
        return parsed(self.text, self.path)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree, in the order of `ast.walk`."""
        return walked(self.text, self.path)

    @property
    def package(self) -> str:
        """The dotted name that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@cache
def parsed(text: str, path: str) -> ast.Module:
    """Parse a text once for all rules."""
    return ast.parse(text, path)


@cache
def walked(text: str, path: str) -> tuple[ast.AST, ...]:
    """Walk through a text's tree once for all rules."""
    return tuple(ast.walk(parsed(text, path)))


@dataclass(frozen=True, slots=True)
class Violation:
    """A place that breaks a rule, and what to do about it."""

    path: str
    line: int
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.advice}"


@dataclass(frozen=True, slots=True)
class Use:
    """A dotted name that a module imports, or reaches through something imported."""

    name: str
    line: int


def read(path: Path) -> Module:
    """Read one file below the project's root."""
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, str(relative), path.read_text(encoding="utf-8"), is_package)


def snippet(name: str, text: str) -> Module:
    """Return a module that exists in a test only."""
    return Module(name, name.replace(".", "/") + ".py", text)


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Read every module below the folders; the four packages when none is named."""
    found = [path for folder in folders or PACKAGES for path in (ROOT / folder).rglob("*.py")]
    assert found, f"no code below {folders}: the rules would hold for nothing"
    return tuple(read(path) for path in sorted(found))


def within(name: str, places: Iterable[str]) -> bool:
    """Whether a dotted name is one of the places or lies inside one."""
    return any(name == place or name.startswith(place + ".") for place in places)


@cache
def imports(module: Module) -> tuple[Use, ...]:
    """Every imported name, wherever it stands; `from a import b` counts as `a.b`."""
    return tuple(use for node in module.nodes for use in _imported(module, node))


def uses(module: Module) -> list[Use]:
    """The imports, and the attributes reached through them: `import os; os.environ`."""
    known = dict(_bindings(module))
    reached = []
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
            first, _, rest = dotted.partition(".")
            if first in known:
                reached.append(Use(f"{known[first]}.{rest}", node.lineno))
    return [*imports(module), *reached]


def _imported(module: Module, node: ast.AST) -> Iterator[Use]:
    if isinstance(node, ast.Import):
        yield from (Use(alias.name, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = _origin(module, node)
        yield from (Use(f"{origin}.{alias.name}", node.lineno) for alias in node.names)
    elif isinstance(node, ast.Call) and _imports_by_name(node):
        constants = (a.value for a in node.args if isinstance(a, ast.Constant))
        yield from (Use(value, node.lineno) for value in constants if isinstance(value, str))


def _bindings(module: Module) -> Iterator[tuple[str, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(module, node)
            yield from ((a.asname or a.name, f"{origin}.{a.name}") for a in node.names)


def _origin(module: Module, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    parents = module.package.split(".")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _imports_by_name(call: ast.Call) -> bool:
    return (_dotted(call.func) or "").rpartition(".")[2] in ("import_module", "__import__")


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return None if inner is None else f"{inner}.{node.attr}"
    return None


@cache
def comments(text: str) -> dict[int, str]:
    """Every comment of a Python text by its line, without the leading `#`."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def hold(violations: Iterable[Violation]) -> None:
    """Fail with one line per violation."""
    lines = sorted(str(violation) for violation in violations)
    if lines:
        pytest.fail("\n".join(["", *lines]), pytrace=False)
