"""Turns: one at a time among all processes, and over when their holder is."""

import pytest

from infra.db.engine import Database
from tasks.workers.polling_lock import polling_turn


def test_only_one_at_a_time_has_the_turn(database: Database) -> None:
    with polling_turn(database) as mine, polling_turn(database) as theirs:
        assert (mine, theirs) == (True, False)


def test_a_turn_ends_with_its_block_also_after_an_error(database: Database) -> None:
    with pytest.raises(LookupError), polling_turn(database) as mine:
        raise LookupError(mine)

    with polling_turn(database) as again:
        assert again
