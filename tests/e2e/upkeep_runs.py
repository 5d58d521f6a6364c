"""What a person does for the upkeep in Prefect's UI, and harm done to the store by hand."""

import io
from typing import Any
from urllib.parse import urlsplit

from minio import Minio

from tests.waiting import eventually
from tests.world import FINAL_RUN, World


def started(world: World, name: str, **parameters: Any) -> Any:
    """Submit the form of a deployment; return the run at its end."""
    found = world.prefect("GET", f"/deployments/name/{name}/{name}")
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    run = world.prefect("POST", f"/deployments/{found['id']}/create_flow_run", body)
    return ended(world, run["id"])


def ended(world: World, flow_run_id: str, *, runs: int = 0) -> Any:
    """Return a run when it has ended after so many starts; a refused one never starts."""

    def look() -> Any:
        run = world.flow_run(flow_run_id)
        return run if run["run_count"] >= runs and run["state"]["type"] in FINAL_RUN else None

    return eventually(look, f"run {flow_run_id} has ended", seconds=120)


def refused(world: World, name: str, **parameters: Any) -> str:
    """Submit a form with a wrong value; return what the person reads."""
    found = world.prefect("GET", f"/deployments/name/{name}/{name}")
    path = f"/deployments/{found['id']}/create_flow_run"
    response = world.ask_prefect("POST", path, json={"parameters": parameters})
    assert 400 <= response.status_code < 500, response.text
    return response.text


def retried(world: World, run: Any) -> Any:
    """Press Retry on an ended run; return it at its next end."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    body = {"state": state, "force": False}
    answer = world.prefect("POST", f"/flow_runs/{run['id']}/set_state", body)
    assert answer["status"] == "ACCEPT", answer
    return ended(world, run["id"], runs=run["run_count"] + 1)


def artifact(world: World, run: Any) -> Any:
    """Return the only artifact on a run's page."""
    wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    (found,) = world.prefect("POST", "/artifacts/filter", wanted)
    return found


class Bucket:
    """The store past the adapter."""

    def __init__(self, world: World) -> None:
        described = world.stack.description
        self._bucket = described.s3_bucket
        self._client = Minio(
            urlsplit(described.s3_endpoint).netloc,
            access_key=described.s3_access_key,
            secret_key=described.s3_secret_key,
            secure=False,
        )

    def put(self, key: str, body: bytes) -> None:
        """Store an object that no row speaks of."""
        self._client.put_object(self._bucket, key, io.BytesIO(body), len(body))

    def remove(self, key: str) -> None:
        """Lose an object."""
        self._client.remove_object(self._bucket, key)

    def has(self, key: str) -> bool:
        """Whether an object is there."""
        listed = self._client.list_objects(self._bucket, prefix=key)
        return key in {each.object_name for each in listed}
