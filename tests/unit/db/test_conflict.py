"""Work that lost against another change is tried again at once, and not for ever."""

import pytest

from infra.contract.errors import Conflict, ErrorCode, ServiceUnavailable
from infra.db.retry import again_after_conflict


class Losing:
    """Loses a number of times, then returns what it was given."""

    def __init__(self, times: int) -> None:
        self.calls = 0
        self._times = times

    def work(self, value: int, *, factor: int) -> int:
        self.calls += 1
        if self.calls <= self._times:
            raise Conflict(ErrorCode.DATABASE_CONFLICT, "Another change was faster.")
        return value * factor


@pytest.mark.parametrize("times", [0, 1, 2])
def test_work_that_loses_once_or_twice_is_done_in_the_end(times: int) -> None:
    losing = Losing(times)
    assert again_after_conflict(losing.work)(3, factor=2) == 6
    assert losing.calls == times + 1


def test_work_that_loses_three_times_gives_up() -> None:
    losing = Losing(3)
    with pytest.raises(Conflict):
        again_after_conflict(losing.work)(3, factor=2)
    assert losing.calls == 3


def test_an_outage_is_not_tried_again_at_once() -> None:
    calls = []

    @again_after_conflict
    def work() -> None:
        calls.append(1)
        raise ServiceUnavailable(ErrorCode.DATABASE_UNAVAILABLE, "Away.")

    with pytest.raises(ServiceUnavailable):
        work()
    assert calls == [1]
