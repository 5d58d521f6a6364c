"""The local stack with its real services: each one answers, data stays, no process does.

The services run without the project's own processes here, so that a failure is about the stack.
"""

import io
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pika  # type: ignore[import-untyped]  # comes without types
import psycopg2  # type: ignore[import-untyped]  # comes without types
import pytest
import redis
import requests
from minio import Minio

from infra.settings import StackSettings
from infra.stack.account import erase
from infra.stack.description import StackDescription
from infra.stack.failure import AlreadyRunning, PortTaken
from infra.stack.part import PartState, Progress
from infra.stack.record import birth_of
from infra.stack.stack import Stack
from tests.integration.services import own_services

SERVICES = {"epmd", "rabbitmq", "s3", "redis", "postgres", "prefect"}
PATIENCE_SECONDS = 60.0
SUPERVISOR = (
    "import sys, time\n"
    "from infra.settings import StackSettings\n"
    "from infra.stack.stack import Stack\n"
    "stack = Stack(StackSettings.model_validate_json(sys.argv[1]), lambda _: None, "
    "application=False)\n"
    "stack.start()\nprint('ready', flush=True)\nwhile True: time.sleep(60)\n"
)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[StackSettings]:
    yield own_services(tmp_path / "stack")
    erase(tmp_path / "stack")


@pytest.fixture
def lean(settings: StackSettings) -> StackSettings:
    """Without the Prefect server, which needs longest to start."""
    return settings.model_copy(update={"prefect_api_url": "http://127.0.0.1:9/api"})


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
    assert requests.get(f"{stack.prefect_api}/health", timeout=5).json() is True
    ui = requests.get(f"{stack.prefect_ui}/ui-settings", timeout=5).json()
    assert ui["api_url"] == stack.prefect_api
    assert requests.get(stack.prefect_ui, timeout=5).headers["content-type"].startswith("text/html")
    assert _query(stack.postgres_url, "SHOW fsync") == [("on",)]


def _births(stack: StackDescription) -> dict[int, str]:
    return {pid: birth_of(pid) for pid in stack.processes.values()}


def _all_gone(births: dict[int, str]) -> bool:
    return all(birth_of(pid) != birth for pid, birth in births.items())


def test_a_second_start_resumes_with_the_data_and_no_process_stays(
    settings: StackSettings,
) -> None:
    directory = settings.stack_directory
    with Stack(settings, lambda _: None, application=False) as stack:
        first = stack.description
        assert set(first.processes) == SERVICES
        assert StackDescription.load(directory / "stack.json") == first
        _put_everywhere(first)
        _check_anonymous_rules(first)
        _check_answers(first)
        births = _births(first)
    assert _all_gone(births)
    assert not (directory / "stack.json").exists()
    with Stack(settings, lambda _: None, application=False) as stack:
        assert stack.description.amqp_url == first.amqp_url
        _check_everywhere(stack.description)


def test_a_broker_that_is_stopped_and_started_keeps_port_and_messages(
    lean: StackSettings,
) -> None:
    told: list[Progress] = []
    with Stack(lean, told.append, application=False) as stack:
        _put_everywhere(stack.description)
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
    died = [progress.part for progress in told if progress.state is PartState.DIED]
    assert set(died) == {"postgres"}


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(
    lean: StackSettings,
) -> None:
    command = [sys.executable, "-c", SUPERVISOR, lean.model_dump_json()]
    description = lean.stack_directory / "stack.json"
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        try:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline() == b"ready\n"
            births = _births(StackDescription.load(description))
            with pytest.raises(AlreadyRunning, match=str(supervisor.pid)):
                Stack(lean, lambda _: None, application=False).start()
        finally:
            supervisor.kill()
    _eventually(lambda: _all_gone(births) and not description.exists())
    with Stack(lean, lambda _: None, application=False) as stack:
        assert set(stack.description.processes) == SERVICES - {"prefect"}


def test_a_taken_port_stops_the_start_before_anything_runs(settings: StackSettings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.prefect_port)),
        pytest.raises(PortTaken, match="PREFECT_PORT"),
    ):
        Stack(settings, lambda _: None, application=False).start()
    assert not (settings.stack_directory / "processes.json").exists()
