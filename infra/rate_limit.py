"""How much of a rate limit a caller has used: a bucket that refills evenly.

Kept as one number, the time at which the bucket will be full again (the generic cell rate
algorithm). Knows neither who is limited nor what for, and has no clock of its own.
"""

from dataclasses import dataclass

MICROSECONDS = 1_000_000

SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local window, step = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + step
if full_at - now > window then
    return {0, full_at - step - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {1, full_at - now}
"""
"""`Bucket.take` inside Redis, by its clock, so that several processes share one bucket."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to one request. Times in seconds."""

    allowed: bool
    remaining: int
    full_in_seconds: float
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """`size` requests at once, and as many again within `window_seconds`."""

    size: int
    window_seconds: int

    @property
    def window_microseconds(self) -> int:
        """How long an empty bucket takes to fill."""
        return self.window_seconds * MICROSECONDS

    @property
    def step_microseconds(self) -> int:
        """How long one request takes to come back."""
        return max(1, self.window_microseconds // self.size)

    def take(self, full_at: int, now: int) -> tuple[bool, int]:
        """Return whether one more is allowed, and when the bucket is full. In microseconds."""
        after = max(full_at, now) + self.step_microseconds
        if after - now > self.window_microseconds:
            return False, max(full_at, now)
        return True, after

    def allowance(self, *, allowed: bool, full_in_microseconds: int) -> Allowance:
        """Return the answer, given how long the bucket takes to be full after this request."""
        missing = full_in_microseconds
        early = missing + self.step_microseconds - self.window_microseconds
        return Allowance(
            allowed=allowed,
            remaining=max(0, (self.window_microseconds - missing) // self.step_microseconds),
            full_in_seconds=missing / MICROSECONDS,
            retry_in_seconds=max(0, early) / MICROSECONDS,
        )
