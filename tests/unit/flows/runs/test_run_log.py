"""A line of a run's log carries the fields of its job in its text."""

import asyncio
import logging
from dataclasses import replace
from uuid import UUID

import pytest

from flows.runs import run_log as module
from flows.runs.run_log import OneLineEach, RunLog
from tests.unit.flows.support.claims import JOB_ID, claim_of

BATCH = UUID("01900000-0000-7000-8000-0000000000bb")


def test_a_line_ends_with_the_fields_of_its_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("run"))
    claim = replace(claim_of(1, sku="100% COTTON"), batch_id=BATCH)

    with caplog.at_level(logging.INFO, "run"):
        RunLog.of(claim).info("Image 0: created, 50 % saved")
        RunLog.of(claim).warning("Image 1 failed")

    fields = f"job_id={JOB_ID} sku=100% COTTON lane=interactive attempt=1 batch={BATCH}"
    assert [record.getMessage() for record in caplog.records] == [
        f"Image 0: created, 50 % saved · {fields}",
        f"Image 1 failed · {fields}",
    ]
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING]


def test_what_a_job_does_not_have_is_not_named() -> None:
    assert RunLog.of(claim_of(1)).fields == f"job_id={JOB_ID} lane=interactive attempt=1"


def kept(message: str) -> tuple[str, str] | None:
    """Return a line of Prefect's as it is kept: level and text."""
    record = logging.LogRecord("run", logging.ERROR, __file__, 1, message, None, None)
    return (record.levelname, record.getMessage()) if OneLineEach().filter(record) else None


CRASH = "Crash detected! Execution was cancelled by the runtime environment."
CRASHED = "Finished in state Crashed('Execution was cancelled by the runtime environment.')"


async def kept_while_cancelled(*messages: str) -> list[tuple[str, str] | None]:
    """Return what is kept of lines that are written while a cancelled task ends."""

    async def work() -> list[tuple[str, str] | None]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return [kept(message) for message in messages]
        return []

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    return await task


def test_an_end_that_was_asked_for_is_one_line_and_no_crash() -> None:
    lines = asyncio.run(kept_while_cancelled(CRASH, CRASHED, "Finished in state Completed()"))

    answer_of = ("INFO", "Ended early, on request.")
    assert lines == [None, answer_of, ("ERROR", "Finished in state Completed()")]


def test_a_crash_that_was_not_asked_for_stays_one() -> None:
    assert (kept(CRASH), kept(CRASHED)) == (("ERROR", CRASH), ("ERROR", CRASHED))


def test_a_failed_state_is_told_once_and_a_cancelled_one_is_no_error() -> None:
    end = "Finished in state Cancelled('0 of 1 images are ready.')"

    assert kept("Task run failed with state: Failed('0 of 1 images are ready.')") is None
    assert kept("Finished in state Failed('no')") == ("ERROR", "Finished in state Failed('no')")
    assert kept(end) == ("INFO", end)
    assert kept("Task run failed with exception: LookupError()") is not None
