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
from flows.runtime.circuit_breaker import Obstacle
from infra.broker.broker import Verdict
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import JobState
from tasks.jobs.claim import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.crew import AWAY, Letter, standing_of, workshop
from tests.unit.flows.support.office import Office
from tests.unit.flows.support.server import CREATED_AT, run_in

CLAIM = claim_of(1)
HELD = [Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE, Unclaimed.PARKED]
URL = "https://supplier.example/1.jpg"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with workshop() as shop:
        office = Office(shop)
        for name in ("job_of_flow_run", "submit", "reopen"):
            monkeypatch.setattr(module, name, getattr(office.jobs, name))
        monkeypatch.setattr(module, "run_flow_here", office.engine)
        monkeypatch.setattr(module, "_LOOK_SECONDS", 0)
        yield office


def test_a_run_with_a_job_id_is_an_attempt_at_that_job(office: Office) -> None:
    office.desk.answers = [CLAIM]
    run = run_in(Pending(), job_id=str(JOB_ID))

    office.run(run)

    ((attempt, flow_run, republish),) = office.bench.worked
    assert (attempt.claim, flow_run, republish) == (CLAIM, run, True)
    assert office.bench.held == [True]
    assert office.desk.attempts.of_job(JOB_ID) is None
    assert office.jobs.submitted == []


@pytest.mark.parametrize(
    ("returned", "verdict"),
    [(False, Verdict.ACK), (True, Verdict.REQUEUE), (LookupError(), Verdict.REQUEUE)],
)
def test_deliveries_that_the_attempt_adopted_end_with_it(
    office: Office, *, returned: bool | Exception, verdict: Verdict
) -> None:
    letter = Letter(redelivered=True)
    office.bench.returned = returned

    office.bench.adopts = letter.delivery
    office.desk.answers = [CLAIM]

    with suppress(LookupError):
        office.run(run_in(Pending(), job_id=str(JOB_ID)))
    assert letter.verdicts == [verdict]


def test_a_quick_run_becomes_a_job_that_this_run_shows(office: Office) -> None:
    office.desk.answers = [CLAIM]
    run = run_in(Pending(), image_urls=[URL, "https://supplier.example/2.jpg"], sku="SHOE-42")

    office.run(run)

    (submission,) = office.jobs.submitted
    assert (submission.flow_run_id, submission.sku) == (run.id, "SHOE-42")
    tags = ["lane:interactive", "sku:SHOE-42", "host:supplier.example"]
    shown = {"name": "SHOE-42 · 2 images", "tags": tags, "parameters": {"job_id": str(JOB_ID)}}
    assert office.server.dressed == [(run.id, shown)]
    assert [attempt.claim for attempt, _, _ in office.bench.worked] == [CLAIM]


def test_a_quick_run_that_is_retried_stands_for_the_job_that_it_made(office: Office) -> None:
    office.jobs.known = JOB_ID
    office.desk.answers = [CLAIM]

    run = run_in(Pending(), image_urls=[URL])

    office.run(run)

    assert office.jobs.submitted == []
    assert len(office.bench.worked) == 1
    assert office.server.dressed == [(run.id, {"parameters": {"job_id": str(JOB_ID)}})]


def test_a_run_with_unusable_parameters_fails_with_what_to_change(office: Office) -> None:
    state = office.end_of(run_in(Pending(), sku="SHOE-42"))

    assert state.is_failed()
    assert "Give either image_urls" in (state.message or "")
    assert office.desk.claims == 0


def test_a_run_that_the_use_case_refuses_fails_with_its_sentence(office: Office) -> None:
    office.jobs.failure = Rejected(404, ErrorCode.NOT_FOUND, "There is no such product.")

    state = office.end_of(run_in(Pending(), image_urls=[URL]))

    assert state.is_failed()
    assert "There is no such product." in (state.message or "")


def test_an_outage_closes_the_gate_and_leaves_the_run_to_the_reaper(office: Office) -> None:
    office.desk.answers = [AWAY]

    office.run(run_in(Pending(), job_id=str(JOB_ID)))

    assert (office.tickets, office.bench.worked, office.server.set) == ([], [], [])
    assert office.desk.gate.obstacles == (Obstacle.DATABASE,)


def test_a_retry_of_a_job_that_has_ended_reopens_it(office: Office) -> None:
    office.jobs.reopens = True
    office.desk.answers = [Unclaimed.FINAL, CLAIM]
    office.server.states = [Scheduled().model_copy(update={"timestamp": CREATED_AT})]
    run = run_in(Pending(), job_id=str(JOB_ID))

    office.run(run)

    assert office.jobs.reopened == [(run.id, CREATED_AT)]
    assert len(office.bench.worked) == 1


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
    office: Office, job: JobState, run_state: str
) -> None:
    office.desk.answers = [Unclaimed.FINAL]
    office.desk.stands = [standing_of(job)]

    state = office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert (state.name, state.message) == (run_state, f"Nothing to do: the job is {job} already.")


@pytest.mark.parametrize("shown", [Completed(), Running()])
def test_a_run_that_the_bridge_has_run_meanwhile_is_not_run_again(
    office: Office, shown: State[Any]
) -> None:
    office.desk.answers = [Unclaimed.FINAL]
    office.desk.stands = [standing_of(JobState.READY)]
    taken = run_in(Pending(), job_id=str(JOB_ID))
    office.server.runs[taken.id] = taken.model_copy(update={"state": shown})

    office.run(taken)

    assert (office.tickets, office.bench.worked, office.server.set) == ([], [], [])


@pytest.mark.parametrize("reason", [Unclaimed.GAVE_UP, Unclaimed.CANCELLED])
def test_a_job_that_ends_by_this_claim_is_not_reopened(office: Office, reason: Unclaimed) -> None:
    office.jobs.reopens = True
    office.desk.answers = [reason]
    office.desk.stands = [standing_of(JobState.FAILED)]

    assert office.end_of(run_in(Pending(), job_id=str(JOB_ID))).is_failed()
    assert office.jobs.reopened == []


def test_a_run_for_a_job_that_does_not_exist_fails_with_its_id(office: Office) -> None:
    office.desk.answers = [Unclaimed.ABSENT]

    state = office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert (state.is_failed(), state.message) == (True, f"There is no job {JOB_ID}.")


@pytest.mark.parametrize("reason", HELD)
def test_a_job_that_is_about_to_be_let_go_is_waited_for(office: Office, reason: Unclaimed) -> None:
    office.desk.answers = [reason, reason, CLAIM]

    office.run(run_in(Pending(), job_id=str(JOB_ID)))

    assert office.desk.claims == 3
    assert len(office.bench.worked) == 1


@pytest.mark.parametrize("reason", HELD)
def test_a_job_that_is_not_let_go_ends_the_patience_but_not_the_job(
    office: Office, reason: Unclaimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    office.desk.answers = [reason]
    office.desk.stands = [standing_of(JobState.RUNNING, flow_run_id=uuid4(), lease_is_live=True)]

    state = office.end_of(run_in(Pending(), job_id=str(JOB_ID)))

    assert state.is_completed()
    assert "Nothing to do here: the job is running" in (state.message or "")


def test_a_run_that_another_process_runs_is_shown_running_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    run = run_in(Pending(), job_id=str(JOB_ID))
    office.desk.answers = [Unclaimed.HELD_ELSEWHERE]
    office.desk.stands = [standing_of(JobState.RUNNING, flow_run_id=run.id, lease_is_live=True)]

    office.run(run)

    ((run_id, state, forced),) = office.server.set
    assert (run_id, state.is_running(), forced) == (run.id, True, True)
    assert (office.tickets, office.bench.worked) == ([], [])


def test_a_run_of_a_parked_job_that_is_started_early_is_parked_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    office.desk.answers = [Unclaimed.PARKED]
    office.desk.stands = [standing_of(JobState.QUEUED, parked_until=CREATED_AT)]
    run = run_in(Pending(), job_id=str(JOB_ID))

    office.run(run)

    ((run_id, state, forced),) = office.server.set
    assert (run_id, state.name, forced) == (run.id, PARKED, True)
    assert state.state_details.scheduled_time == CREATED_AT
    assert (office.tickets, office.bench.worked) == ([], [])


def test_a_run_is_not_shown_running_for_a_worker_that_nobody_hears_of(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    run = run_in(Pending(), job_id=str(JOB_ID))
    office.desk.answers = [Unclaimed.HELD_ELSEWHERE]
    office.desk.stands = [standing_of(JobState.RUNNING, flow_run_id=run.id)]

    assert office.end_of(run).is_completed()
    assert office.server.set == []


def test_the_ticket_of_a_run_without_work_is_cleared_afterwards(office: Office) -> None:
    office.desk.answers = [Unclaimed.ABSENT]
    run = run_in(Pending(), job_id=str(JOB_ID))

    office.end_of(run)

    with pytest.raises(RuntimeError, match="Nobody left work"):
        office.desk.take(run.id)
