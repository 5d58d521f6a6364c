"""What a listener hears: everything once, nothing twice, wherever it was cut off."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.events.job_changes import Event, changes
from api.events.job_cursor import Cursor, mark, parse_cursor
from infra.contract.states import ImageState, JobState, Outcome
from tasks.jobs.snapshot import ImageSnapshot, JobSnapshot
from tasks.views import ErrorView

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
QUEUED = JobSnapshot(
    id=UUID(int=1),
    state=JobState.QUEUED,
    round=0,
    attempts=0,
    error=None,
    finished_at=None,
    images=tuple(
        ImageSnapshot(UUID(int=10 + n), n, ImageState.QUEUED, None, None, None) for n in range(3)
    ),
)


def with_image(job: JobSnapshot, position: int, **fields: object) -> JobSnapshot:
    images = list(job.images)
    images[position] = replace(images[position], **fields)
    return replace(job, images=tuple(images))


def ready(job: JobSnapshot, position: int) -> JobSnapshot:
    return with_image(
        job, position, state=ImageState.READY, outcome=Outcome.CREATED, finished_at=NOON
    )


def failed(job: JobSnapshot, position: int, finished_at: datetime = NOON) -> JobSnapshot:
    error = ErrorView("http_404", "It is gone.", retryable=False)
    return with_image(job, position, state=ImageState.FAILED, error=error, finished_at=finished_at)


RUNNING = replace(QUEUED, state=JobState.RUNNING, attempts=1)
ENDED = replace(failed(ready(ready(RUNNING, 0), 1), 2), state=JobState.PARTIAL, finished_at=NOON)
STEPS = (QUEUED, RUNNING, ready(RUNNING, 1), ENDED)


def heard(job: JobSnapshot, before: Cursor | None = None) -> list[Event]:
    return list(changes(before or Cursor(), job))


def after(*jobs: JobSnapshot) -> Cursor:
    """What a listener knows that heard of these snapshots."""
    cursor = Cursor()
    for job in jobs:
        for event in changes(cursor, job):
            cursor = event.heard
    return cursor


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def test_who_comes_first_hears_everything_and_the_state_last() -> None:
    assert names(heard(QUEUED)) == ["image", "image", "image", "progress", "state"]
    assert names(heard(ENDED)) == ["image", "image", "image", "progress", "state", "end"]


@pytest.mark.parametrize("job", STEPS)
def test_what_was_heard_is_not_told_again(job: JobSnapshot) -> None:
    assert heard(job, after(job)) == []


def test_a_change_is_told_alone() -> None:
    events = heard(ready(RUNNING, 1), after(RUNNING))

    assert names(events) == ["image", "progress"]
    image, progress = (event.data for event in events)
    assert (image["position"], image["state"], image["outcome"]) == (1, "ready", "created")
    assert progress == {"done": 1, "total": 3, "ready": 1, "failed": 0}


def test_a_failure_is_told_with_its_code() -> None:
    event = heard(failed(RUNNING, 0), after(RUNNING))[0]

    assert event.data["error"] == {
        "code": "http_404",
        "detail": "It is gone.",
        "retryable": False,
    }


def test_another_attempt_is_another_state() -> None:
    events = heard(replace(RUNNING, attempts=2), after(RUNNING))

    assert [(event.name, event.data["attempts"]) for event in events] == [("state", 2)]


def test_cut_off_anywhere_a_listener_goes_on_where_it_was() -> None:
    cursor, told = Cursor(), []
    for job in STEPS:
        while events := heard(job, parse_cursor(str(cursor))):
            told.append((events[0].name, json.dumps(events[0].data)))
            cursor = events[0].heard

    assert len(told) == len(set(told)), "something was told twice"
    unbroken, cursor = [], Cursor()
    for job in STEPS:
        for event in changes(cursor, job):
            unbroken.append((event.name, json.dumps(event.data)))
            cursor = event.heard
    assert told == unbroken


def test_a_listener_that_missed_a_whole_retry_hears_of_it() -> None:
    again = failed(replace(ENDED, round=1, finished_at=LATER), 2, LATER)

    events = heard(again, after(ENDED))

    assert names(events) == ["image", "state", "end"]
    assert events[0].data["position"] == 2


def test_a_retried_job_goes_on_and_ends_again() -> None:
    queued_again = with_image(
        replace(ENDED, state=JobState.QUEUED, round=1, attempts=0, finished_at=None),
        2,
        state=ImageState.QUEUED,
        error=None,
        finished_at=None,
    )

    assert names(heard(queued_again, after(ENDED))) == ["image", "progress", "state"]
    assert names(heard(ENDED, after(ENDED, queued_again)))[-1] == "end"


def test_a_job_that_lost_an_image_is_told_anew() -> None:
    shorter = replace(RUNNING, images=RUNNING.images[:2])

    assert names(heard(shorter, after(RUNNING))) == ["image", "image", "progress", "state"]


@pytest.mark.parametrize(
    "text",
    [None, "", "7", "abcd.1.0", "abcd.1.2.", "abcd.1.0.abc", "abcd.9999999.0.", "abcd.1.0.\n"],
)
def test_an_id_that_is_none_of_ours_means_that_nothing_was_heard(text: str | None) -> None:
    assert parse_cursor(text) == Cursor()


def test_an_id_says_all_that_was_heard() -> None:
    for job in STEPS:
        for event in changes(Cursor(), job):
            assert parse_cursor(str(event.heard)) == event.heard


def test_a_mark_tells_facts_apart() -> None:
    assert len({mark(n) for n in range(1000)}) == 1000
    assert mark("a", None) == mark("a", None) != mark("a", "")
