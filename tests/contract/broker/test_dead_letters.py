"""What every broker offers to a person who looks after dead letters."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from infra.broker.dead_letters import DeadLetter, DeadLetters
from infra.contract.errors import ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.contract.states import Lane
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import Consumption, Stage, eventually, job_id, messages


@pytest.fixture
def letters(stage: Stage) -> DeadLetters:
    return stage.letters()


def kill(stage: Stage, consumption: Consumption, *sent: JobMessage) -> None:
    """Publish messages and put them aside; they are dead letters afterwards."""
    before = stage.letters().peek(0).total
    stage.publisher().publish(sent)
    for _ in sent:
        consumption.next().dead_letter()
    assert eventually(lambda: stage.letters().peek(0).total == before + len(sent))


def bodies(letters: DeadLetters) -> list[bytes]:
    return [letter.death.body for letter in letters.peek(100).letters]


def ids(letters: DeadLetters) -> list[str]:
    return [letter.id for letter in letters.peek(100).letters]


def only(letters: DeadLetters) -> DeadLetter:
    (letter,) = letters.peek(100).letters
    return letter


def test_where_nothing_died_there_are_no_letters(letters: DeadLetters) -> None:
    listing = letters.peek(10)
    assert (list(listing.letters), listing.total) == ([], 0)


def test_a_letter_tells_what_died_where_when_and_why(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    (message,) = messages(1, Lane.BULK)
    kill(stage, consume(stage), message)
    death = only(letters).death
    assert (death.body, death.lane, death.job_id) == (message.encode(), Lane.BULK, message.job_id)
    assert (death.reason, death.times) == ("rejected", 1)
    assert death.died_at is not None
    assert abs(datetime.now(UTC) - death.died_at) < timedelta(minutes=1)


def test_bytes_that_are_no_message_are_shown_as_they_are(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    stage.bury(b"\xff\x00 not ours", Lane.INTERACTIVE)
    assert eventually(lambda: letters.peek(0).total == 1)
    death = only(letters).death
    assert (death.body, death.job_id) == (b"\xff\x00 not ours", None)


def test_looking_leaves_every_letter_where_it_is(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    sent = messages(30)
    kill(stage, consume(stage), *sent)
    first = letters.peek(100)
    assert letters.peek(7).letters == first.letters[:7]
    assert letters.find(first.letters[11].id) == first.letters[11]
    again = letters.peek(100)
    assert {letter.id for letter in again.letters} == {letter.id for letter in first.letters}
    assert {letter.death.body for letter in again.letters} == {m.encode() for m in sent}


def test_looking_at_all_keeps_their_order(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    sent = messages(30)
    kill(stage, consume(stage), *sent)
    for _ in range(3):
        assert bodies(letters) == [message.encode() for message in sent]


def test_a_limit_shows_the_oldest_and_still_counts_all(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    sent = messages(5)
    kill(stage, consume(stage), *sent)
    for _ in range(3):
        listing = letters.peek(2)
        assert [letter.death.body for letter in listing.letters] == [m.encode() for m in sent[:2]]
        assert listing.total == 5


def test_letters_that_are_alike_have_different_ids(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    (message,) = messages(1)
    kill(stage, consume(stage), *[message] * 4)
    names = ids(letters)
    assert len(set(names)) == 4
    assert letters.purge(names[:1]).done == names[:1]
    assert bodies(letters) == [message.encode()] * 3


def test_an_id_stays_with_its_letter_while_others_come_and_go(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    consumption = consume(stage)
    old, kept = messages(2)
    kill(stage, consumption, old, kept)
    gone, wanted = ids(letters)
    letters.purge([gone])
    kill(stage, consumption, *messages(1))
    found = letters.find(wanted)
    assert found is not None
    assert found.death.body == kept.encode()
    assert letters.find(gone) is None


def test_a_replayed_letter_is_delivered_on_its_lane_and_is_a_letter_no_more(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    (message,) = messages(1, Lane.BULK)
    consumption = consume(stage)
    kill(stage, consumption, message)
    (name,) = ids(letters)
    assert list(letters.replay([name]).done) == [name]
    delivery = consumption.next()
    assert (delivery.body, delivery.lane) == (message.encode(), Lane.BULK)
    delivery.ack()
    assert letters.peek(10).total == 0


def test_only_the_chosen_letters_are_replayed(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    sent = messages(4)
    consumption = consume(stage)
    kill(stage, consumption, *sent)
    first, second, _, _ = ids(letters)
    handled = letters.replay([second, first, second])
    assert (set(handled.done), list(handled.missing)) == ({first, second}, [])
    assert {consumption.next_id() for _ in range(2)} == {m.job_id for m in sent[:2]}
    assert consumption.is_quiet()
    assert bodies(letters) == [m.encode() for m in sent[2:]]


def test_a_letter_that_dies_again_counts_its_deaths_and_has_a_new_id(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    (message,) = messages(1)
    consumption = consume(stage)
    kill(stage, consumption, message)
    for times in (2, 3):
        before = only(letters).id
        letters.replay([before])
        consumption.next().dead_letter()
        assert eventually(lambda: letters.peek(0).total == 1)
        again = only(letters)
        assert (again.death.times, again.death.body) == (times, message.encode())
        assert again.id != before


def test_a_letter_of_no_known_lane_stays_when_it_is_to_be_replayed(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    stage.bury(b"from elsewhere", None)
    kill(stage, consume(stage), *messages(1))
    stranger, ours = letters.peek(10).letters
    handled = letters.replay([stranger.id, ours.id])
    assert (list(handled.done), list(handled.kept)) == ([ours.id], [stranger.id])
    assert stranger.death.lane is None
    assert bodies(letters) == [b"from elsewhere"]
    assert list(letters.purge([stranger.id]).done) == [stranger.id]
    assert bodies(letters) == []


def test_a_purged_letter_is_gone_and_delivered_to_nobody(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    consumption = consume(stage)
    kill(stage, consumption, *messages(3))
    first, second, third = ids(letters)
    assert set(letters.purge([first, third]).done) == {first, third}
    assert ids(letters) == [second]
    assert consumption.is_quiet()


def test_an_unknown_id_is_reported_and_touches_nothing(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    kill(stage, consume(stage), *messages(1))
    assert letters.find("0" * 12) is None
    for act in (letters.replay, letters.purge):
        handled = act(["0" * 12])
        assert (list(handled.done), list(handled.missing)) == ([], ["0" * 12])
    assert letters.peek(10).total == 1


def test_nothing_asked_for_is_nothing_done(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    kill(stage, consume(stage), *messages(1))
    letters.purge([])
    letters.replay([])
    assert letters.peek(10).total == 1


def test_letters_survive_a_restart_under_the_same_ids_and_others_join_them(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    consumption = consume(stage)
    kill(stage, consumption, *messages(3))
    before = ids(letters)
    stage.stop()
    with pytest.raises(ServiceUnavailable):
        letters.peek(10)
    stage.start()
    assert ids(letters) == before
    kill(stage, consumption, *messages(1), *messages(1, Lane.BULK))
    assert ids(letters)[:3] == before
    assert letters.peek(10).total == 5


def test_the_job_of_a_message_of_another_version_is_still_named(
    stage: Stage, letters: DeadLetters
) -> None:
    wanted = uuid4()
    stage.bury(b'{"version": 99, "job_id": "%s"}' % str(wanted).encode(), Lane.BULK)
    assert only(letters).death.job_id == wanted


def test_what_a_replay_publishes_is_a_delivery_like_any_other(
    stage: Stage, letters: DeadLetters, consume: Consume
) -> None:
    (message,) = messages(1)
    consumption = consume(stage)
    kill(stage, consumption, message)
    letters.replay(ids(letters))
    first = consumption.next()
    first.requeue()
    assert job_id(consumption.next()) == message.job_id
