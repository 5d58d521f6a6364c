"""Each process starts with exactly the variables of its container, in Compose and Kubernetes."""

import ast
import os
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from api.resources import ApiConfiguration
from flows.runtime.resources import WorkerConfiguration
from infra.settings import sections
from tests.architecture.support.kustomize import build, containers
from tests.architecture.support.source import ROOT

Environment = Mapping[str, str]

# What the entry point of each process loads; those of the one-shots are read from their code.
LOADS: dict[str, Callable[[], object]] = {
    "api.server": ApiConfiguration.load,
    "flows.worker": WorkerConfiguration.load,
}
SECRET = "s" * 40
SECRETS = {
    "DATABASE_URL": "postgresql://user:password@database/product_images",
    "AMQP_URL": "amqp://user:password@broker:5672/%2F",
    "REDIS_URL": "redis://:password@cache:6379/0",
    "WEBHOOK_SECRET": "whsec_" + "A" * 32,
}
WITHOUT_OPTIONAL = {
    "S3_CREDENTIALS": "role"
}  # what has to be said when no optional secret is there
REFERENCE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?P<rule>:[-+?])?(?P<text>[^${}]*)\}")


def sections_loaded_by(module: str) -> list[type[sections.Section]]:
    """The sections that an entry point loads itself."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    calls = (
        n for n in ast.walk(ast.parse(Path(spec.origin).read_text())) if isinstance(n, ast.Call)
    )
    loads = (c.func for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "load")
    names = [f.value.id for f in loads if isinstance(f.value, ast.Name)]
    return [getattr(sections, name) for name in names if hasattr(sections, name)]


def load(module: str) -> None:
    if module in LOADS:
        LOADS[module]()
        return
    found = sections_loaded_by(module)
    assert found, f"{module} loads no settings"
    for section in found:
        section.load()


def of_kubernetes(*, optional: bool) -> Iterator[tuple[str, str, Environment]]:
    manifests = build(ROOT / "infra" / "kubernetes" / "example")
    maps = {m["metadata"]["name"]: m["data"] for m in manifests if m["kind"] == "ConfigMap"}
    for manifest in manifests:
        for container in containers(manifest):
            if container["command"][0] != "python":
                continue
            environment: dict[str, str] = {}
            for source in container.get("envFrom", ()):
                environment |= maps[source["configMapRef"]["name"]]
            for variable in container.get("env", ()):
                reference = variable["valueFrom"]["secretKeyRef"]
                if optional or not reference.get("optional"):
                    environment[variable["name"]] = SECRETS.get(variable["name"], SECRET)
            told = environment if optional else environment | WITHOUT_OPTIONAL
            yield manifest["metadata"]["name"], container["command"][2], told


def of_compose() -> Iterator[tuple[str, str, Environment]]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        command = service.get("command", ())
        if command[:2] == ["python", "-m"] and command[2].split(".")[0] in (
            "api",
            "flows",
            "infra",
        ):
            told: dict[str, Any] = service["environment"]
            values = {variable: interpolated(value) for variable, value in told.items() if value}
            yield name, command[2], values


def interpolated(value: str) -> str:
    """What Compose makes of it when `.env` has what make-env.sh writes, and no more."""

    def meant(match: re.Match[str]) -> str:
        return {":?": SECRET, ":-": match["text"]}.get(match["rule"] or "", "")

    while REFERENCE.search(value):
        value = REFERENCE.sub(meant, value)
    return value


WHERE = {
    "compose": of_compose(),
    "kubernetes": of_kubernetes(optional=True),
    "kubernetes without optional secrets": of_kubernetes(optional=False),
}
PROCESSES = [
    pytest.param(module, environment, id=f"{where}-{name}")
    for where, found in WHERE.items()
    for name, module, environment in found
]


@pytest.mark.parametrize(("module", "environment"), PROCESSES)
def test_the_process_has_all_that_it_needs(
    module: str, environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where no .env is
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    load(module)


def test_all_processes_of_ours_are_looked_at() -> None:
    ids = {str(process.id) for process in PROCESSES}

    jobs = {"bucket", "migrate", "deploy"}
    assert ids == {f"{where}-{name}" for where in WHERE for name in (*jobs, "api", "worker")}


def test_a_variable_that_is_missing_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(sections.SettingsError, match="DATABASE_URL"):
        load("flows.deploy")
