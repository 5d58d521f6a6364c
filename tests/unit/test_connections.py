"""DATABASE_POOL_SIZE is what it says: the most connections that one process has."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, fields

import pytest

import api.resources
import flows.runtime.resources
from flows.runtime.resources import WorkerConfiguration, io_threads, open_worker_resources
from infra.contract.states import Lane
from infra.settings.sections import DatabaseSettings, Section
from tests.unit.api.test_openapi_examples import configured
from tests.unit.flows.support.fakes import worker_configuration

_DUTIES_AND_LEASES = 4


class Opened(Exception):
    """The database was about to be opened with these settings."""


class Opening:
    """Counts the connections of all that is opened, and ends the opening when that is all."""

    def __init__(self, size: int) -> None:
        self.size, self.opened = size, 0

    def __call__(self, settings: DatabaseSettings) -> AbstractContextManager[None]:
        self.opened += settings.pool_size
        if self.opened >= self.size:
            raise Opened(self.opened)
        return nullcontext()


@pytest.mark.parametrize("size", [1, 7, 300])
def test_no_process_opens_more_connections_than_it_is_told(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    database = DatabaseSettings(url="postgresql://none.example/none", pool_size=size)
    monkeypatch.setattr(api.resources, "Database", Opening(size))
    monkeypatch.setattr(flows.runtime.resources, "Database", Opening(size))

    with (
        pytest.raises(Opened, match=f"^{size}$"),
        api.resources.open_resources(configured(database)),
    ):
        pass
    with (
        pytest.raises(Opened, match=f"^{size}$"),
        open_worker_resources(worker_configuration(database)),
    ):
        pass


@pytest.mark.parametrize("size", [*range(7, 40), 100])
def test_the_threads_of_a_worker_share_what_it_has(size: int) -> None:
    database = DatabaseSettings(url="postgresql://none.example/none", pool_size=size)
    threads = {lane: io_threads(lane, database) for lane in Lane}

    assert sum(threads.values()) + _DUTIES_AND_LEASES == size
    assert threads[Lane.INTERACTIVE] >= threads[Lane.BULK] >= 1


@pytest.mark.parametrize("configuration", [WorkerConfiguration, api.resources.ApiConfiguration])
def test_no_section_of_the_settings_is_read_where_it_was_left_out(
    configuration: type[WorkerConfiguration],
) -> None:
    sections = [
        field
        for field in fields(configuration)
        if isinstance(field.type, type) and issubclass(field.type, Section)
    ]

    assert len(sections) > 8
    assert all(field.default_factory is MISSING for field in sections)
    assert all(field.default is MISSING for field in sections)
