"""A bucket of requests refills evenly, and the answers say when to come back."""

import pytest

from api.auth.limiter import limit_fields
from infra.rate_limit import MICROSECONDS, Allowance, Bucket


def take(bucket: Bucket, full_at: int, now: int) -> tuple[Allowance, int]:
    allowed, full_at = bucket.take(full_at, now)
    return bucket.allowance(allowed=allowed, full_in_microseconds=full_at - now), full_at


def test_a_bucket_gives_its_size_at_once_and_then_one_by_one() -> None:
    bucket, full_at, now = Bucket(6, 60), 0, 1000 * MICROSECONDS
    remaining = []
    for _ in range(6):
        allowance, full_at = take(bucket, full_at, now)
        assert allowance.allowed
        remaining.append(allowance.remaining)
    assert remaining == [5, 4, 3, 2, 1, 0]

    refused, full_at = take(bucket, full_at, now)
    assert not refused.allowed
    assert refused.retry_in_seconds == pytest.approx(10)

    refused, full_at = take(bucket, full_at, now + 9 * MICROSECONDS)
    assert not refused.allowed
    again, _ = take(bucket, full_at, now + 10 * MICROSECONDS)
    assert again.allowed


def test_refused_requests_do_not_make_the_wait_longer() -> None:
    bucket, now = Bucket(1, 60), 0
    _, full_at = take(bucket, 0, now)
    for _ in range(5):
        refused, full_at = take(bucket, full_at, now)
        assert refused.retry_in_seconds == pytest.approx(60)


def test_the_fields_name_the_policy_and_what_is_left() -> None:
    bucket = Bucket(6, 60)
    first, full_at = take(bucket, 0, 0)
    assert limit_fields(bucket, first) == {
        "RateLimit-Policy": '"default";q=6;w=60',
        "RateLimit": '"default";r=5;t=10',
    }
    for _ in range(5):
        _, full_at = take(bucket, full_at, 0)
    refused, _ = take(bucket, full_at, 500_000)
    fields = limit_fields(bucket, refused)
    assert (fields["RateLimit"], fields["Retry-After"]) == ('"default";r=0;t=60', "10")
