"""`docs/errors.md` names every code, with the status and the hope that the code really gives."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.contract.errors import ErrorCode

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("api", "flows", "infra", "tasks")
_ROW = re.compile(r"\| `(\w+)` \| ([\d, -]+) \| (\w+) \| (.+) \| (.+) \|")
_PUBLISHED = {"http_NNN": ErrorCode.HTTP_ERROR}

_ANSWERS = {"Rejected", "problem", "problem_body"}  # called with a status first
_OUTAGES = {"ServiceUnavailable", "Conflict", "_Trouble"}  # become 503 in a request
_OF_A_KIND = {"QueueFull": 429}  # errors that the API answers with one status
_HOPEFUL = {*_OF_A_KIND, "FetchFailed", "PixelsFailed", "TransientError", *_OUTAGES}
_HOPELESS = {"FetchRefused", "ImageRefused", "Rejected", "PermanentError"}
_NO_REQUEST = {"infra/http.py"}  # talks to our services for the command line


@dataclass(frozen=True)
class Row:
    """What the page says about a code."""

    code: str
    statuses: frozenset[int]
    again: str


def rows() -> list[Row]:
    found = []
    for line in (_ROOT / "docs/errors.md").read_text().splitlines():
        if line.startswith("| `"):
            match = _ROW.fullmatch(line)
            assert match, f"not a row of five cells: {line}"
            code, statuses, again = match.group(1, 2, 3)
            numbers = frozenset(int(number) for number in re.findall(r"\d+", statuses))
            found.append(Row(_PUBLISHED.get(code, code), numbers, again))
    return found


PAGE = {row.code: row for row in rows()}


@dataclass(frozen=True)
class Use:
    """A call or an entry that gives a code away: by whom, and with which status."""

    code: str
    maker: str
    status: int | None


def uses() -> Iterator[Use]:
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            inside = str(path.relative_to(_ROOT))
            for node in ast.walk(ast.parse(path.read_text())):
                yield from _uses(node, asks_in_requests=inside not in _NO_REQUEST)


def _uses(node: ast.AST, *, asks_in_requests: bool) -> Iterator[Use]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        maker = node.func.id
        for code in filter(None, map(_code, node.args)):
            status = _status(node.args[0]) if maker in _ANSWERS else None
            outage = maker in _OUTAGES and asks_in_requests
            yield Use(code, maker, 503 if outage else _OF_A_KIND.get(maker, status))
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if (code := _code(value)) and key is not None and _status(key):
                yield Use(code, "dict", _status(key))


def _code(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr.lower() if node.value.id == "ErrorCode" else None
    return None


def _status(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


USES = list(uses())


def test_every_code_has_one_row_and_every_row_a_code() -> None:
    assert sorted(row.code for row in rows()) == sorted(ErrorCode)


def test_statuses_are_those_that_the_code_answers_with() -> None:
    answered = defaultdict(set)
    for use in USES:
        if use.status is not None:
            answered[use.code].add(use.status)
    said = {row.code: set(row.statuses) for row in PAGE.values() if row.statuses}
    assert said == dict(answered)


@pytest.mark.parametrize("code", ErrorCode)
def test_the_hope_for_another_try_is_that_of_the_errors(code: str) -> None:
    makers = {use.maker for use in USES if use.code == code}
    again = PAGE[code].again
    assert again in ("yes", "no", "depends")
    if makers & _HOPEFUL:
        assert again != "no"
    if makers & _HOPELESS:
        assert again != "yes"


def test_the_search_finds_what_it_should() -> None:
    assert Use("not_found", "Rejected", 404) in USES
    assert Use("internal_error", "problem", 500) in USES
    assert Use("database_timeout", "_Trouble", 503) in USES
    assert Use("dns_failure", "FetchFailed", None) in USES
    assert Use("method_not_allowed", "dict", 405) in USES
