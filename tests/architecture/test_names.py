"""A file says what it is: by one noun or verb as its name, and by its docstring."""

import ast
from collections.abc import Iterator

from tests.architecture.support.source import (
    PACKAGES,
    ROOT,
    Module,
    Violation,
    hold,
    modules,
    snippet,
)

VAGUE = {"util", "utils", "common", "helper", "helpers", "base", "manager", "managers", "misc"}


def unexplained(module: Module) -> Iterator[Violation]:
    """A module without a docstring."""
    if not ast.get_docstring(module.tree):
        advice = "no module docstring: say what it is for and what it must not know."
        yield Violation(module.path, 1, advice)


def vaguely_named(module: Module) -> Iterator[Violation]:
    """A module or package whose name says nothing."""
    for part in VAGUE.intersection(module.name.split(".")):
        advice = f"`{part}` says nothing: name the noun or verb that the code is about."
        yield Violation(module.path, 1, advice)


def unmarked_folders(package: str) -> Iterator[Violation]:
    """Folders with code and no `__init__.py` that explains them."""
    for folder in sorted({path.parent for path in (ROOT / package).rglob("*.py")}):
        if not (folder / "__init__.py").exists():
            place = str(folder.relative_to(ROOT))
            yield Violation(place, 1, "no __init__.py: add one whose docstring says what it holds.")


def test_every_module_has_a_docstring() -> None:
    hold(violation for module in modules(*PACKAGES, "tests") for violation in unexplained(module))


def test_no_module_has_a_vague_name() -> None:
    hold(violation for module in modules(*PACKAGES, "tests") for violation in vaguely_named(module))


def test_every_package_explains_itself() -> None:
    hold(violation for package in PACKAGES for violation in unmarked_folders(package))


def test_a_module_without_docstring_is_found() -> None:
    assert len(list(unexplained(snippet("tasks.work", "x = 1")))) == 1
    assert len(list(unexplained(snippet("tasks.empty.__init__", "")))) == 1
    assert list(unexplained(snippet("tasks.work", '"""Works."""'))) == []


def test_a_vague_name_is_found() -> None:
    for name in ("tasks.utils", "infra.common.things", "api.manager"):
        assert len(list(vaguely_named(snippet(name, "")))) == 1, name
    assert list(vaguely_named(snippet("infra.database", ""))) == []
