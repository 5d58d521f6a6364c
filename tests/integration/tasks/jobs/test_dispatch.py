"""Committed jobs reach the broker once, and are marked only when it has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from infra.broker.broker import Publisher
from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.contract.states import Lane
from infra.db.engine import Database
from infra.settings.sections import DispatchSettings
from tasks.jobs.dispatch import dispatch_all, dispatch_due, forget_lost_dispatches
from tests.integration.tasks.job_rows import at_once, change, claimed, finished, job_row, submitted
from tests.support.memory_broker import MemoryBroker

SETTINGS = DispatchSettings(batch_size=3, lost_after_seconds=3600)


@dataclass
class Witness:
    """A publisher that remembers what it published; `meanwhile` runs before the broker has it."""

    behind: Publisher = field(default_factory=lambda: MemoryBroker().publisher())
    meanwhile: Callable[[], object] = lambda: None
    published: list[JobMessage] = field(default_factory=list)

    def publish(self, messages: Sequence[JobMessage]) -> None:
        self.meanwhile()
        self.behind.publish(messages)
        self.published.extend(messages)

    def pump(self) -> None:
        self.behind.pump()

    def close(self) -> None:
        self.behind.close()


def test_a_committed_job_is_published_once_on_its_lane(database: Database) -> None:
    quick = submitted(database, "a").job_id
    slow = submitted(database, "b", lane=Lane.BULK).job_id
    witness = Witness()

    counts = [dispatch_due(database, witness, SETTINGS) for _ in range(2)]

    assert counts == [2, 0]
    assert witness.published == [JobMessage(quick), JobMessage(slow, Lane.BULK)]
    assert job_row(database, quick).dispatched_at is not None


def test_nothing_is_published_when_nothing_is_due(database: Database) -> None:
    witness = Witness()

    assert dispatch_due(database, witness, SETTINGS) == 0
    assert witness.published == []


def test_a_job_that_started_or_ended_needs_no_message(database: Database) -> None:
    finished(database, "a")
    claimed(database, submitted(database, "b").job_id)

    assert dispatch_due(database, Witness(), SETTINGS) == 0


def test_batches_follow_each_other_oldest_first(database: Database) -> None:
    jobs = [submitted(database, f"p{n}").job_id for n in range(7)]
    witness = Witness()

    assert dispatch_due(database, witness, SETTINGS) == 3
    assert dispatch_all(database, witness, SETTINGS) == 4
    assert [message.job_id for message in witness.published] == jobs


def test_a_job_is_marked_only_after_the_broker_has_it(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    seen = []
    witness = Witness(meanwhile=lambda: seen.append(job_row(database, job_id).dispatched_at))

    dispatch_due(database, witness, SETTINGS)

    assert seen == [None]
    assert job_row(database, job_id).dispatched_at is not None


def test_during_an_outage_of_the_broker_jobs_stay_undispatched(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    broker = MemoryBroker()
    broker.stop()

    with pytest.raises(ServiceUnavailable) as outage:
        dispatch_due(database, broker.publisher(), SETTINGS)
    assert outage.value.code == ErrorCode.BROKER_UNAVAILABLE
    assert job_row(database, job_id).dispatched_at is None

    broker.start()
    assert dispatch_due(database, broker.publisher(), SETTINGS) == 1
    assert broker.waiting(Lane.INTERACTIVE) == 1


def test_a_second_dispatcher_leaves_alone_what_the_first_is_publishing(database: Database) -> None:
    submitted(database, "a")
    second = Witness()
    counts: list[int] = []
    first = Witness(meanwhile=lambda: counts.append(dispatch_due(database, second, SETTINGS)))

    assert dispatch_due(database, first, SETTINGS) == 1
    assert counts == [0]
    assert second.published == []


def test_many_dispatchers_together_publish_every_job_once(database: Database) -> None:
    jobs = {submitted(database, f"p{n}").job_id for n in range(30)}
    witnesses = [Witness() for _ in range(6)]

    at_once(
        [lambda each=each: dispatch_all(database, each, SETTINGS) for each in witnesses]  # type: ignore[misc]  # mypy does not infer the default's type
    )
    rest = Witness()
    dispatch_all(database, rest, SETTINGS)

    published = [m.job_id for witness in (*witnesses, rest) for m in witness.published]
    assert len(published) == len(jobs)
    assert set(published) == jobs


def test_a_parked_job_is_published_when_its_time_has_come(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    change(database, job_id, "not_before = now() + interval '1 hour'")
    assert dispatch_due(database, Witness(), SETTINGS) == 0

    change(database, job_id, "not_before = now() - interval '1 second'")
    assert dispatch_due(database, Witness(), SETTINGS) == 1


def test_a_dispatch_that_seems_lost_is_done_again(database: Database) -> None:
    lost, recent, running = (submitted(database, name).job_id for name in ("a", "b", "c"))
    dispatch_due(database, Witness(), SETTINGS)
    claimed(database, running)
    for job_id in (lost, running):
        change(database, job_id, "dispatched_at = now() - interval '2 hours'")

    assert forget_lost_dispatches(database, SETTINGS) == 1

    witness = Witness()
    dispatch_all(database, witness, SETTINGS)
    assert [message.job_id for message in witness.published] == [lost]
    assert job_row(database, recent).dispatched_at is not None
