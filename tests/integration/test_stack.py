"""The local stack with its real services: each one answers, data stays, no process does.

The services run without the project's own processes here, so that a failure is about the stack.
"""

import io
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pika  # type: ignore[import-untyped]  # comes without types
import psycopg2  # type: ignore[import-untyped]  # comes without types
import pytest
import redis
import requests
from minio import Minio

from infra.settings.sections import StackSettings
from infra.stack.account import erase
from infra.stack.stack import Stack
from infra.stack.supervisor.errors import AlreadyRunning, PortTaken
from infra.stack.supervisor.part import PartState, Progress
from infra.stack.supervisor.record import birth_of
from infra.stack_description import StackDescription
from tests.integration.services import own_services

SERVICES = {"epmd", "rabbitmq", "s3", "redis", "postgres"}  # tests/e2e has Prefect beside them
PATIENCE_SECONDS = 60.0
SUPERVISOR = (
    "import sys, time\n"
    "from infra.settings.sections import StackSettings\n"
    "from infra.stack.stack import Stack\n"
    "stack = Stack(StackSettings.model_validate_json(sys.argv[1]), lambda _: None, "
    "application=False)\n"
    "stack.start()\nprint('ready', flush=True)\nwhile True: time.sleep(60)\n"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    """Without the Prefect server, which needs longest to start."""
    directory = tmp_path_factory.mktemp("stack") / "stack"
    lean = {"prefect_api_url": "http://127.0.0.1:9/api"}
    yield own_services(directory).model_copy(update=lean)
    erase(directory)


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def _store(stack: StackDescription) -> Minio:
    return Minio(
        urlsplit(stack.s3_endpoint).netloc,
        stack.s3_access_key,
        stack.s3_secret_key,
        secure=False,
        region="us-east-1",
    )


def _query(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _put_everywhere(stack: StackDescription) -> None:
    _query(stack.postgres_url, "CREATE TABLE kept (word text)")
    _query(stack.postgres_url, "INSERT INTO kept VALUES ('still here')")
    for name in ("variants/a/w800.webp", "originals/a.jpg"):
        _store(stack).put_object(
            bucket_name=stack.s3_bucket, object_name=name, data=io.BytesIO(b"12345"), length=5
        )
    with pika.BlockingConnection(pika.URLParameters(stack.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        persistent = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", "kept", b"still here", persistent, mandatory=True)


def _check_everywhere(stack: StackDescription) -> None:
    assert _query(stack.postgres_url, "SELECT word FROM kept") == [("still here",)]
    base = stack.environment()["PUBLIC_ASSET_URL"]
    assert requests.get(f"{base}/variants/a/w800.webp", timeout=5).content == b"12345"
    with pika.BlockingConnection(pika.URLParameters(stack.amqp_url)) as connection:
        _, _, body = connection.channel().basic_get("kept")
        assert body == b"still here"


def _status(method: str, url: str) -> int:
    return requests.request(method, url, timeout=5, data=b"").status_code


def _check_anonymous_rules(stack: StackDescription) -> None:
    base = stack.environment()["PUBLIC_ASSET_URL"]
    assert _status("GET", f"{base}/originals/a.jpg") == 403
    assert _status("GET", f"{base}/") == 403
    assert _status("PUT", f"{base}/variants/b") == 403
    assert _status("DELETE", f"{base}/variants/a/w800.webp") == 403
    assert _status("GET", f"{base}/variants/nothing") == 404


def _check_answers(stack: StackDescription) -> None:
    cache = redis.Redis.from_url(stack.redis_url)
    assert cache.ping()
    cache.close()
    assert _query(stack.postgres_url, "SHOW fsync") == [("on",)]


def _births(stack: StackDescription) -> dict[int, str]:
    return {pid: birth_of(pid) for pid in stack.processes.values()}


def _all_gone(births: dict[int, str]) -> bool:
    return all(birth_of(pid) != birth for pid, birth in births.items())


@dataclass(frozen=True)
class Resumed:
    """A stack that was started where the supervisor of an earlier one was killed."""

    earlier: StackDescription
    stack: Stack
    told: list[Progress]


@pytest.fixture(scope="module")
def resumed(settings: StackSettings) -> Iterator[Resumed]:
    """The earlier stack kept something in each service; none of its processes is left."""
    earlier = killed_after(settings, _put_everywhere)
    told: list[Progress] = []
    with Stack(settings, told.append, application=False) as stack:
        yield Resumed(earlier, stack, told)


def killed_after(
    settings: StackSettings, use: Callable[[StackDescription], None]
) -> StackDescription:
    """Start a stack, use it, kill its supervisor; return what it was when nothing of it is left."""
    command = [sys.executable, "-c", SUPERVISOR, settings.model_dump_json()]
    described = settings.stack_directory / "stack.json"
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        try:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline() == b"ready\n"
            earlier = StackDescription.load(described)
            assert set(earlier.processes) == SERVICES
            births = _births(earlier)
            use(earlier)
            with pytest.raises(AlreadyRunning, match=str(supervisor.pid)):
                Stack(settings, lambda _: None, application=False).start()
        finally:
            supervisor.kill()
    _eventually(lambda: _all_gone(births) and not described.exists())
    return earlier


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_resumes_with_the_data(
    resumed: Resumed,
) -> None:
    now = resumed.stack.description
    assert set(now.processes) == SERVICES
    assert StackDescription.load(resumed.stack.directory / "stack.json") == now
    assert now.amqp_url == resumed.earlier.amqp_url
    _check_everywhere(now)
    _check_anonymous_rules(now)
    _check_answers(now)


@pytest.mark.thorough
def test_a_broker_that_is_stopped_and_started_keeps_port_and_messages(resumed: Resumed) -> None:
    stack = resumed.stack
    port = urlsplit(stack.description.amqp_url).port
    broker = stack.part("rabbitmq")
    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    broker.start()
    stack.part("s3").restart()
    killed = stack.part("postgres").pid
    stack.part("postgres").kill()
    _eventually(lambda: stack.part("postgres").pid not in (None, killed))
    stack.part("postgres").wait_until_ready()
    _check_everywhere(stack.description)
    died = [progress.part for progress in resumed.told if progress.state is PartState.DIED]
    assert set(died) == {"postgres"}


def test_a_stopped_stack_leaves_no_process_behind(resumed: Resumed) -> None:
    births = _births(resumed.stack.description)
    resumed.stack.stop()
    assert _all_gone(births)
    assert not (resumed.stack.directory / "stack.json").exists()


def test_a_taken_port_stops_the_start_before_anything_runs(
    settings: StackSettings, tmp_path: Path
) -> None:
    elsewhere = settings.model_copy(
        update={"stack_directory": tmp_path / "stack", "prefect_api_url": None}
    )
    with (
        socket.create_server(("127.0.0.1", settings.prefect_port)),
        pytest.raises(PortTaken, match="PREFECT_PORT"),
    ):
        Stack(elsewhere, lambda _: None, application=False).start()
    assert not (elsewhere.stack_directory / "processes.json").exists()
