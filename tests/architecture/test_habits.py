"""Habits that a linter does not check: no print, and a reason for each exception from a rule."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.support.source import Module, Violation, comments, hold, modules, snippet

BLIND = {"Exception", "BaseException"}

# What opens a comment that silences a tool, and the form it must have: codes, then a reason.
SILENCERS = {
    "type: ignore": re.compile(r"type: ignore\[[\w, -]+\]\s*#\s*\S+"),
    "noqa": re.compile(r"noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*\s*(-|#)\s*\S+"),
}


def prints(module: Module) -> Iterator[Violation]:
    """Calls of print."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            advice = "print: log an event, or write to the command line's console."
            yield Violation(module.path, node.lineno, advice)


def blind_excepts(module: Module) -> Iterator[Violation]:
    """Handlers (and suppressions) of everything that do not say why."""
    said = comments(module.text)
    for node in module.nodes:
        if not isinstance(node, ast.ExceptHandler | ast.Call) or not _is_blind(node):
            continue
        if not _reason(said, node.lineno):
            advice = "catches everything: name the exceptions, or say why in a comment here."
            yield Violation(module.path, node.lineno, advice)


def bare_silencers(module: Module) -> Iterator[Violation]:
    """Comments that silence a tool without a code or without a reason."""
    for line, comment in comments(module.text).items():
        for opening, form in SILENCERS.items():
            if opening in comment and not form.search(comment):
                advice = f"`{opening}` needs its code and a reason: `# {opening}… - because …`."
                yield Violation(module.path, line, advice)


def _is_blind(node: ast.ExceptHandler | ast.Call) -> bool:
    if isinstance(node, ast.ExceptHandler):
        everything = node.type is None or _names_everything(node.type)
        return everything and not _passes_on(node)
    suppresses = ast.unparse(node.func).endswith("suppress")
    return suppresses and any(_names_everything(argument) for argument in node.args)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _names_everything(node: ast.expr) -> bool:
    named = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in BLIND for name in named)


def _reason(said: dict[int, str], line: int) -> bool:
    """Whether the handler's line, or the one before or after, carries words of its own."""
    nearby = (said.get(number, "") for number in (line - 1, line, line + 1))
    return any(len(re.sub(r"noqa(: [A-Z0-9, ]+)?", "", words).split()) > 1 for words in nearby)


def test_nothing_prints() -> None:
    hold(violation for module in modules() for violation in prints(module))


def test_whoever_catches_everything_says_why() -> None:
    hold(violation for module in modules() for violation in blind_excepts(module))


def test_whoever_silences_a_tool_says_which_rule_and_why() -> None:
    hold(violation for module in modules() for violation in bare_silencers(module))


def test_a_print_is_found() -> None:
    assert len(list(prints(snippet("tasks.work", "def work():\n    print('x')")))) == 1
    assert list(prints(snippet("api.cli.show", "console.print('x')"))) == []


def _handler(text: str) -> Module:
    return snippet("tasks.work", f"try:\n    work()\n{text}\n    pass")


def test_a_blind_except_without_a_reason_is_found() -> None:
    for text in (
        "except Exception:",
        "except:",
        "except BaseException as exc:",
        "except (ValueError, Exception):",
        "except Exception:  # noqa: BLE001",
    ):
        assert len(list(blind_excepts(_handler(text)))) == 1, text
    suppressing = snippet("tasks.work", "with contextlib.suppress(Exception):\n    work()")
    assert len(list(blind_excepts(suppressing))) == 1


def test_a_blind_except_with_a_reason_passes() -> None:
    for text in (
        "except Exception:  # a broken callback must not stop the loop",
        "except Exception:  # noqa: BLE001 - the pump survives any handler",
        "except Exception:\n    # The pump survives any handler.",
        "except ValueError:",
        "except BaseException:\n    raise\nelse:",
    ):
        assert list(blind_excepts(_handler(text))) == [], text


def test_a_silencer_without_code_or_reason_is_found() -> None:
    ignore, noqa = "# type: " + "ignore", "# no" + "qa"
    for comment in (ignore, f"{ignore}[arg-type]", noqa, f"{noqa}: S101"):
        assert len(list(bare_silencers(snippet("tasks.work", f"x = 1  {comment}")))) == 1, comment
    for comment in (f"{ignore}[misc]  # the stub is wrong", f"{noqa}: S101 - a test says so"):
        assert list(bare_silencers(snippet("tasks.work", f"x = 1  {comment}"))) == [], comment
