"""The worker context: inputs of runs that start."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from prefect import State
from prefect.states import Completed

from flows.runs import worker_context as module
from flows.runs.worker_context import WorkerContext, install_worker_context, worker_context
from tests.unit.flows.support.fakes import fake_resources, open_breaker
from tests.unit.flows.support.server import Server


@pytest.fixture
def context() -> Iterator[WorkerContext]:
    with fake_resources() as resources:
        yield WorkerContext(resources, open_breaker(), Server().flow_runs)


def test_a_ticket_lies_on_the_desk_until_it_is_cleared(context: WorkerContext) -> None:
    run_id = uuid4()
    ticket: State[Any] = Completed()

    context.leave(run_id, ticket)
    assert context.take(run_id) is ticket
    assert context.take(run_id) is ticket

    context.clear(run_id, ticket)
    with pytest.raises(RuntimeError, match="start it through the work pool or the API"):
        context.take(run_id)


def test_clearing_an_old_ticket_leaves_the_newer_one(context: WorkerContext) -> None:
    run_id = uuid4()
    old: State[Any] = Completed()
    new: State[Any] = Completed()
    context.leave(run_id, old)
    context.leave(run_id, new)

    context.clear(run_id, old)

    assert context.take(run_id) is new


def test_a_flow_outside_of_a_worker_is_told_where_it_belongs(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_contexts", [])
    with pytest.raises(RuntimeError, match=r"flows\.worker"):
        worker_context()

    install_worker_context(context)
    assert worker_context() is context
