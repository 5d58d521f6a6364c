"""Holding a job still at a step of its flow, so that a test can act exactly there."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.prefect_hands import task_runs
from tests.waiting import eventually
from tests.world import World


@contextmanager
def frozen(world: World, part: str) -> Iterator[None]:
    """Hold a part's process still: it accepts connections and answers nothing."""
    pid = world.stack.part(part).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def step_begins(world: World, job_id: str, step: str) -> None:
    """Wait until Prefect shows that a step of the job's flow is under way."""

    def look() -> bool:
        run_id = world.job(job_id)["flow_run_id"]
        tasks = task_runs(world, run_id) if run_id else []
        return any(task["name"].startswith(step) for task in tasks)

    eventually(look, f"the step {step} has begun")
