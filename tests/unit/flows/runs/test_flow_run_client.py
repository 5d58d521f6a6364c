"""A job's flow run: named and tagged for people, found or created, closed as the job ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect import State
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running, Scheduled

from flows.runs.flow_run_client import (
    AWAITING_SLOT,
    DEPLOYMENT,
    PARKED,
    end_of,
    final_state,
    parked_state,
)
from flows.runs.labels import JobLabel
from infra.contract.states import JobState
from tasks.jobs.status import ImageCounts
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import play, status_of
from tests.unit.flows.support.server import CREATED_AT, Server, run_in

FINAL = {
    JobState.READY: ("COMPLETED", "Completed"),
    JobState.PARTIAL: ("COMPLETED", "Partial"),
    JobState.FAILED: ("FAILED", "Failed"),
    JobState.CANCELLED: ("CANCELLED", "Cancelled"),
}
LABEL = JobLabel.of(claim_of(1, sku="SHOE-42"))


def test_the_attempts_of_a_round_share_a_run_and_each_round_has_its_own() -> None:
    first = JobLabel.of(claim_of(1))
    again = JobLabel.of(replace(claim_of(1), attempt=2, fencing_token=2))
    retried = JobLabel.of(claim_of(1, round_=1))

    assert first.idempotency_key == again.idempotency_key == str(JOB_ID)
    assert retried.idempotency_key == f"{JOB_ID}:1"


def test_a_run_belongs_to_its_job_and_waits_where_no_poller_takes_it() -> None:
    server = Server()

    play(server.flow_runs.of_job(LABEL))

    (run,) = server.created
    assert run["deployment_id"] == server.deployment.id
    assert run["parameters"] == {"job_id": str(JOB_ID)}
    assert run["idempotency_key"] == str(JOB_ID)
    assert (run["name"], run["tags"]) == (LABEL.name, LABEL.tags)
    assert run["state"].type == Pending().type


def test_a_run_can_be_created_for_a_poller() -> None:
    server = Server()

    play(server.flow_runs.of_job(LABEL, Scheduled()))

    assert server.created[0]["state"].is_scheduled()


def test_the_run_that_shows_the_job_already_is_used_again() -> None:
    known = run_in(Crashed())
    server = Server(known)

    found = play(server.flow_runs.of_job(replace(LABEL, flow_run_id=known.id)))

    assert (found, server.created) == (known, [])


def test_a_run_that_somebody_deleted_is_created_again() -> None:
    server = Server()

    play(server.flow_runs.of_job(replace(LABEL, flow_run_id=uuid4())))

    assert len(server.created) == 1


def test_the_deployment_is_looked_up_once_until_it_is_deployed_anew() -> None:
    server = Server()

    async def scenario() -> list[UUID]:
        runs = server.flow_runs
        for _ in range(2):
            await runs.of_job(LABEL)
        assert server.looked_up == [DEPLOYMENT]
        server.deployment = server.deployment.model_copy(update={"id": uuid4()})
        await runs.of_job(LABEL)
        return [run["deployment_id"] for run in server.created]

    assert play(scenario())[-1] == server.deployment.id
    assert server.looked_up == [DEPLOYMENT] * 2


def test_a_run_of_a_person_is_given_the_name_and_tags_of_its_job() -> None:
    server, run_id = Server(), uuid4()

    play(server.flow_runs.label_run(run_id, LABEL))

    shown = {"name": LABEL.name, "tags": LABEL.tags, "parameters": LABEL.parameters}
    assert server.dressed == [(run_id, shown)]


def test_a_run_is_wished_for_when_it_was_scheduled_last() -> None:
    server, run = Server(), run_in(Running())
    day = CREATED_AT + timedelta(days=1)
    server.states = [
        Scheduled().model_copy(update={"timestamp": day}),
        Scheduled().model_copy(update={"timestamp": day + timedelta(hours=2)}),
        Running().model_copy(update={"timestamp": day + timedelta(hours=3)}),
    ]

    assert play(server.flow_runs.scheduled_at(run)) == day + timedelta(hours=2)


def test_a_run_that_was_never_scheduled_is_wished_for_since_it_exists() -> None:
    assert play(Server().flow_runs.scheduled_at(run_in(Pending()))) == CREATED_AT


@pytest.mark.parametrize("job_state", FINAL)
def test_a_job_that_ended_is_shown_by_a_state_of_its_own(job_state: JobState) -> None:
    state = final_state(job_state, "Two of three images are ready.")

    assert (state.type.value, state.name) == FINAL[job_state]
    assert state.message == "Two of three images are ready."


def test_a_run_that_made_nothing_of_a_partial_job_is_not_green() -> None:
    partial = status_of(JobState.PARTIAL)

    nothing = end_of(replace(partial, images=ImageCounts(total=28, ready=24, made=0)))
    some = end_of(replace(partial, images=ImageCounts(total=28, ready=27, made=3)))

    assert (nothing.type.value, nothing.name) == ("FAILED", "NothingMade")
    assert nothing.message == "This run made no image; 24 of 28 images are ready."
    assert (some.type.value, some.name) == ("COMPLETED", "Partial")
    assert some.message == "27 of 28 images are ready."


def test_every_final_state_of_a_job_has_one_of_a_run() -> None:
    assert {state for state in JobState if state.is_final} == set(FINAL)


def closed(server: Server, run: FlowRun) -> list[tuple[UUID, State[Any], bool]]:
    play(server.flow_runs.close(run.id, final_state(JobState.FAILED)))
    return server.set


@pytest.mark.parametrize("shown", [None, Pending(), Running(), Scheduled(), Crashed()])
def test_a_run_that_shows_no_end_of_its_job_is_closed_by_force(shown: State[Any] | None) -> None:
    run = run_in(shown)

    ((run_id, state, forced),) = closed(Server(run), run)

    assert (run_id, state.is_failed(), forced) == (run.id, True, True)


@pytest.mark.parametrize("shown", [Completed(), Failed(), Cancelled()])
def test_a_run_that_has_ended_is_left_alone(shown: State[Any]) -> None:
    run = run_in(shown)

    assert closed(Server(run), run) == []


def test_a_run_that_somebody_deleted_needs_no_closing() -> None:
    assert closed(Server(), run_in(Running())) == []


def test_the_task_runs_that_a_closed_run_left_behind_are_closed_too() -> None:
    run = run_in(Completed())
    server = Server(run)
    server.task_runs = [TaskRun.model_construct(id=uuid4()), TaskRun.model_construct(id=uuid4())]

    closed(server, run)

    assert [task_run_id for task_run_id, _ in server.set_tasks] == [
        task_run.id for task_run in server.task_runs
    ]
    assert all(state.is_crashed() for _, state in server.set_tasks)


def test_without_runs_there_are_no_task_runs_to_close() -> None:
    server = Server()
    server.task_runs = [TaskRun.model_construct(id=uuid4())]

    assert play(server.flow_runs.close_task_runs([])) == 0
    assert server.set_tasks == []


def http_error(status: HTTPStatus) -> PrefectHTTPStatusError:
    request = httpx.Request("POST", "http://prefect.example/api")
    response = httpx.Response(status, request=request)
    return PrefectHTTPStatusError("no", request=request, response=response)


def test_a_run_whose_slot_cannot_be_freed_is_led_to_its_end_through_running() -> None:
    server, run_id = Server(), uuid4()
    server.refusals = [http_error(HTTPStatus.INTERNAL_SERVER_ERROR)]

    play(server.flow_runs.force_state(run_id, Completed()))

    assert [(state.type.value, forced) for _, state, forced in server.set] == [
        ("RUNNING", True),
        ("COMPLETED", True),
    ]


def test_another_refusal_of_the_server_is_raised() -> None:
    server = Server()
    server.refusals = [http_error(HTTPStatus.CONFLICT)]

    with pytest.raises(PrefectHTTPStatusError):
        play(server.flow_runs.force_state(uuid4(), Completed()))
    assert server.set == []


def test_a_parked_job_is_shown_by_a_run_that_is_scheduled_for_its_time() -> None:
    until = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    state = parked_state(until)

    assert state.is_scheduled()
    assert (state.name, state.state_details.scheduled_time) == (PARKED, until)
    assert "03:04:05 UTC" in (state.message or "")


@pytest.mark.parametrize("name", ["Late", "AwaitingConcurrencySlot", AWAITING_SLOT, PARKED])
def test_what_the_server_or_the_bridge_schedules_is_nobody_s_wish(name: str) -> None:
    server = Server()
    server.states = [Scheduled(name=name).model_copy(update={"timestamp": datetime.now(UTC)})]

    assert play(server.flow_runs.scheduled_at(run_in(Pending()))) == CREATED_AT


@pytest.mark.parametrize("wanted", [Scheduled(name="AwaitingRetry"), Pending()])
def test_a_run_that_is_wanted_again_since_its_job_ended_is_left_alone(wanted: State[Any]) -> None:
    run = run_in(wanted)
    server = Server(run)

    play(
        server.flow_runs.close(
            run.id, Cancelled(), ended_at=wanted.timestamp - timedelta(seconds=1)
        )
    )

    assert server.set == []


@pytest.mark.parametrize("shown", [Scheduled(), Pending(), Scheduled(name="Late")])
def test_a_run_that_was_scheduled_before_its_job_ended_is_closed(shown: State[Any]) -> None:
    run = run_in(shown)
    server = Server(run)

    play(
        server.flow_runs.close(run.id, Cancelled(), ended_at=shown.timestamp + timedelta(seconds=1))
    )

    ((_, state, _),) = server.set
    assert state.is_cancelled()
