"""How much is tried where one more try is one more of the same: fuzzing and drawn examples.

A tenth for each commit, all of it under `make test-thorough`.
"""

import os

THOROUGH = os.environ.get("TESTS_THOROUGH") == "1"


def amount(whole: int) -> int:
    """Return how many of so many tries are made now, at least one."""
    return whole if THOROUGH else max(1, whole // 10)
