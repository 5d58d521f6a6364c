"""Dead letters as a person looks after them, also when something dies in the middle."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pika  # type: ignore[import-untyped]  # pika ships no types
import pytest

from infra.broker.broker import Prefetch
from infra.broker.rabbitmq import DeadLetter, DeadLetters, open_dead_letters
from infra.contract.errors import ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings
from infra.stack.ports import free_port
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import Consumption, RabbitStage, eventually, job_id, messages

# Takes the letters, says so, and waits for its end.
_VISITOR = """
import sys
from infra.broker.rabbitmq import open_dead_letters
from infra.settings.sections import BrokerSettings

settings = BrokerSettings(url=sys.argv[1], queue_prefix=sys.argv[2])
with open_dead_letters(settings) as visit:
    print(len(visit.letters()), flush=True)
    sys.stdin.read()
"""

# Replays all letters, and says so after each.
_REPLAYER = """
import sys
from infra.broker.rabbitmq import open_dead_letters
from infra.settings.sections import BrokerSettings

settings = BrokerSettings(url=sys.argv[1], queue_prefix=sys.argv[2])
with open_dead_letters(settings) as visit:
    for letter in visit.letters():
        visit.replay(letter, letter.lane)
        print(letter.id, flush=True)
"""


class Crash(Exception):
    """The end of the process, as far as the broker can tell."""


def visitor(rabbit: RabbitStage, program: str) -> subprocess.Popen[bytes]:
    """Start a process that visits the letters."""
    arguments = (rabbit.settings.url, rabbit.settings.queue_prefix)
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def put_aside(rabbit: RabbitStage, *bodies: bytes, lane: Lane | None = Lane.INTERACTIVE) -> None:
    """Make dead letters of bodies."""
    before = rabbit.count_letters()
    for body in bodies:
        rabbit.bury(body, lane)
    assert eventually(lambda: rabbit.count_letters() == before + len(bodies))


def kill(rabbit: RabbitStage, consumption: Consumption, *sent: JobMessage) -> None:
    """Publish messages and put them aside; they are dead letters afterwards."""
    before = rabbit.count_letters()
    rabbit.publisher().publish(sent)
    for _ in sent:
        consumption.next().dead_letter()
    assert eventually(lambda: rabbit.count_letters() == before + len(sent))


def bodies(rabbit: RabbitStage) -> list[bytes]:
    return [letter.body for letter in rabbit.letters()]


def ids(rabbit: RabbitStage) -> list[str]:
    return [letter.id for letter in rabbit.letters()]


def only(rabbit: RabbitStage) -> DeadLetter:
    (letter,) = rabbit.letters()
    return letter


def test_where_nothing_died_there_are_no_letters(rabbit: RabbitStage) -> None:
    assert (rabbit.letters(), rabbit.count_letters()) == ([], 0)


def test_a_letter_tells_what_died_where_when_and_why(rabbit: RabbitStage, consume: Consume) -> None:
    (message,) = messages(1, Lane.BULK)
    kill(rabbit, consume(rabbit), message)
    letter = only(rabbit)
    assert (letter.body, letter.lane) == (message.encode(), Lane.BULK)
    assert letter.named("job_id") == str(message.job_id)
    assert (letter.reason, letter.times) == ("rejected", 1)
    assert letter.died_at is not None
    assert abs(datetime.now(UTC) - letter.died_at) < timedelta(minutes=1)


def test_bytes_that_are_no_message_are_shown_as_they_are(rabbit: RabbitStage) -> None:
    put_aside(rabbit, b"\xff\x00 not ours")
    letter = only(rabbit)
    assert (letter.body, letter.named("job_id")) == (b"\xff\x00 not ours", None)


def test_the_job_of_a_message_of_another_version_is_still_named(rabbit: RabbitStage) -> None:
    wanted = str(uuid4())
    put_aside(rabbit, b'{"version": 99, "job_id": "%s"}' % wanted.encode())
    assert only(rabbit).named("job_id") == wanted


def test_looking_leaves_every_letter_where_it_is_and_the_oldest_first(
    rabbit: RabbitStage, consume: Consume
) -> None:
    sent = messages(30)
    kill(rabbit, consume(rabbit), *sent)
    first = rabbit.letters()
    assert [letter.body for letter in first] == [message.encode() for message in sent]
    for _ in range(3):
        assert rabbit.letters() == first


def test_letters_that_are_alike_have_different_ids(rabbit: RabbitStage, consume: Consume) -> None:
    (message,) = messages(1)
    kill(rabbit, consume(rabbit), *[message] * 4)
    names = ids(rabbit)
    assert len(set(names)) == 4
    rabbit.purge(names[0])
    assert bodies(rabbit) == [message.encode()] * 3


def test_an_id_stays_with_its_letter_while_others_come_and_go(
    rabbit: RabbitStage, consume: Consume
) -> None:
    consumption = consume(rabbit)
    old, kept = messages(2)
    kill(rabbit, consumption, old, kept)
    gone, wanted = ids(rabbit)
    rabbit.purge(gone)
    kill(rabbit, consumption, *messages(1))
    left = {letter.id: letter.body for letter in rabbit.letters()}
    assert left[wanted] == kept.encode()
    assert gone not in left


def test_a_replayed_letter_is_delivered_on_its_lane_and_is_a_letter_no_more(
    rabbit: RabbitStage, consume: Consume
) -> None:
    (message,) = messages(1, Lane.BULK)
    consumption = consume(rabbit)
    kill(rabbit, consumption, message)
    rabbit.replay(*ids(rabbit))
    delivery = consumption.next()
    assert (delivery.body, delivery.lane) == (message.encode(), Lane.BULK)
    delivery.ack()
    assert rabbit.count_letters() == 0


def test_only_the_chosen_letters_are_replayed(rabbit: RabbitStage, consume: Consume) -> None:
    sent = messages(4)
    consumption = consume(rabbit)
    kill(rabbit, consumption, *sent)
    rabbit.replay(*ids(rabbit)[:2])
    assert {consumption.next_id() for _ in range(2)} == {m.job_id for m in sent[:2]}
    assert consumption.is_quiet()
    assert bodies(rabbit) == [m.encode() for m in sent[2:]]


def test_a_letter_that_dies_again_counts_its_deaths_and_has_a_new_id(
    rabbit: RabbitStage, consume: Consume
) -> None:
    (message,) = messages(1)
    consumption = consume(rabbit)
    kill(rabbit, consumption, message)
    for times in (2, 3):
        before = only(rabbit).id
        rabbit.replay(before)
        consumption.next().dead_letter()
        assert eventually(lambda: rabbit.count_letters() == 1)
        again = only(rabbit)
        assert (again.times, again.body) == (times, message.encode())
        assert again.id != before


def test_a_letter_of_no_known_lane_has_none_and_can_be_purged(rabbit: RabbitStage) -> None:
    put_aside(rabbit, b"from elsewhere", lane=None)
    stranger = only(rabbit)
    assert stranger.lane is None
    rabbit.purge(stranger.id)
    assert bodies(rabbit) == []


def test_a_purged_letter_is_gone_and_delivered_to_nobody(
    rabbit: RabbitStage, consume: Consume
) -> None:
    consumption = consume(rabbit)
    kill(rabbit, consumption, *messages(3))
    first, second, third = ids(rabbit)
    rabbit.purge(first, third)
    assert ids(rabbit) == [second]
    assert consumption.is_quiet()


def test_letters_survive_a_restart_under_the_same_ids_and_others_join_them(
    rabbit: RabbitStage, consume: Consume
) -> None:
    consumption = consume(rabbit)
    kill(rabbit, consumption, *messages(3))
    before = ids(rabbit)
    rabbit.stop()
    with pytest.raises(ServiceUnavailable):
        rabbit.letters()
    rabbit.start()
    assert ids(rabbit) == before
    kill(rabbit, consumption, *messages(1), *messages(1, Lane.BULK))
    assert ids(rabbit)[:3] == before
    assert rabbit.count_letters() == 5


def test_what_a_replay_publishes_is_a_delivery_like_any_other(
    rabbit: RabbitStage, consume: Consume
) -> None:
    (message,) = messages(1)
    consumption = consume(rabbit)
    kill(rabbit, consumption, message)
    rabbit.replay(*ids(rabbit))
    first = consumption.next()
    first.requeue()
    assert job_id(consumption.next()) == message.job_id


def test_a_visitor_that_is_killed_takes_no_letter_with_it(rabbit: RabbitStage) -> None:
    put_aside(rabbit, b"one", b"two", b"three")
    before = ids(rabbit)
    visiting = visitor(rabbit, _VISITOR)
    try:
        assert visiting.stdout is not None
        assert visiting.stdout.readline() == b"3\n"
        assert rabbit.count_letters() == 0
    finally:
        visiting.kill()
        visiting.communicate()
    assert eventually(lambda: rabbit.count_letters() == 3)
    assert set(ids(rabbit)) == set(before)


def test_a_replay_that_is_killed_in_the_middle_loses_no_letter(
    rabbit: RabbitStage, consume: Consume
) -> None:
    sent = messages(200)
    burying = consume(rabbit)
    kill(rabbit, burying, *sent)
    burying.close()
    replaying = visitor(rabbit, _REPLAYER)
    try:
        assert replaying.stdout is not None
        replayed = [replaying.stdout.readline() for _ in range(20)]
    finally:
        replaying.kill()
        replaying.communicate()
    assert all(replayed)

    lane = rabbit.topology.queue(Lane.INTERACTIVE).name

    def waiting(channel: Any) -> int:
        return int(channel.queue_declare(lane, passive=True).method.message_count)

    assert eventually(lambda: rabbit.count_letters() + rabbit.operate(waiting) >= len(sent))
    count = rabbit.operate(waiting)
    consumption = consume(rabbit, Prefetch(interactive=count, bulk=1))
    copies = {consumption.next().body for _ in range(count)}
    assert 20 <= len(copies) < len(sent)
    assert {*copies, *bodies(rabbit)} == {message.encode() for message in sent}


def test_a_crash_between_publishing_and_removing_leaves_the_letter_beside_its_copy(
    rabbit: RabbitStage, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = messages(1)
    put_aside(rabbit, message.encode())
    names = ids(rabbit)

    def crash(self: DeadLetters, letter: DeadLetter) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(DeadLetters, "remove", crash)
        with pytest.raises(Crash):
            rabbit.replay(*names)
    consumption = consume(rabbit)
    assert consumption.next_id() == message.job_id
    assert eventually(lambda: rabbit.count_letters() == 1)
    rabbit.replay(*names)
    assert consumption.next_id() == message.job_id
    assert rabbit.count_letters() == 0


def test_a_letter_whose_lane_refuses_it_stays(rabbit: RabbitStage) -> None:
    put_aside(rabbit, b"one", b"two", b"three")
    names = ids(rabbit)
    with rabbit.full_lane(), pytest.raises(ServiceUnavailable, match="refused"):
        rabbit.replay(*names)
    assert eventually(lambda: 0 < rabbit.count_letters() < 3)
    rabbit.replay(*names)
    assert rabbit.count_letters() == 0


def test_a_replayed_body_is_stored_on_disk_with_the_sender_s_own_properties(
    rabbit: RabbitStage,
) -> None:
    put_aside(rabbit, b"plain")

    def bury_with_properties(channel: Any) -> None:
        properties = pika.BasicProperties(
            content_type="application/json", message_id="m1", headers={"tenant": "t", "x-own": 1}
        )
        exchange = rabbit.topology.dead_exchange.name
        channel.basic_publish(exchange, str(Lane.BULK), b"rich", properties)

    rabbit.operate(bury_with_properties)
    assert eventually(lambda: rabbit.count_letters() == 2)
    rabbit.replay(*(letter.id for letter in rabbit.letters() if letter.body == b"rich"))
    queue = rabbit.topology.queue(Lane.BULK).name
    _, properties, body = rabbit.operate(lambda channel: channel.basic_get(queue))
    assert (body, properties.content_type, properties.message_id) == (
        b"rich",
        "application/json",
        "m1",
    )
    assert properties.delivery_mode == 2
    assert properties.headers["tenant"] == "t"
    assert "x-own" not in properties.headers


def test_hundreds_of_letters_are_replayed_and_none_is_lost(
    rabbit: RabbitStage, consume: Consume
) -> None:
    sent = messages(300)
    consumption = consume(rabbit)
    kill(rabbit, consumption, *sent)
    rabbit.replay(*ids(rabbit))
    assert {consumption.next_id() for _ in sent} == {message.job_id for message in sent}
    assert rabbit.count_letters() == 0


def test_without_a_broker_a_visit_says_so() -> None:
    settings = BrokerSettings(url=f"amqp://guest:guest@127.0.0.1:{free_port()}/")
    with pytest.raises(ServiceUnavailable, match="RabbitMQ"), open_dead_letters(settings):
        pass
