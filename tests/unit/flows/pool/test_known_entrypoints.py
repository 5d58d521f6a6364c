"""Whatever prefect.yaml deploys, the workers have imported; and each form explains its fields."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from prefect.utilities.callables import parameter_schema

from flows.pool.worker_type import FLOWS
from infra.contract.deployments import DEPLOYMENTS as LOOKED_FOR

FILE = Path(__file__).resolve().parents[4] / "prefect.yaml"
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]


def test_workers_know_every_entrypoint_that_is_deployed_and_no_other() -> None:
    assert {deployment["entrypoint"] for deployment in DEPLOYMENTS} == set(FLOWS)


def test_each_deployment_has_the_name_of_its_flow() -> None:
    names = {entry["entrypoint"]: entry["name"] for entry in DEPLOYMENTS}

    assert names == {entrypoint: flow.name for entrypoint, flow in FLOWS.items()}


def test_readiness_looks_for_every_deployment() -> None:
    assert sorted(LOOKED_FOR) == sorted(entry["name"] for entry in DEPLOYMENTS)


@pytest.mark.parametrize("entrypoint", FLOWS)
def test_every_field_of_a_form_is_described_and_none_must_be_filled(entrypoint: str) -> None:
    schema = parameter_schema(FLOWS[entrypoint])

    assert schema.required in ([], None)
    for name, field in schema.properties.items():
        assert field.get("description"), name
