"""Size limits: a function that fits on a screen, a file and a folder that have one subject."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture.support.source import PACKAGES, Module, Violation, hold, modules, snippet

FUNCTION_LINES = 60  # signature and body, without decorators and docstring
FILE_LINES = 500
FOLDER_MODULES = 15  # besides __init__.py
PARAMETERS = 5  # besides self and cls
POSITIONAL = 3  # aim at two; the rest by keyword: `store(key, path, media_type=…)`

# What turns parameters into options or request fields, which are the interface: a decorator, or
# what a parameter is annotated with.
DOOR_PACKAGE = "api"
DOOR_DECORATORS = {
    *("command", "callback"),
    *("get", "post", "put", "patch", "delete", "head", "api_route", "websocket"),
}
DOOR_PARAMETERS = {
    *("Argument", "Option"),
    *("Body", "Cookie", "Depends", "File", "Form", "Header", "Path", "Query"),
}

# Callables that somebody else's code calls by position, and whose.
CALLED_BY_OTHERS = {
    "infra.contract.errors.__init__": "pickle rebuilds an exception from its args",
    "infra.broker.rabbitmq.channel_consumer._arrive": "pika passes four arguments",
}

# Folders that grow with time alone.
GROWING = {"infra/migrations/versions"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def oversized(module: Module) -> list[Violation]:
    """Files, functions and signatures above their budget."""
    return [*_long_file(module), *_long_functions(module), *_wide_signatures(module)]


def crowded(paths: Iterable[str]) -> Iterator[Violation]:
    """Folders with too many modules."""
    modules_of = Counter(
        str(Path(path).parent) for path in paths if not path.endswith("__init__.py")
    )
    for folder, count in modules_of.items():
        if count > FOLDER_MODULES and folder not in GROWING:
            advice = f"{count} modules, at most {FOLDER_MODULES}: make a package of one subject."
            yield Violation(folder, 1, advice)


def _long_file(module: Module) -> Iterator[Violation]:
    lines = len(module.text.splitlines())
    if lines > FILE_LINES:
        advice = f"{lines} lines, at most {FILE_LINES}: split the file by what changes together."
        yield Violation(module.path, FILE_LINES + 1, advice)


def _long_functions(module: Module) -> Iterator[Violation]:
    for function in _functions(module):
        lines = _lines(function)
        if lines > FUNCTION_LINES:
            advice = f"{function.name} has {lines} lines, at most {FUNCTION_LINES}: name its steps."
            yield Violation(module.path, function.lineno, advice)


def _wide_signatures(module: Module) -> Iterator[Violation]:
    for function in _functions(module):
        if _is_door(module, function) or f"{module.name}.{function.name}" in CALLED_BY_OTHERS:
            continue
        positional = _positional(function)
        count = len(positional) + len(function.args.kwonlyargs)
        if count > PARAMETERS:
            advice = (
                f"{function.name} has {count} parameters, at most {PARAMETERS}: "
                "group those that travel together in a frozen dataclass."
            )
            yield Violation(module.path, function.lineno, advice)
        if len(positional) > POSITIONAL and not _is_dunder(function):
            advice = (
                f"{function.name} takes {len(positional)} positional parameters, at most "
                f"{POSITIONAL}: put `*,` before {positional[POSITIONAL]}."
            )
            yield Violation(module.path, function.lineno, advice)


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in module.nodes if isinstance(node, Function))


def _lines(function: Function) -> int:
    total = _span(function)
    return total if ast.get_docstring(function) is None else total - _span(function.body[0])


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _positional(function: Function) -> list[str]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _is_dunder(function: Function) -> bool:
    """Python itself calls `__exit__` and its like; a constructor is ours to shape."""
    return function.name.startswith("__") and function.name not in ("__init__", "__new__")


def _is_door(module: Module, function: Function) -> bool:
    if module.name.partition(".")[0] != DOOR_PACKAGE:
        return False
    decorators = {name for node in function.decorator_list for name in _called(node)}
    return bool(decorators & DOOR_DECORATORS or set(_called(function.args)) & DOOR_PARAMETERS)


def _called(tree: ast.AST) -> Iterator[str]:
    """The last name of each call below: `typer.Option(…)` gives Option."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return (ast.unparse(call.func).rpartition(".")[2] for call in calls)


def test_files_functions_and_signatures_keep_their_budget() -> None:
    hold(violation for module in modules() for violation in oversized(module))


def test_the_tests_keep_the_budget_of_files_and_functions() -> None:
    for module in modules("tests"):
        hold([*_long_file(module), *_long_functions(module)])


def test_no_folder_is_crowded() -> None:
    hold(crowded(module.path for module in modules(*PACKAGES, "tests")))


def _function(body_lines: int, *, docstring_lines: int = 0) -> Module:
    docstring = ['    """' + "\n" * (docstring_lines - 1) + '"""'] if docstring_lines else []
    body = ["    pass"] * body_lines
    return snippet("tasks.work", "\n".join(["def work():", *docstring, *body]))


def test_a_function_one_line_too_long_is_found() -> None:
    assert oversized(_function(FUNCTION_LINES - 1)) == []
    assert len(oversized(_function(FUNCTION_LINES))) == 1


def test_docstring_lines_do_not_count() -> None:
    assert oversized(_function(FUNCTION_LINES - 1, docstring_lines=30)) == []
    assert len(oversized(_function(FUNCTION_LINES, docstring_lines=30))) == 1


def test_a_file_one_line_too_long_is_found() -> None:
    assert oversized(snippet("tasks.long", "x = 1\n" * FILE_LINES)) == []
    assert len(oversized(snippet("tasks.long", "x = 1\n" * (FILE_LINES + 1)))) == 1


def test_a_wide_signature_is_found_unless_it_is_a_door() -> None:
    wide = "def work(a, *, b, c, d, e, f): ..."
    assert len(oversized(snippet("tasks.work", wide))) == 1
    assert len(oversized(snippet("api.app", wide))) == 1
    assert oversized(snippet("api.app", f"@router.post('/x')\n{wide}")) == []
    assert len(oversized(snippet("tasks.work", f"@app.command()\n{wide}"))) == 1
    command = wide.replace("f)", "f: Annotated[int, typer.Option(help='F')])")
    assert oversized(snippet("api.cli.work", command)) == []
    assert len(oversized(snippet("tasks.work", command))) == 1


def test_a_positional_parameter_too_many_is_found() -> None:
    names = ["a", "b", "c", "d"]
    most = ", ".join(names[:POSITIONAL])
    assert oversized(snippet("tasks.work", f"def work({most}, *, z): ...")) == []
    assert len(oversized(snippet("tasks.work", f"def work({most}, z): ..."))) == 1
    method = f"class Work:\n    def do(self, {most}): ..."
    assert oversized(snippet("tasks.work", method)) == []
    leaving = f"class Work:\n    def __exit__(self, {most}, z): ..."
    assert oversized(snippet("tasks.work", leaving)) == []
    making = f"class Work:\n    def __init__(self, {most}, z): ..."
    assert len(oversized(snippet("tasks.work", making))) == 1


def test_a_folder_with_one_module_too_many_is_found() -> None:
    paths = ["tasks/jobs/__init__.py", *(f"tasks/jobs/m{n}.py" for n in range(FOLDER_MODULES))]
    assert list(crowded(paths)) == []
    assert len(list(crowded([*paths, "tasks/jobs/more.py"]))) == 1
    assert len(list(crowded([*paths, "tasks/jobs/deeper/more.py"]))) == 0
