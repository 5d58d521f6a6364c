"""The worker context: inputs of runs that start, and claims that go back when unwanted."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import State
from prefect.states import Completed

from flows.runs import worker_context as module
from flows.runs.worker_context import WorkerContext, install_worker_context, worker_context
from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Database
from infra.settings.sections import JobSettings
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import AWAY, fake_resources, open_breaker, play, until
from tests.unit.flows.support.server import Server

CLAIM = claim_of(1)


@dataclass
class Jobs:
    """PostgreSQL's part; a claim is answered when `answers` is set."""

    claimed: Claim | Unclaimed = CLAIM
    answers: threading.Event = field(default_factory=threading.Event)
    owners: list[str] = field(default_factory=list)
    given_back: list[tuple[Claim, bool, bool]] = field(default_factory=list)
    failure: ServiceUnavailable | None = None

    def claim(
        self, _: Database, job_id: UUID, *, owner: str, settings: JobSettings
    ) -> Claim | Unclaimed:
        self.owners.append(owner)
        assert self.answers.wait(5)
        return self.claimed

    def give_back(self, _: Database, claim: Claim, *, counts: bool, republish: bool) -> bool:
        if self.failure is not None:
            raise self.failure
        self.given_back.append((claim, counts, republish))
        return True


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    jobs = Jobs()
    monkeypatch.setattr(module, "claim", jobs.claim)
    monkeypatch.setattr(module, "give_back", jobs.give_back)
    return jobs


@pytest.fixture
def context(jobs: Jobs) -> Iterator[WorkerContext]:
    with fake_resources() as resources:
        yield WorkerContext(resources, open_breaker(), Server().flow_runs)


def test_a_job_is_claimed_in_the_name_of_this_process(context: WorkerContext, jobs: Jobs) -> None:
    jobs.answers.set()

    assert play(context.claim(JOB_ID)) == CLAIM
    assert jobs.owners == [context.owner]
    assert jobs.given_back == []


async def broken_off(context: WorkerContext, jobs: Jobs) -> bool:
    """Break a claim off before PostgreSQL answers; return whether it ended as cancelled."""
    claiming = asyncio.create_task(context.claim(JOB_ID))
    await until(lambda: jobs.owners, "a claim under way")
    claiming.cancel()
    await asyncio.sleep(0)
    jobs.answers.set()
    await asyncio.wait([claiming])
    return claiming.cancelled()


def test_a_claim_that_nobody_waits_for_any_more_goes_back_uncounted(
    context: WorkerContext, jobs: Jobs
) -> None:
    assert play(broken_off(context, jobs)) is True
    assert jobs.given_back == [(CLAIM, False, True)]


def test_a_job_that_could_not_be_claimed_needs_no_giving_back(
    context: WorkerContext, jobs: Jobs
) -> None:
    jobs.claimed = Unclaimed.FINAL

    assert play(broken_off(context, jobs)) is True
    assert jobs.given_back == []


def test_an_outage_does_not_keep_a_claim_from_being_broken_off(
    context: WorkerContext, jobs: Jobs
) -> None:
    jobs.failure = AWAY

    assert play(broken_off(context, jobs)) is True


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
