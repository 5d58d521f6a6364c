"""The broker's words and plain data, without any broker."""

from itertools import islice
from threading import Barrier, Thread

import pytest

from infra.broker.broker import Consumer, Delivery, Disposition, Prefetch, Publisher
from infra.broker.rabbitmq import RabbitConsumer, RabbitPublisher
from infra.broker.rabbitmq.consumer import delays
from infra.broker.topology import DELIVERY_LIMIT, Topology
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings
from tests.support.memory_broker import MemoryBroker


def test_one_of_many_simultaneous_verdicts_counts() -> None:
    given: list[Disposition] = []
    delivery = Delivery(Lane.BULK, b"", redelivered=False, settle=given.append)
    barrier = Barrier(8)

    def decide() -> None:
        barrier.wait()
        delivery.requeue()

    threads = [Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == [Disposition.REQUEUE]


def test_each_verdict_is_passed_on_as_given() -> None:
    given: list[Disposition] = []
    for decide in (Delivery.ack, Delivery.requeue, Delivery.dead_letter):
        decide(Delivery(Lane.BULK, b"", redelivered=False, settle=given.append))
    assert given == [Disposition.ACK, Disposition.REQUEUE, Disposition.DEAD_LETTER]


def test_a_negative_prefetch_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        Prefetch(interactive=8, bulk=-1)


def test_delays_grow_to_the_maximum_and_are_never_in_step() -> None:
    first = list(islice(delays(5), 12))
    assert 0.05 <= first[0] <= 0.1
    assert all(2.5 <= delay <= 5 for delay in first[-3:])
    assert first != list(islice(delays(5), 12))


def test_the_topology_is_named_after_its_prefix() -> None:
    topology = Topology("shop")
    assert [exchange.name for exchange in topology.exchanges] == ["shop.dead", "shop"]
    names = ["shop.dead", "shop.interactive", "shop.bulk"]
    assert [queue.name for queue in topology.queues] == names


def test_every_queue_is_a_quorum_queue_that_restarts_cannot_exhaust() -> None:
    for queue in Topology("shop").queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-delivery-limit"] == DELIVERY_LIMIT >= 1_000_000


def test_dead_lettering_of_both_lanes_is_at_least_once() -> None:
    topology = Topology("shop")
    for lane in Lane:
        arguments = topology.queue(lane).arguments
        assert arguments["x-dead-letter-exchange"] == topology.dead_queue.exchange
        assert arguments["x-dead-letter-strategy"] == "at-least-once"
        assert arguments["x-overflow"] == "reject-publish"


def test_building_the_clients_connects_to_nothing() -> None:
    settings = BrokerSettings(url="amqp://nowhere.invalid/")
    broker = MemoryBroker()
    width = Prefetch(interactive=1, bulk=1)
    publishers: list[Publisher] = [RabbitPublisher(settings), broker.publisher()]
    consumers: list[Consumer] = [RabbitConsumer(settings, width), broker.consumer(width)]
    for publisher in publishers:
        publisher.close()
    for consumer in consumers:
        consumer.close()
