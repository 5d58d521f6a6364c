"""What every broker does with messages and dispositions while it runs."""

from threading import Thread

import pytest

from infra.broker.broker import Delivery, Prefetch
from infra.contract.states import Lane
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import Stage, eventually, job_id, messages


def test_what_is_published_is_delivered_on_its_lane(stage: Stage, consume: Consume) -> None:
    sent = [*messages(3), *messages(3, Lane.BULK)]
    stage.publisher().publish(sent)
    consumption = consume(stage)
    deliveries = [consumption.next() for _ in sent]
    assert {(job_id(d), d.lane) for d in deliveries} == {(m.job_id, m.lane) for m in sent}
    assert not any(delivery.redelivered for delivery in deliveries)


def test_a_lane_is_delivered_in_the_order_of_publication(stage: Stage, consume: Consume) -> None:
    sent = messages(20)
    stage.publisher().publish(sent)
    consumption = consume(stage)
    assert [consumption.next_id() for _ in sent] == [message.job_id for message in sent]


def test_a_large_batch_arrives_whole(stage: Stage, consume: Consume) -> None:
    sent = messages(1000)
    publisher = stage.publisher()
    publisher.publish(sent[:500])
    publisher.publish(sent[500:])
    consumption = consume(stage)
    assert {consumption.next_id() for _ in sent} == {message.job_id for message in sent}


def test_publishing_nothing_is_fine(stage: Stage) -> None:
    stage.publisher().publish([])


def test_each_lane_holds_no_more_than_its_prefetch(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish([*messages(9), *messages(9, Lane.BULK)])
    consumption = consume(stage, Prefetch(interactive=3, bulk=2))
    held = [consumption.next() for _ in range(5)]
    assert consumption.is_quiet()
    assert sorted(delivery.lane for delivery in held) == [Lane.BULK] * 2 + [Lane.INTERACTIVE] * 3
    bulk = next(delivery for delivery in held if delivery.lane is Lane.BULK)
    bulk.ack()
    assert consumption.next().lane is Lane.BULK
    assert consumption.is_quiet()


def test_a_lane_with_prefetch_nought_is_left_to_others(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish([*messages(1, Lane.BULK), *messages(1)])
    interactive_only = consume(stage, Prefetch(interactive=1, bulk=0))
    assert interactive_only.next().lane is Lane.INTERACTIVE
    assert interactive_only.is_quiet()
    assert consume(stage).next().lane is Lane.BULK


def test_an_acknowledgement_counts_from_any_thread(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish(messages(1))
    consumption = consume(stage)
    delivery = consumption.next()
    elsewhere = Thread(target=delivery.ack)
    elsewhere.start()
    elsewhere.join()
    consumption.close()
    assert consume(stage).is_quiet()


def test_only_the_first_verdict_counts(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish(messages(1))
    consumption = consume(stage)
    delivery = consumption.next()
    delivery.ack()
    delivery.ack()
    delivery.requeue()
    delivery.dead_letter()
    assert consumption.is_quiet()
    assert not stage.dead_letters()
    stage.publisher().publish(messages(1))
    assert not consumption.next().redelivered


def test_a_requeued_message_comes_again(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish(messages(1))
    consumption = consume(stage)
    first = consumption.next()
    first.requeue()
    second = consumption.next()
    assert (second.body, second.redelivered, second.lane) == (first.body, True, first.lane)


def test_a_dead_letter_is_kept_as_it_came(stage: Stage, consume: Consume) -> None:
    sent = messages(1, Lane.BULK)
    stage.publisher().publish(sent)
    consumption = consume(stage)
    consumption.next().dead_letter()
    assert eventually(lambda: list(stage.dead_letters()) == [sent[0].encode()])
    assert consumption.is_quiet()


def test_a_paused_consumer_takes_nothing_and_can_still_settle(
    stage: Stage, consume: Consume
) -> None:
    publisher = stage.publisher()
    publisher.publish(messages(1))
    consumption = consume(stage)
    running = consumption.next()
    consumption.consumer.pause()
    assert consumption.is_quiet()  # by now the pause has taken effect
    late = messages(1)
    publisher.publish(late)
    assert consumption.is_quiet()
    running.ack()
    consumption.consumer.resume()
    assert consumption.next_id() == late[0].job_id
    consumption.close()
    assert consume(stage).is_quiet()


def test_a_paused_consumer_leaves_the_rest_to_others(stage: Stage, consume: Consume) -> None:
    publisher = stage.publisher()
    paused = consume(stage)
    paused.consumer.pause()
    assert paused.is_quiet()
    sent = messages(5)
    publisher.publish(sent)
    other = consume(stage)
    assert {other.next_id() for _ in sent} == {message.job_id for message in sent}


def test_the_prefetch_holds_across_a_pause_in_mid_work(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish(messages(9))
    consumption = consume(stage, Prefetch(interactive=3, bulk=1))
    held = [consumption.next() for _ in range(3)]
    consumption.consumer.pause()
    assert consumption.is_quiet()
    held[0].ack()
    consumption.consumer.resume()
    held.append(consumption.next())
    assert consumption.is_quiet()
    for delivery in held[1:]:
        delivery.ack()
    assert len([consumption.next() for _ in range(3)]) == 3
    assert consumption.is_quiet()


def test_closing_gives_back_what_was_not_settled(stage: Stage, consume: Consume) -> None:
    sent = messages(3)
    stage.publisher().publish(sent)
    first = consume(stage)
    held = [first.next() for _ in sent]
    held[0].ack()
    first.close()
    second = consume(stage)
    again = [second.next() for _ in range(2)]
    assert {job_id(delivery) for delivery in again} == {message.job_id for message in sent[1:]}
    assert all(delivery.redelivered for delivery in again)
    assert second.is_quiet()


def test_a_verdict_right_before_the_end_still_counts(stage: Stage, consume: Consume) -> None:
    stage.publisher().publish(messages(1))
    consumer = stage.consumer(Prefetch(interactive=1, bulk=1))

    def acknowledge_and_close(delivery: Delivery) -> None:
        delivery.ack()
        consumer.close()

    consumer.run(acknowledge_and_close)
    assert consume(stage).is_quiet()


def test_no_number_of_restarts_makes_a_dead_letter(stage: Stage, consume: Consume) -> None:
    sent = messages(2)
    stage.publisher().publish(sent)
    for _ in range(30):
        consumption = consume(stage, Prefetch(interactive=2, bulk=1))
        assert {job_id(consumption.next()) for _ in sent} == {m.job_id for m in sent}
        consumption.close()
    survivor = consume(stage)
    assert {survivor.next_id() for _ in sent} == {message.job_id for message in sent}
    assert not stage.dead_letters()


def test_what_a_handler_raises_ends_the_run_and_loses_nothing(
    stage: Stage, consume: Consume
) -> None:
    class Broken(Exception):
        pass

    def handle(_delivery: object) -> None:
        raise Broken

    stage.publisher().publish(messages(1))
    with pytest.raises(Broken):
        stage.consumer(Prefetch(interactive=1, bulk=1)).run(handle)
    assert consume(stage).next().redelivered
