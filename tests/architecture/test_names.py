"""A file says what it is by its name and its docstring, and what tests take by name exists.

mypy reads no test, and nothing reads the programs that tests hand to `python -c`: what was renamed
would fail when the test runs.
"""

import ast
from collections.abc import Iterator
from functools import cache
from textwrap import dedent

from tests.architecture.support.source import (
    PACKAGES,
    ROOT,
    Module,
    Use,
    Violation,
    hold,
    modules,
    parsed,
    snippet,
    uses,
    within,
)

VAGUE = {"util", "utils", "common", "helper", "helpers", "base", "manager", "managers", "misc"}
OF_MADE_UP_CODE = "tests/architecture/"  # whose strings are about no code of ours


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


def absent(module: Module) -> Iterator[Violation]:
    """Names that the module, or a program in its strings, takes from our packages in vain."""
    for use in [*uses(module), *_in_programs(module)]:
        if within(use.name, PACKAGES) and not _exists(use.name):
            advice = f"{use.name} does not exist: was it renamed?"
            yield Violation(module.path, use.line, advice)


def _in_programs(module: Module) -> Iterator[Use]:
    """What programs take that stand in strings; values put into them count as some name."""
    if module.path.startswith(OF_MADE_UP_CODE):
        return
    for node in module.nodes:
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        constants = [part.value if isinstance(part, ast.Constant) else "_" for part in parts]
        text = "".join(map(str, constants))
        if "import" not in text:
            continue
        program = Module("program", f"{module.path}:{getattr(node, 'lineno', 1)}", dedent(text))
        try:
            found = uses(program)
        except SyntaxError:
            continue  # prose
        yield from (Use(use.name, getattr(node, "lineno", 1)) for use in found)


def _exists(name: str) -> bool:
    """Whether a dotted name is a module, or begins with one and goes on with a name in it."""
    ours, parts = _modules(), name.split(".")
    for length in range(len(parts), 0, -1):
        place = ".".join(parts[:length])
        if place in ours:
            return length == len(parts) or _is_in(parts[length], ours[place].tree)
    return False


def _is_in(name: str, tree: ast.Module) -> bool:
    return name in _bound(tree) or (name.startswith("__") and name.endswith("__"))


@cache
def _modules() -> dict[str, Module]:
    return {module.name: module for module in modules()}


@cache
def _bound(tree: ast.Module) -> frozenset[str]:
    """The names that a module binds, but not those within functions and classes."""
    names, waiting = set(), list(tree.body)
    while waiting:
        node: ast.AST = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(names)


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


def test_what_tests_take_from_our_packages_exists() -> None:
    hold(violation for module in modules("tests") for violation in absent(module))


def test_a_name_that_is_gone_is_found_in_code_and_in_programs() -> None:
    gone = (
        "from infra.nowhere import thing",
        "import infra.nowhere",
        "from infra import nowhere",
        "from infra.waiting import nothing",
        "from infra import waiting\nwaiting.nothing()",
        "run('from infra.waiting import nothing; nothing()')",
        "run(f'from infra.waiting import nothing; nothing({value!r})')",
        'run("""\n    import infra.nowhere\n    print()\n    """)',
    )
    for text in gone:
        assert list(absent(snippet("tests.some", text))), text


def test_names_that_exist_and_prose_pass() -> None:
    fine = (
        "from infra import waiting\nwaiting.wait_for.__name__",
        "from infra.waiting import wait_for",
        "from infra.contract.errors import ErrorCode\nErrorCode.NOT_FOUND.value",
        "run('from infra.waiting import wait_for; wait_for()')",
        "'tests import from infra what they like'",
        "import tests.nowhere",
    )
    for text in fine:
        assert list(absent(snippet("tests.some", text))) == [], text


def test_the_names_that_a_module_binds_are_those_of_its_surface() -> None:
    text = "try:\n    import a.b\nexcept E:\n    c = 1\ndef d():\n    e = 1\nclass F:\n    g = 1"
    assert _bound(parsed(text, "some.py")) == {"a", "c", "d", "F"}
