"""Tries a unit of work again at once when another change was faster."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog

from infra.contract.errors import Conflict

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)

_PAUSES_SECONDS = (0.02, 0.1)  # before the second and the third try, at most


def again_after_conflict(work: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function whose transactions are all its own: it may run up to three times.

    The last `Conflict` is raised.
    """

    @wraps(work)
    def attempts(*args: P.args, **kwargs: P.kwargs) -> T:
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return work(*args, **kwargs)
            except Conflict as exc:
                log.info("trying again", work=work.__qualname__, code=exc.code)
            time.sleep(random.uniform(0, pause_seconds))  # so that the two do not meet again
        return work(*args, **kwargs)

    return attempts
