"""When deployments are brought to the Prefect server again: what it keeps of them has changed."""

import subprocess
import sys

from prefect import flow

from flows.deploy import deployment_digest
from flows.pool.worker_type import FLOWS

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
