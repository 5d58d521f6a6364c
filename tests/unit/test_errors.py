"""The error tree: errors cross process borders whole and say whether another try may help."""

import pickle

import pytest

from infra.contract import errors
from infra.contract.errors import (
    Conflict,
    ErrorCode,
    FetchFailed,
    FetchRefused,
    HostBusy,
    ImageRefused,
    LostClaim,
    PermanentError,
    PixelsFailed,
    ProductImagesError,
    QueueFull,
    Rejected,
    ServiceUnavailable,
    Stopped,
    TransientError,
)

SENTENCE = "The supplier's server answered with 503."

SAMPLES = [
    ProductImagesError(ErrorCode.INTERNAL_ERROR, SENTENCE),
    Stopped(ErrorCode.CANCELLED, SENTENCE),
    PermanentError(ErrorCode.CANCELLED, SENTENCE),
    FetchRefused(ErrorCode.BLOCKED_ADDRESS, SENTENCE),
    ImageRefused(ErrorCode.TOO_MANY_PIXELS, SENTENCE),
    Rejected(422, ErrorCode.INVALID_URL, SENTENCE),
    LostClaim(ErrorCode.LOST_CLAIM, SENTENCE),
    TransientError(ErrorCode.GAVE_UP, SENTENCE),
    QueueFull(ErrorCode.QUEUE_FULL, SENTENCE, 10),
    FetchFailed("http_503", SENTENCE, retry_after_seconds=120),
    HostBusy("shop.example:443", SENTENCE, 2.5),
    PixelsFailed(ErrorCode.DECODER_CRASHED, SENTENCE),
    ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, SENTENCE, retry_after_seconds=1.5),
    Conflict(ErrorCode.DATABASE_CONFLICT, SENTENCE, retry_after_seconds=1),
]

Kinds = set[type[ProductImagesError]]

PERMANENT: Kinds = {PermanentError, FetchRefused, ImageRefused, Rejected, LostClaim}
TRANSIENT: Kinds = {
    TransientError,
    FetchFailed,
    HostBusy,
    QueueFull,
    PixelsFailed,
    ServiceUnavailable,
    Conflict,
}


def _tree(root: type[ProductImagesError]) -> Kinds:
    below = [_tree(kind) for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return {root}.union(*below)


def _name(error: ProductImagesError) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", SAMPLES, ids=_name)
def test_an_error_survives_pickle_with_all_its_fields(error: ProductImagesError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert copy.args == error.args
    assert str(copy) == str(error)


def test_every_error_has_a_sample() -> None:
    assert {type(error) for error in SAMPLES} == _tree(ProductImagesError)


def test_the_tree_has_two_branches_and_only_one_may_be_retried() -> None:
    assert _tree(PermanentError) == PERMANENT
    assert _tree(TransientError) == TRANSIENT
    assert not any(kind.retryable for kind in PERMANENT)
    assert all(kind.retryable for kind in TRANSIENT)


def test_a_stop_is_on_neither_branch_because_it_says_nothing_about_the_work() -> None:
    assert _tree(ProductImagesError) - PERMANENT - TRANSIENT == {ProductImagesError, Stopped}
    assert not Stopped.retryable


def test_a_delay_that_the_other_side_named_is_kept() -> None:
    named = FetchFailed("http_429", SENTENCE, retry_after_seconds=30)
    assert named.retry_after_seconds == 30
    assert FetchFailed("http_429", SENTENCE).retry_after_seconds is None


def test_a_rejection_carries_the_status_of_its_answer() -> None:
    assert Rejected(404, ErrorCode.NOT_FOUND, SENTENCE).status == 404


@pytest.mark.parametrize("error", SAMPLES, ids=_name)
def test_a_code_is_a_plain_string(error: ProductImagesError) -> None:
    assert type(error.code) is str
    assert str(error) == f"{SENTENCE} ({error.code})"


@pytest.mark.parametrize("code", ErrorCode)
def test_the_text_of_a_code_is_its_name(code: ErrorCode) -> None:
    assert code.value == code.name.lower()
