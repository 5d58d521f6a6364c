"""A session's view of the stack that `make test-stack` keeps (tests/support/stack_server.py).

A session that attaches finds the stack empty and, where its tests need them, the API and the worker
running the code as it is now. Sessions that come at the same time wait for each other.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import pika
import psutil
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from infra.broker.topology import Topology
from infra.db.table import Table
from infra.migrate import upgrade
from infra.objectstore import ObjectStore
from infra.settings.sections import DatabaseSettings, StoreSettings
from infra.stack.services.postgres import PREFECT_DATABASE, other_database
from infra.stack.supervisor.errors import StackError
from infra.stack.supervisor.part import Part
from infra.stack_description import FILE_NAME, StackDescription

LOOK = "look"
ACTIONS = frozenset({"start", "stop", "restart", "kill", "wait_until_ready"})

_PROJECT = Path(__file__).resolve().parents[2]
_CODE = ("api", "flows", "infra", "tasks")
_SERVICES = ("postgres", "redis", "s3", "rabbitmq", "prefect")
_APPLICATION = ("worker-1", "api")
_QUEUES = ("product-images", "contract")  # by their prefixes
_WRITTEN_AT_START = {"policies", "preset_targets"}
_PREFECT_TABLES = "flow_run, task_run, log, artifact, artifact_collection"


def address_of(directory: Path) -> str:
    """Return the socket of the stack in a directory."""
    return str(directory / "parts.sock")


def key_of(description: StackDescription) -> bytes:
    """Return what both ends know, and only they can read."""
    return description.s3_secret_key.encode()


class KeptPart:
    """A part that another process supervises; the methods are those of its supervisor there."""

    def __init__(self, directory: Path, key: bytes, name: str) -> None:
        self._address, self._key, self._name = address_of(directory), key, name

    @property
    def part(self) -> Part:
        """How it is started."""
        described: Part = self._ask(LOOK)[0]
        return described

    @property
    def log(self) -> Path:
        """Its log file."""
        path: Path = self._ask(LOOK)[1]
        return path

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        pid: int | None = self._ask(LOOK)[2]
        return pid

    def start(self) -> None:
        self._ask("start")

    def stop(self) -> None:
        self._ask("stop")

    def restart(self) -> None:
        self._ask("restart")

    def kill(self) -> None:
        self._ask("kill")

    def wait_until_ready(self) -> None:
        self._ask("wait_until_ready")

    def _ask(self, action: str) -> Any:
        with Client(self._address, authkey=self._key) as server:
            server.send((self._name, action))
            answer = server.recv()
        if isinstance(answer, StackError):
            raise answer
        return answer


class KeptStack:
    """What tests use of a `Stack`, of one that another process supervises."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()

    @property
    def description(self) -> StackDescription:
        """Addresses, credentials and the process ids of this moment."""
        return StackDescription.load(self.directory / FILE_NAME)

    def part(self, name: str) -> KeptPart:
        """Return a part, for its pid and log, and to stop, start or kill it."""
        return KeptPart(self.directory, key_of(self.description), name)


@contextmanager
def attached(directory: Path, *, application: bool) -> Iterator[KeptStack]:
    """Attach to the kept stack of a directory; `application`: API and worker are needed."""
    stack = KeptStack(directory)
    with (directory / "session.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for name in _SERVICES:
            _have_running(stack, name)
        if application:
            for name in _APPLICATION:
                if is_outdated(stack.part(name).pid):
                    stack.part(name).stop()
        empty(stack.description)
        if application:
            with ThreadPoolExecutor() as starters:
                list(starters.map(lambda name: _have_running(stack, name), _APPLICATION))
        yield stack


def _have_running(stack: KeptStack, name: str) -> None:
    part = stack.part(name)
    if (pid := part.pid) is not None:
        os.kill(pid, signal.SIGCONT)  # an interrupted session may have left it frozen
    part.start()
    part.wait_until_ready()


def is_outdated(pid: int | None, root: Path = _PROJECT) -> bool:
    """Whether a process is gone or runs older code than the folder of the project holds."""
    if pid is None or not psutil.pid_exists(pid):
        return True
    files = (path for folder in _CODE for path in (root / folder).rglob("*.[pt]*"))
    changed = max((path.stat().st_mtime for path in files if path.suffix != ".pyc"), default=0.0)
    return psutil.Process(pid).create_time() < changed


def empty(stack: StackDescription) -> None:
    """Migrate the database, and forget all that earlier sessions left in any of the services."""
    url = DatabaseSettings(url=stack.postgres_url).url
    upgrade(url)
    _truncate(url, ", ".join(sorted(set(Table.metadata.tables) - _WRITTEN_AT_START)))
    _truncate(
        DatabaseSettings(url=other_database(stack.postgres_url, PREFECT_DATABASE)).url,
        _PREFECT_TABLES,
    )
    redis.Redis.from_url(stack.redis_url).flushall()
    _purge_queues(stack.amqp_url)
    settings = StoreSettings(
        endpoint=stack.s3_endpoint,
        access_key=stack.s3_access_key,
        secret_key=stack.s3_secret_key,
        bucket=stack.s3_bucket,
    )
    with ObjectStore(settings) as store:
        for page in store.pages(""):
            store.remove_many([each.key for each in page])


def _truncate(url: str, tables: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))


def _purge_queues(amqp_url: str) -> None:
    queues = [queue.name for prefix in _QUEUES for queue in Topology(prefix).queues]
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        for name in queues:
            channel = connection.channel()
            try:
                channel.queue_purge(name)
            except pika.exceptions.ChannelClosedByBroker:  # not declared yet
                continue
    finally:
        connection.close()
