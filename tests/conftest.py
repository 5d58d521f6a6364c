"""The private stack of a test session: real parts on free ports, started when first needed."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import hypothesis
import pytest

from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings, StackSettings
from infra.stack.account import erase
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from infra.stack.supervisor.lock import supervisor_pid
from infra.stack.supervisor.part import Progress
from infra.stack.supervisor.progress import describe
from tests.amount import amount
from tests.pictures import PictureServer
from tests.serving import LoopbackServer
from tests.support.stack_client import KeptStack, attached
from tests.world import World

hypothesis.settings.register_profile(
    "amount",
    max_examples=amount(250),
    deadline=None,  # nothing here is a matter of time: a busy machine takes longer
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("amount")

pytest_plugins = ["tests.no_skip", "tests.support.hiring"]

_PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    "PRESETS_FILE": str(_PROJECT / "tests" / "presets.toml"),
    # Tests have one supplier for everything, and hold many of its answers back.
    "FETCH_HOST_CONCURRENCY": "64",
    "FETCH_HOST_RATE_PER_SECOND": "1000",
    "FETCH_HOST_BREAKER_FAILURES": "1000",
    # A few chunks and slots tell as much as many.
    "BULK_CHUNK_JOBS": "12",
    "WORKER_BULK_SLOTS": "4",
    # What is left behind is noticed soon: tests of it wait for these. Not so soon that a busy
    # machine loses a lease that its worker renews every third of this.
    "JOB_LEASE_SECONDS": "5",
    "WORKER_REAPER_SECONDS": "1",
    "WORKER_SETTLING_SECONDS": "5",
    "WORKER_CANCEL_LOOK_SECONDS": "2",
    "WORKER_BATCH_LEASE_SECONDS": "10",
}
_TURNS = _PROJECT / ".local" / "stack-start.lock"
_DIRECTORY = Path(os.environ.get("STACK_TEST_DIRECTORY") or _PROJECT / ".local" / "test")


@contextmanager
def a_turn_to_start() -> Iterator[None]:
    """Wait until no other session starts its stack: three at once take longer than one by one,
    and each then longer than a part may take.
    """
    _TURNS.parent.mkdir(exist_ok=True)
    with _TURNS.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # whose end of life gives it back, too
        yield


class _ReadyPrefect(BaseHTTPRequestHandler):
    """A Prefect server as those see it that ask whether it is ready."""

    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        pass


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack | KeptStack]:
    """The whole system with one worker; its directory is kept when a test failed.

    When no test of the session looks at the `world`, only its services: Prefect, which takes
    longest to start, is then only asked whether it is ready, and is played.
    """
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")

    def report(progress: Progress) -> None:
        with capture.global_and_fixture_disabled():
            terminal.write_line(describe(progress))
            for line in progress.lines:
                terminal.write_line(f"           | {line}")

    watched = any("world" in _fixtures(item) for item in request.session.items)
    if supervisor_pid(_DIRECTORY) is not None:  # `make test-stack` keeps it
        with attached(_DIRECTORY, application=watched) as kept:
            yield kept
        return
    erase(_DIRECTORY)
    settings = StackSettings(
        stack_directory=_DIRECTORY,
        api_port=free_port(),
        prefect_port=free_port(),
        workers=1,
        fetch_allowed_private_hosts="127.0.0.1",
    )
    with ExitStack() as opened:
        if not watched:
            prefect = opened.enter_context(LoopbackServer(_ReadyPrefect))
            settings = settings.model_copy(update={"prefect_api_url": f"{prefect.address}/api"})
        with a_turn_to_start(), pytest.MonkeyPatch.context() as environment:
            for name, value in ENVIRONMENT.items():
                environment.setenv(name, value)
            running = opened.enter_context(Stack(settings, report, application=watched))
        yield running
    if request.session.testsfailed == 0:
        erase(_DIRECTORY)


def _fixtures(item: pytest.Item) -> Sequence[str]:
    """Return what a test needs, directly or not."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    """The running system, as a caller and an operator see it."""
    with World(stack) as seen:
        yield seen


@pytest.fixture(scope="session")
def database(stack: Stack) -> Iterator[Database]:
    """The stack's own database, for looking at rows."""
    with Database(DatabaseSettings(url=stack.description.postgres_url)) as opened:
        yield opened


@pytest.fixture
def pictures() -> Iterator[PictureServer]:
    """A supplier's server on loopback that counts what is fetched from it."""
    with PictureServer() as server:
        yield server
