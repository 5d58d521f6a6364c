"""A picture that does not fit is told from a damaged one."""

import resource
from collections.abc import Iterator

import pytest

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.decode.memory import told_from_damage

ROOMY = 64 * 1024**3  # of address space, which costs nothing


@pytest.fixture
def limited() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ROOMY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("limited")
def test_a_failure_is_for_want_of_memory_where_the_pixels_may_not_have_fitted() -> None:
    with pytest.raises(MemoryError), told_from_damage(ROOMY // 16):
        raise OSError("could not create decoder object")
    with pytest.raises(OSError, match="decoder object"), told_from_damage(1_000_000):
        raise OSError("could not create decoder object")


@pytest.mark.usefixtures("limited")
def test_a_refusal_of_ours_keeps_its_code() -> None:
    with pytest.raises(ImageRefused), told_from_damage(ROOMY):
        raise ImageRefused(ErrorCode.TOO_MANY_PIXELS, "Too many.")
