"""A lock by number is kept apart from all others only by its number."""

import re
from pathlib import Path

from infra.db.locks import AdvisoryLock

ROOT = Path(__file__).parents[3]
_LOCKING = re.compile(r"advisory_(xact_)?lock|hashtextextended")


def test_every_module_that_locks_by_number_takes_the_number_from_the_one_list() -> None:
    locking = [
        file
        for folder in ("api", "flows", "infra", "tasks")
        for file in (ROOT / folder).rglob("*.py")
        if _LOCKING.search(file.read_text())
    ]

    assert len(locking) == 7
    for file in locking:
        source = file.read_text()
        assert "from infra.db.locks import AdvisoryLock" in source, file
        assert not re.search(r"(advisory\w*lock\w*|hashtextextended)\([^)]*\b\d", source), file


def test_no_two_locks_share_a_number() -> None:
    numbers = [int(lock) for lock in AdvisoryLock.__members__.values()]

    assert len(numbers) == len(set(numbers)) == 6
