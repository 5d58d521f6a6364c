"""The API as a process of its own, so that its memory can be told from the test's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from infra.settings.sections import inherited_environment
from infra.stack.ports import free_port
from infra.stack_description import StackDescription
from tests.contract.api.support.running import Api
from tests.waiting import eventually

_SECONDS = 60


@contextmanager
def served_api(stack: StackDescription, database_url: str) -> Iterator[tuple[Api, int]]:
    """Yield the API and the id of its process."""
    port = free_port()
    environment = {
        **inherited_environment(),
        "API_PORT": str(port),
        "DATABASE_URL": database_url,
        "AMQP_URL": stack.amqp_url,
        "AMQP_QUEUE_PREFIX": "served",
        "REDIS_URL": stack.redis_url,
        "S3_ENDPOINT": stack.s3_endpoint,
        "S3_ACCESS_KEY": stack.s3_access_key,
        "S3_SECRET_KEY": stack.s3_secret_key,
        "S3_BUCKET": stack.s3_bucket,
        "PUBLIC_ASSET_URL": "http://assets.example/images",
        "PREFECT_API_URL": stack.prefect_api,
        "PREFECT_API_AUTH_STRING": stack.prefect_auth_string,
    }
    command = (sys.executable, "-m", "api.server")
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    with requests.Session() as session:
        session.trust_env = False
        api = Api(f"http://127.0.0.1:{port}", port, session)
        try:
            eventually(lambda: _answers(api), "the API serves", seconds=_SECONDS)
            yield api, process.pid
        finally:
            process.terminate()
            process.wait(_SECONDS)


def peak_bytes(process_id: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system does not tell")


def _answers(api: Api) -> bool:
    try:
        return api.call("GET", "/healthz").ok
    except requests.ConnectionError:
        return False
