"""Deployments name their flow by module path.

With a file path Prefect puts the folder first on the import path and loads the module twice.
"""

import ast
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from infra.contract.deployments import DEPLOYMENTS, SCHEDULED
from tests.architecture.support.source import ROOT, Violation, hold

FILE = "prefect.yaml"
ENTRYPOINT = re.compile(r"(?P<module>flows(\.\w+)+)[.:](?P<flow>\w+)")


def stray_entrypoints(text: str, root: Path = ROOT) -> list[Violation]:
    """Deployments whose entrypoint is no module path of a function that exists."""
    deployments: list[dict[str, Any]] = yaml.safe_load(text)["deployments"]
    return [
        Violation(FILE, _line(text, str(deployment.get("entrypoint"))), problem)
        for deployment in deployments
        if (problem := _problem(str(deployment.get("entrypoint")), root))
    ]


def _problem(entrypoint: str, root: Path) -> str | None:
    match = ENTRYPOINT.fullmatch(entrypoint)
    if match is None:
        return f"entrypoint {entrypoint!r} is no module path: write flows.module.flow_function."
    file = root.joinpath(*match["module"].split(".")).with_suffix(".py")
    if not file.exists():
        return f"entrypoint {entrypoint!r}: there is no {file.relative_to(root)}."
    functions = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    names = {f.name for f in functions if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)}
    if match["flow"] not in names:
        return f"entrypoint {entrypoint!r}: {file.relative_to(root)} has no {match['flow']}."
    return None


def _line(text: str, entrypoint: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if entrypoint in line), 1)


def test_entrypoints_are_module_paths_of_flows_that_exist() -> None:
    hold(stray_entrypoints((ROOT / FILE).read_text(encoding="utf-8")))


def test_the_names_of_deployments_and_of_those_with_a_schedule_are_those_of_the_file() -> None:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / FILE).read_text())["deployments"]
    assert [each["name"] for each in found] == list(DEPLOYMENTS)
    assert {each["name"] for each in found if "schedules" in each} == set(SCHEDULED)


def test_a_file_path_and_a_missing_flow_are_found(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "product.py").write_text("async def process(): ...")
    for entrypoint, found in {
        "flows.product.process": 0,
        "flows.product:process": 0,
        "flows/product.py:process": 1,
        "./flows/product.py:process": 1,
        "flows.product.missing": 1,
        "flows.missing.process": 1,
        "tasks.product.process": 1,
    }.items():
        text = f"deployments:\n  - name: x\n    entrypoint: {entrypoint}\n"
        violations = stray_entrypoints(text, tmp_path)
        assert [violation.line for violation in violations] == [3] * found, entrypoint
