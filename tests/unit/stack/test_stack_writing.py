"""What a stack writes about itself while its parts come and go at the same time."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from infra.settings.sections import StackSettings
from infra.stack.stack import Stack
from infra.stack.supervisor.part import PartState
from infra.stack.supervisor.record import FILE_NAME as RECORDS
from infra.stack.supervisor.record import ProcessRecord, load_records
from infra.stack_description import FILE_NAME as DESCRIPTION
from infra.stack_description import StackDescription

_WRITERS, _TIMES = 8, 40


class Changing:
    """A supervisor of one part, which is another process each time that one looks."""

    failure = None

    def __init__(self) -> None:
        self.pids = count(1)
        self.last = 0

    def records(self) -> tuple[ProcessRecord, ...]:
        self.last = next(self.pids)
        return (ProcessRecord("redis", self.last, birth="", state=PartState.READY, since=0.0),)


@pytest.fixture
def stack(tmp_path: Path) -> Any:
    made: Any = Stack(StackSettings(stack_directory=tmp_path), lambda _: None)
    words = ("api", "prefect_ui", "prefect_api", "postgres_url", "amqp_url", "redis_url")
    secret = ("prefect_auth_string",)
    places = ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")
    made._description = StackDescription(**dict.fromkeys((*words, *secret, *places), "there"))
    made._supervisor = Changing()
    made._ready = True
    return made


def test_writers_at_the_same_time_leave_the_latest_and_hinder_nobody(
    stack: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(stack._write) for _ in range(_WRITERS * _TIMES)]:
            done.result()
    assert "stack_not_described" not in capfd.readouterr().out
    (record,) = load_records(stack.directory / RECORDS)
    described = StackDescription.load(stack.directory / DESCRIPTION)
    assert described.processes == {"redis": stack._supervisor.last}
    assert record.pid == stack._supervisor.last - 1  # looked at just before
    assert {path.name for path in stack.directory.iterdir()} == {DESCRIPTION, RECORDS}
