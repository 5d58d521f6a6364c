"""When deployments are brought to the Prefect server again: what it keeps of them has changed."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

from prefect import flow
from prefect.client.orchestration import PrefectClient

from flows.deploy import deployment_digest, missing_deployments
from flows.pool.worker_type import FLOWS
from tests.unit.flows.support.server import not_found

FILE = b"deployments: []"


def digest(limit: int = 10) -> str:
    """Return the digest of a flow whose form offers this number."""

    @flow(name="form")
    def with_form(count: int = limit) -> None:
        """Show a form."""

    return deployment_digest(FILE, {"flows.form": with_form})


def test_the_same_file_and_forms_are_not_deployed_again() -> None:
    assert digest() == digest()


def test_another_file_is_deployed() -> None:
    assert deployment_digest(FILE, FLOWS) != deployment_digest(FILE + b" ", FLOWS)


def test_a_form_that_offers_something_else_is_deployed() -> None:
    assert digest(10) != digest(20)


def test_two_processes_see_the_same_forms() -> None:
    code = (
        "from flows.deploy import deployment_digest; from flows.pool.worker_type import FLOWS; "
        f"print(deployment_digest({FILE!r}, FLOWS))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert other.stdout.split()[-1] == deployment_digest(FILE, FLOWS)


class Deployed:
    """A server that knows every deployment but these, and these without pool or queue."""

    def __init__(self, *, deleted: str, loose: str) -> None:
        self._deleted, self._loose = deleted, loose

    async def read_deployment_by_name(self, name: str) -> Any:
        flow_name, _, own_name = name.partition("/")
        assert flow_name == own_name
        if own_name == self._deleted:
            raise not_found()
        pool = None if own_name == self._loose else "product-images"
        return SimpleNamespace(work_pool_name=pool, work_queue_id=pool)


def test_a_deployment_that_was_deleted_or_lost_its_pool_is_missing() -> None:
    server = Deployed(deleted="process-product", loose="sweep")

    missing = asyncio.run(missing_deployments(cast(PrefectClient, server)))

    assert sorted(missing) == ["process-product", "sweep"]
