"""What a person does in Prefect's UI, with the requests that the UI sends; and undoing it.

The classic UI retries and suspends unforced, the new one forces; both force a cancellation.
Whatever a context manager here changes is changed back at its end, and the worker has noticed both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.waiting import eventually
from tests.world import FINAL_RUN, World

_DEPLOYMENT = "/deployments/name/process-product/process-product"
_POOL = "/work_pools/product-images"
_NOTICE_SECONDS = 30.0  # the worker looks every few seconds


class LogFrom:
    """What a part has logged since this moment."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start = log.stat().st_size

    @property
    def text(self) -> str:
        """All that was written since."""
        with self._log.open("rb") as file:
            file.seek(self._start)
            return file.read().decode(errors="replace")

    def wait_for(self, words: str, *, seconds: float = _NOTICE_SECONDS) -> None:
        """Wait until the words are in the log."""
        eventually(lambda: words in self.text, f"{words!r} is in the log", seconds=seconds)


def worker_log(world: World) -> LogFrom:
    """Return the worker's log from here on."""
    return LogFrom(world.stack.part("worker-1").log)


def deployment(world: World) -> Any:
    """Return the product flow's deployment."""
    return world.prefect("GET", _DEPLOYMENT)


def retry(world: World, flow_run_id: str, *, force: bool = False) -> None:
    """Press Retry: in the classic UI, or (forced) in the new one."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    _set_state(world, flow_run_id, state, force=force)


def cancel(world: World, flow_run_id: str) -> None:
    """Press Cancel. A run that nobody works on is cancelled by the server itself, at once."""
    state = {"type": "CANCELLING", "name": "Cancellation"}
    _set_state(world, flow_run_id, state, force=True, answers=("ACCEPT", "REJECT"))


def change_state(world: World, flow_run_id: str, state: Any) -> None:
    """Choose a state for a run by hand."""
    _set_state(world, flow_run_id, state, force=True)


def suspend(
    world: World, flow_run_id: str, *, force: bool = False, until: datetime | None = None
) -> None:
    """Press Suspend (in the new UI: Pause, forced) with its usual five minutes."""
    timeout = until or datetime.now(UTC) + timedelta(minutes=5)
    details = {"pause_timeout": timeout.isoformat(), "pause_reschedule": True}
    state = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    _set_state(world, flow_run_id, state, force=force)


def quick_run(world: World, **parameters: Any) -> Any:
    """Submit the quick-run form; return the run."""
    path = f"/deployments/{deployment(world)['id']}/create_flow_run"
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return world.prefect("POST", path, body)


def ended(world: World, flow_run_id: str, *, seconds: float = 60) -> Any:
    """Return a run when it has ended."""

    def look() -> Any:
        run = world.flow_run(flow_run_id)
        return run if run["state"]["type"] in FINAL_RUN else None

    return eventually(look, f"run {flow_run_id} has ended", seconds=seconds)


def states_of(world: World, flow_run_id: str) -> list[str]:
    """Return the types of all states that a run has been in, in order."""
    states = world.prefect("GET", f"/flow_run_states/?flow_run_id={flow_run_id}")
    return [state["type"] for state in sorted(states, key=lambda state: str(state["timestamp"]))]


def task_runs(world: World, flow_run_id: str) -> Sequence[Any]:
    """Return the task runs of a run."""
    wanted = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
    found: Sequence[Any] = world.prefect("POST", "/task_runs/filter", wanted)
    return found


@contextmanager
def deployment_limit(world: World, limit: int) -> Iterator[None]:
    """Set the deployment's concurrency limit."""
    path = f"/deployments/{deployment(world)['id']}"
    with _limit(world, path, limit):
        yield


@contextmanager
def pool_limit(world: World, limit: int) -> Iterator[None]:
    """Set the work pool's concurrency limit."""
    with _limit(world, _POOL, limit):
        yield


@contextmanager
def paused(world: World, what: str) -> Iterator[None]:
    """Pause "the deployment", "the work pool" or "the work queue", as the worker's log names it."""
    path, field = {
        "the deployment": (f"/deployments/{deployment(world)['id']}", "paused"),
        "the work pool": (_POOL, "is_paused"),
        "the work queue": (f"{_POOL}/queues/default", "is_paused"),
    }[what]
    log = worker_log(world)
    try:
        world.prefect("PATCH", path, {field: True})
        log.wait_for("worker pauses")
        assert what in log.text
        log = worker_log(world)
        yield
    finally:
        world.prefect("PATCH", path, {field: False})
    log.wait_for("worker goes on")


@contextmanager
def _limit(world: World, path: str, limit: int) -> Iterator[None]:
    log = worker_log(world)
    try:
        world.prefect("PATCH", path, {"concurrency_limit": limit})
        log.wait_for("jobs go through the work pool")
        log = worker_log(world)
        yield
    finally:
        world.prefect("PATCH", path, {"concurrency_limit": None})
        log.wait_for("jobs run directly")


def _set_state(
    world: World, run_id: str, state: Any, *, force: bool, answers: Sequence[str] = ("ACCEPT",)
) -> None:
    body = {"state": state, "force": force}
    answer = world.prefect("POST", f"/flow_runs/{run_id}/set_state", body)
    assert answer["status"] in answers, answer
