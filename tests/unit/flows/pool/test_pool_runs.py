"""Runs from the work pool: which job they stand for, and what they end with otherwise."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from prefect import State
from prefect.states import Completed, Pending, Running, Scheduled

from flows.pool import runs as module
from flows.runs.flow_run_client import PARKED
from flows.runtime.circuit_breaker import PauseReason
from infra.broker.broker import Disposition
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import JobState
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import AWAY, Letter, fake_resources, status_of
from tests.unit.flows.support.pool_office import Office
from tests.unit.flows.support.server import CREATED_AT, run_in

CLAIM = claim_of(1)
HELD = [Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE, Unclaimed.PARKED]
URL = "https://supplier.example/1.jpg"


@pytest.fixture
def pool_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with fake_resources() as resources:
        pool_office = Office(resources)
        for name in ("job_of_flow_run", "submit", "reopen"):
            monkeypatch.setattr(module, name, getattr(pool_office.jobs, name))
        monkeypatch.setattr(module, "run_flow_here", pool_office.engine)
        monkeypatch.setattr(module, "_LOOK_SECONDS", 0)
        yield pool_office


def test_a_run_with_a_job_id_is_an_attempt_at_that_job(pool_office: Office) -> None:
    pool_office.context.answers = [CLAIM]
    run = run_in(Pending(), job_id=str(JOB_ID))

    pool_office.run(run)

    ((attempt, flow_run, republish),) = pool_office.executor.worked
    assert (attempt.claim, flow_run, republish) == (CLAIM, run, True)
    assert pool_office.executor.held == [True]
    assert pool_office.context.attempts.of(JOB_ID) is None
    assert pool_office.jobs.submitted == []


@pytest.mark.parametrize(
    ("returned", "disposition"),
    [(False, Disposition.ACK), (True, Disposition.REQUEUE), (LookupError(), Disposition.REQUEUE)],
)
def test_deliveries_that_the_attempt_adopted_end_with_it(
    pool_office: Office, *, returned: bool | Exception, disposition: Disposition
) -> None:
    letter = Letter(redelivered=True)
    pool_office.executor.returned = returned

    pool_office.executor.adopts = letter.delivery
    pool_office.context.answers = [CLAIM]

    with suppress(LookupError):
        pool_office.run(run_in(Pending(), job_id=str(JOB_ID)))
    assert letter.verdicts == [disposition]


def test_a_quick_run_becomes_a_job_that_this_run_shows(pool_office: Office) -> None:
    pool_office.context.answers = [CLAIM]
    run = run_in(Pending(), image_urls=[URL, "https://supplier.example/2.jpg"], sku="SHOE-42")

    pool_office.run(run)

    (submission,) = pool_office.jobs.submitted
    assert (submission.flow_run_id, submission.sku) == (run.id, "SHOE-42")
    tags = ["lane:interactive", "sku:SHOE-42", "host:supplier.example"]
    shown = {"name": "SHOE-42 · 2 images", "tags": tags, "parameters": {"job_id": str(JOB_ID)}}
    assert pool_office.server.dressed == [(run.id, shown)]
    assert [attempt.claim for attempt, _, _ in pool_office.executor.worked] == [CLAIM]


def test_a_quick_run_that_is_retried_stands_for_the_job_that_it_made(pool_office: Office) -> None:
    pool_office.jobs.known = JOB_ID
    pool_office.context.answers = [CLAIM]

    run = run_in(Pending(), image_urls=[URL])

    pool_office.run(run)

    assert pool_office.jobs.submitted == []
    assert len(pool_office.executor.worked) == 1
    assert pool_office.server.dressed == [(run.id, {"parameters": {"job_id": str(JOB_ID)}})]


def test_a_run_with_unusable_parameters_fails_with_what_to_change(pool_office: Office) -> None:
    state = pool_office.end_of(run_in(Pending(), sku="SHOE-42"))

    assert state.is_failed()
    assert "Give either image_urls" in (state.message or "")
    assert pool_office.context.claims == 0


def test_a_run_that_the_use_case_refuses_fails_with_its_sentence(pool_office: Office) -> None:
    pool_office.jobs.failure = Rejected(404, ErrorCode.NOT_FOUND, "There is no such product.")

    state = pool_office.end_of(run_in(Pending(), image_urls=[URL]))

    assert state.is_failed()
    assert "There is no such product." in (state.message or "")


def test_an_outage_closes_the_gate_and_leaves_the_run_to_the_reaper(pool_office: Office) -> None:
    pool_office.context.answers = [AWAY]

    pool_office.run(run_in(Pending(), job_id=str(JOB_ID)))

    assert (pool_office.tickets, pool_office.executor.worked, pool_office.server.set) == (
        [],
        [],
        [],
    )
    assert pool_office.context.breaker.reasons == (PauseReason.DATABASE,)


def test_a_retry_of_a_job_that_has_ended_reopens_it(pool_office: Office) -> None:
    pool_office.jobs.reopens = True
    pool_office.context.answers = [Unclaimed.FINAL, CLAIM]
    pool_office.server.states = [Scheduled().model_copy(update={"timestamp": CREATED_AT})]
    run = run_in(Pending(), job_id=str(JOB_ID))

    pool_office.run(run)

    assert pool_office.jobs.reopened == [(run.id, CREATED_AT)]
    assert len(pool_office.executor.worked) == 1


@pytest.mark.parametrize(
    ("job", "run_state"),
    [
        (JobState.READY, "Completed"),
        (JobState.PARTIAL, "Partial"),
        (JobState.FAILED, "Failed"),
        (JobState.CANCELLED, "Cancelled"),
    ],
)
def test_a_job_with_nothing_left_to_do_ends_the_run_as_it_ended_itself(
    pool_office: Office, job: JobState, run_state: str
) -> None:
    pool_office.context.answers = [Unclaimed.FINAL]
    pool_office.context.stands = [status_of(job)]

    state = pool_office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert (state.name, state.message) == (run_state, f"Nothing to do: the job is {job} already.")


@pytest.mark.parametrize("shown", [Completed(), Running()])
def test_a_run_that_the_bridge_has_run_meanwhile_is_not_run_again(
    pool_office: Office, shown: State[Any]
) -> None:
    pool_office.context.answers = [Unclaimed.FINAL]
    pool_office.context.stands = [status_of(JobState.READY)]
    taken = run_in(Pending(), job_id=str(JOB_ID))
    pool_office.server.runs[taken.id] = taken.model_copy(update={"state": shown})

    pool_office.run(taken)

    assert (pool_office.tickets, pool_office.executor.worked, pool_office.server.set) == (
        [],
        [],
        [],
    )


@pytest.mark.parametrize("reason", [Unclaimed.GAVE_UP, Unclaimed.CANCELLED])
def test_a_job_that_ends_by_this_claim_is_not_reopened(
    pool_office: Office, reason: Unclaimed
) -> None:
    pool_office.jobs.reopens = True
    pool_office.context.answers = [reason]
    pool_office.context.stands = [status_of(JobState.FAILED)]

    assert pool_office.end_of(run_in(Pending(), job_id=str(JOB_ID))).is_failed()
    assert pool_office.jobs.reopened == []


def test_a_run_for_a_job_that_does_not_exist_fails_with_its_id(pool_office: Office) -> None:
    pool_office.context.answers = [Unclaimed.ABSENT]

    state = pool_office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert (state.is_failed(), state.message) == (True, f"There is no job {JOB_ID}.")


@pytest.mark.parametrize("reason", HELD)
def test_a_job_that_is_about_to_be_let_go_is_waited_for(
    pool_office: Office, reason: Unclaimed
) -> None:
    pool_office.context.answers = [reason, reason, CLAIM]

    pool_office.run(run_in(Pending(), job_id=str(JOB_ID)))

    assert pool_office.context.claims == 3
    assert len(pool_office.executor.worked) == 1


@pytest.mark.parametrize("reason", HELD)
def test_a_job_that_is_not_let_go_ends_the_patience_but_not_the_job(
    pool_office: Office, reason: Unclaimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    pool_office.context.answers = [reason]
    pool_office.context.stands = [
        status_of(JobState.RUNNING, flow_run_id=uuid4(), lease_is_live=True)
    ]

    state = pool_office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert state.is_completed()
    assert "Nothing to do here: the job is running" in (state.message or "")


def test_a_run_that_another_process_runs_is_shown_running_again(
    pool_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    run = run_in(Pending(), job_id=str(JOB_ID))
    pool_office.context.answers = [Unclaimed.HELD_ELSEWHERE]
    pool_office.context.stands = [
        status_of(JobState.RUNNING, flow_run_id=run.id, lease_is_live=True)
    ]

    pool_office.run(run)

    ((run_id, state, forced),) = pool_office.server.set
    assert (run_id, state.is_running(), forced) == (run.id, True, True)
    assert (pool_office.tickets, pool_office.executor.worked) == ([], [])


def test_a_run_of_a_parked_job_that_is_started_early_is_parked_again(
    pool_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    pool_office.context.answers = [Unclaimed.PARKED]
    pool_office.context.stands = [status_of(JobState.QUEUED, parked_until=CREATED_AT)]
    run = run_in(Pending(), job_id=str(JOB_ID))

    pool_office.run(run)

    ((run_id, state, forced),) = pool_office.server.set
    assert (run_id, state.name, forced) == (run.id, PARKED, True)
    assert state.state_details.scheduled_time == CREATED_AT
    assert (pool_office.tickets, pool_office.executor.worked) == ([], [])


def test_a_run_is_not_shown_running_for_a_worker_that_nobody_hears_of(
    pool_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    run = run_in(Pending(), job_id=str(JOB_ID))
    pool_office.context.answers = [Unclaimed.HELD_ELSEWHERE]
    pool_office.context.stands = [status_of(JobState.RUNNING, flow_run_id=run.id)]

    assert pool_office.end_of(run).is_completed()
    assert pool_office.server.set == []


def test_the_ticket_of_a_run_without_work_is_cleared_afterwards(pool_office: Office) -> None:
    pool_office.context.answers = [Unclaimed.ABSENT]
    run = run_in(Pending(), job_id=str(JOB_ID))

    pool_office.end_of(run)

    with pytest.raises(RuntimeError, match="There is no work"):
        pool_office.context.take(run.id)
