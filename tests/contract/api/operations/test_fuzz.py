"""The API against its own description: hundreds of requests, sensible and not.

Whatever is sent, the answer is one that the description names, in the shape that it names, and
never a failure of the server.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from api.resources import ApiConfiguration
from infra.settings.sections import inherited_environment
from infra.stack.stack import Stack
from tests.amount import THOROUGH, amount
from tests.contract.api.support.importing import catalogue, send, skus
from tests.contract.api.support.running import Api, changed, running_api
from tests.integration.database.fresh import tabled_database

_PROGRAM = Path(sys.executable).with_name("schemathesis")
_SERIALIZERS = str(Path(__file__).parents[1] / "support")
_SECONDS = 600
_CASES = 1000 if THOROUGH else 500
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_URL = "https://supplier.example/a.jpg"
# A stream that ends with its listener only; and try-outs, which take a process and seconds each.
_LEFT_OUT = ("/overview/events", "/presets/try")


@pytest.fixture
def api_apart(stack: Stack, configured: ApiConfiguration) -> Iterator[Api]:
    """An API on a database of its own, as it fills with nonsense."""
    with (
        tabled_database(stack.description.postgres_url) as url,
        running_api(changed(configured, database={"url": url})) as serving,
    ):
        yield serving


def created(api: Api, path: str, **body: object) -> str:
    response = api.call("POST", path, json=body)
    assert response.status_code == 201, response.text
    identity: str = response.json()["id"]
    return identity


def ended(api: Api) -> dict[str, str]:
    """Return ids of a cancelled job and its image."""
    job = api.accepted(image_url=_URL, sku=f"fuzz-{uuid4()}")
    assert api.call("POST", f"{job['status_url']}/cancel").status_code == 200
    return {"job_id": job["job_id"], "image_id": job["images"][0]["id"]}


def imported(api: Api) -> str:
    """Return the id of a batch."""
    response = send(api, catalogue(skus(2)))
    assert response.status_code == 202, response.text
    batch_id: str = response.json()["batch_id"]
    return batch_id


def settings(api: Api) -> str:
    """Name things that exist, so that not everything asked for is unknown.

    A stream has to end by itself, so nothing else touches its job; what is deleted is gone.
    """
    known = {
        **ended(api),
        "batch_id": imported(api),
        "product_id": created(api, "/products", sku=f"fuzz-{uuid4()}"),
        "webhook_id": created(api, "/webhooks", url="https://receiver.example/hook"),
    }
    apart = {
        "GET /jobs/{job_id}/events": {"job_id": ended(api)["job_id"]},
        "DELETE /products/{product_id}": {"product_id": created(api, "/products", name="gone")},
        "DELETE /webhooks/{webhook_id}": {
            "webhook_id": created(api, "/webhooks", url="https://receiver.example/gone")
        },
    }
    lines = ["[parameters]", *(f'"path.{name}" = "{value}"' for name, value in known.items())]
    for operation, parameters in apart.items():
        pairs = ", ".join(f'"path.{name}" = "{value}"' for name, value in parameters.items())
        lines += ["[[operations]]", f'include-name = "{operation}"', f"parameters = {{ {pairs} }}"]
    return "\n".join(lines)


def test_no_request_brings_an_answer_that_the_description_does_not_name(
    api_apart: Api, tmp_path: Path
) -> None:
    (tmp_path / "schemathesis.toml").write_text(settings(api_apart))

    done = subprocess.run(
        [
            *(str(_PROGRAM), "run", f"{api_apart.url}/openapi.json"),
            *("--checks", ",".join(_CHECKS)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(amount(60)), "--seed", "7", "--generation-database", "none"),
            *(part for path in _LEFT_OUT for part in ("--exclude-path", path)),
            *("--request-timeout", "10", "--no-color"),
        ],
        cwd=tmp_path,
        env={
            **inherited_environment(),
            "SCHEMATHESIS_HOOKS": "fuzz_serializers",
            "PYTHONPATH": _SERIALIZERS,
        },
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout[-2000:]
    assert int(generated.group(1)) >= _CASES, done.stdout[-2000:]
