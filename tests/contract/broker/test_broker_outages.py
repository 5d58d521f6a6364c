"""What every broker does for its clients when it goes away and comes back."""

from threading import Event, Thread
from uuid import UUID

import pytest

from infra.broker.broker import Publisher
from infra.contract.errors import ErrorCode, ServiceUnavailable
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import Stage, eventually, job_id, messages


def test_messages_survive_an_outage_in_which_publishers_fail_and_consumers_wait(
    stage: Stage, consume: Consume
) -> None:
    publisher = stage.publisher()
    sent = messages(10)
    publisher.publish(sent)
    stage.stop()
    for _ in range(3):
        publisher.pump()
        with pytest.raises(ServiceUnavailable) as caught:
            publisher.publish(messages(5))
        assert caught.value.code == ErrorCode.BROKER_UNAVAILABLE
    patient, given_up = consume(stage), consume(stage)
    assert patient.is_quiet()
    given_up.close()
    stage.start()
    sent += (later := messages(1))
    publisher.publish(later)
    assert {patient.next_id() for _ in sent} == {message.job_id for message in sent}


class Flood:
    """Publishes batch after batch in a thread, and remembers which ones were confirmed."""

    def __init__(self, publisher: Publisher) -> None:
        self.confirmed: set[UUID] = set()
        self.failures = 0
        self._publisher = publisher
        self._enough = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._enough.is_set():
            batch = messages(20)
            try:
                self._publisher.publish(batch)
            except ServiceUnavailable:
                self.failures += 1
            else:
                self.confirmed.update(message.job_id for message in batch)
            self._enough.wait(0.01)
        self._publisher.close()


def test_a_restart_in_mid_publish_loses_nothing_that_was_confirmed(
    stage: Stage, consume: Consume
) -> None:
    flood = Flood(stage.publisher())
    assert eventually(lambda: bool(flood.confirmed))
    stage.stop()
    assert eventually(lambda: flood.failures > 0)
    before = len(flood.confirmed)
    stage.start()
    assert eventually(lambda: len(flood.confirmed) > before)
    flood.end()
    consumption = consume(stage)
    missing = set(flood.confirmed)
    while missing:
        missing.discard(consumption.next_id())


def test_a_restart_in_mid_consume_redelivers_and_ignores_stale_verdicts(
    stage: Stage, consume: Consume
) -> None:
    sent = messages(3)
    publisher = stage.publisher()
    publisher.publish(sent)
    consumption = consume(stage)
    stale = [consumption.next() for _ in sent]
    stale[0].ack()  # in time, or lost with the connection: both are fine
    stage.stop()
    for delivery in stale:
        delivery.ack()
    stage.start()
    stale_ids = {job_id(delivery) for delivery in stale[1:]}
    seen: set[UUID] = set()
    while not stale_ids <= seen:
        delivery = consumption.next()
        assert delivery.redelivered
        seen.add(job_id(delivery))
        stale[1].ack()
    late = messages(1)
    publisher.publish(late)
    assert consumption.next_id() == late[0].job_id
    consumption.close()
    successor = consume(stage)
    assert {job_id(successor.next()) for _ in seen} == seen
