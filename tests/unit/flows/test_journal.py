"""A line of a run's log carries the fields of its job in its text."""

import logging
from dataclasses import replace
from uuid import UUID

import pytest

from flows import journal as module
from flows.journal import Journal
from tests.unit.flows.claims import JOB_ID, claim_of

BATCH = UUID("01900000-0000-7000-8000-0000000000bb")


def test_a_line_ends_with_the_fields_of_its_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("run"))
    claim = replace(claim_of(1, sku="100% COTTON"), batch_id=BATCH)

    with caplog.at_level(logging.INFO, "run"):
        Journal.of(claim).info("Image 0: created, 50 % saved")
        Journal.of(claim).warning("Image 1 failed")

    fields = f"job_id={JOB_ID} sku=100% COTTON lane=interactive attempt=1 batch={BATCH}"
    assert [record.getMessage() for record in caplog.records] == [
        f"Image 0: created, 50 % saved · {fields}",
        f"Image 1 failed · {fields}",
    ]
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING]


def test_what_a_job_does_not_have_is_not_named() -> None:
    assert Journal.of(claim_of(1)).fields == f"job_id={JOB_ID} lane=interactive attempt=1"
