"""The retry table: how often each step is tried, and how long it waits in between."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from flows.runs import retries
from flows.runs.retries import RETRIES, Step, with_retries
from infra.contract.errors import (
    ErrorCode,
    FetchFailed,
    FetchRefused,
    ImageRefused,
    LostClaim,
    PixelsFailed,
    ServiceUnavailable,
    TransientError,
)

FAILED = FetchFailed("http_503", "The supplier answers with 503.")
TRIES = {Step.FETCH: 3, Step.COMPRESS: 2, Step.STORE: 4, Step.RECORD: 4}
LONGEST_TOTAL_SECONDS = 30


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were slept, in order; nobody really sleeps."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    # Only the module under test: other threads (Prefect's) sleep too.
    monkeypatch.setattr(retries, "asyncio", SimpleNamespace(sleep=sleep))
    return slept


@dataclass
class Work:
    """Fails with each error once, then succeeds."""

    errors: list[Exception]
    tries: int = 0
    answer_of: list[tuple[TransientError, int, float]] = field(default_factory=list)

    async def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def tell(self, error: TransientError, attempt: int, seconds: float) -> None:
        self.answer_of.append((error, attempt, seconds))


def run(step: Step, work: Work) -> str:
    async def with_table() -> str:
        return await with_retries(step, work, work.tell)

    return asyncio.run(with_table())


def test_work_that_succeeds_is_done_once_without_waiting(waits: list[float]) -> None:
    work = Work([])

    assert run(Step.FETCH, work) == "done"
    assert (work.tries, waits, work.answer_of) == (1, [], [])


@pytest.mark.parametrize("step", Step)
def test_a_step_that_always_fails_is_tried_as_often_as_the_table_says(
    step: Step, waits: list[float]
) -> None:
    work = Work([FAILED] * 9)

    with pytest.raises(FetchFailed) as failure:
        run(step, work)

    assert failure.value is FAILED
    assert work.tries == TRIES[step]
    assert tuple(waits) == RETRIES[step].delays_seconds
    assert [attempt for _, attempt, _ in work.answer_of] == list(range(1, TRIES[step]))


@pytest.mark.parametrize("step", Step)
def test_a_step_whose_last_try_succeeds_has_succeeded(step: Step, waits: list[float]) -> None:
    work = Work([FAILED] * (TRIES[step] - 1))

    assert run(step, work) == "done"
    assert len(waits) == TRIES[step] - 1


@pytest.mark.parametrize("kind", [FetchRefused, ImageRefused, LostClaim])
@pytest.mark.parametrize("step", Step)
def test_a_permanent_error_is_never_retried(
    step: Step, kind: type[Exception], waits: list[float]
) -> None:
    work = Work([kind(ErrorCode.CORRUPT, "It stays so.")])

    with pytest.raises(kind):
        run(step, work)
    assert (work.tries, waits, work.answer_of) == (1, [], [])


def test_a_programming_error_is_never_retried(waits: list[float]) -> None:
    work = Work([KeyError("x")])

    with pytest.raises(KeyError):
        run(Step.STORE, work)
    assert work.tries == 1


@pytest.mark.parametrize(
    "error",
    [
        PixelsFailed(ErrorCode.DECODER_CRASHED, "It died."),
        ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, "It is away."),
    ],
)
def test_every_transient_error_is_retried(error: TransientError, waits: list[float]) -> None:
    work = Work([error])

    assert run(Step.COMPRESS, work) == "done"
    assert work.answer_of == [(error, 1, waits[0])]


def test_a_longer_delay_that_the_other_side_named_is_honoured(waits: list[float]) -> None:
    work = Work(
        [
            FetchFailed("http_429", "Slow down.", retry_after_seconds=7),
            FetchFailed("http_429", "Slow down.", retry_after_seconds=0.1),
        ]
    )

    assert run(Step.FETCH, work) == "done"
    assert waits == [7, RETRIES[Step.FETCH].delays_seconds[1]]


@pytest.mark.parametrize("step", Step)
def test_a_delay_beyond_the_limit_fails_at_once(step: Step, waits: list[float]) -> None:
    limit = RETRIES[step].longest_wait_seconds
    work = Work([FetchFailed("http_429", "Slow down.", retry_after_seconds=limit + 1)])

    with pytest.raises(FetchFailed):
        run(step, work)
    assert (work.tries, waits, work.answer_of) == (1, [], [])


def test_a_delay_at_the_limit_is_waited_for(waits: list[float]) -> None:
    limit = RETRIES[Step.FETCH].longest_wait_seconds
    work = Work([FetchFailed("http_429", "Slow down.", retry_after_seconds=limit)])

    assert run(Step.FETCH, work) == "done"
    assert waits == [limit]


def test_the_table_names_every_step_and_keeps_its_waits_short() -> None:
    assert set(RETRIES) == set(Step)
    total = sum(sum(policy.delays_seconds) for policy in RETRIES.values())
    assert total <= LONGEST_TOTAL_SECONDS
    assert list(Step) == ["fetch", "compress", "store", "record"]


def test_a_cancelled_step_stops_waiting() -> None:
    started = asyncio.Event()

    async def fail() -> str:
        started.set()
        raise FAILED

    async def scenario(work: Callable[[], Awaitable[str]]) -> None:
        task = asyncio.create_task(_keep_trying(work))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(scenario(fail), timeout=5))


async def _keep_trying(work: Callable[[], Awaitable[str]]) -> str:
    return await with_retries(Step.FETCH, work, lambda *_: None)
