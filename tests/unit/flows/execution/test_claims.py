"""Claims of this process: made in its name, and given back when nobody waits for them."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from flows.execution import executor, job_executor
from flows.execution.job_executor import JobExecutor
from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Database
from infra.settings.sections import JobSettings
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import (
    AWAY,
    FakeContext,
    FakeMonitor,
    fake_resources,
    play,
    until,
)

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
    monkeypatch.setattr(job_executor, "claim", jobs.claim)
    monkeypatch.setattr(executor, "give_back", jobs.give_back)
    return jobs


@pytest.fixture
def jobs_here(jobs: Jobs) -> Iterator[JobExecutor]:
    with fake_resources() as resources:
        context = FakeContext(resources)
        yield JobExecutor(context, FakeMonitor(resources, context.breaker))


def test_a_job_is_claimed_in_the_name_of_this_process(jobs_here: JobExecutor, jobs: Jobs) -> None:
    jobs.answers.set()

    assert play(jobs_here.claim(JOB_ID)) == CLAIM
    assert jobs.owners == [jobs_here._context.owner]
    assert jobs.given_back == []


async def broken_off(jobs_here: JobExecutor, jobs: Jobs) -> bool:
    """Break a claim off before PostgreSQL answers; return whether it ended as cancelled."""
    claiming = asyncio.create_task(jobs_here.claim(JOB_ID))
    await until(lambda: jobs.owners, "a claim under way")
    claiming.cancel()
    await asyncio.sleep(0)
    jobs.answers.set()
    await asyncio.wait([claiming])
    return claiming.cancelled()


def test_a_claim_that_nobody_waits_for_any_more_goes_back_uncounted(
    jobs_here: JobExecutor, jobs: Jobs
) -> None:
    assert play(broken_off(jobs_here, jobs)) is True
    assert jobs.given_back == [(CLAIM, False, True)]


def test_a_job_that_could_not_be_claimed_needs_no_giving_back(
    jobs_here: JobExecutor, jobs: Jobs
) -> None:
    jobs.claimed = Unclaimed.FINAL

    assert play(broken_off(jobs_here, jobs)) is True
    assert jobs.given_back == []


def test_an_outage_does_not_keep_a_claim_from_being_broken_off(
    jobs_here: JobExecutor, jobs: Jobs
) -> None:
    jobs.failure = AWAY

    assert play(broken_off(jobs_here, jobs)) is True
