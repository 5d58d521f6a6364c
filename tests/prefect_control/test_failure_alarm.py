"""Many failed jobs reach a webhook through Prefect's own automation, once, and their end too."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from infra.settings.sections import inherited_environment
from infra.stack.stack import Stack
from tests.pictures import PictureServer
from tests.serving import LoopbackServer
from tests.support.alarm_maker import MADE
from tests.support.own_workers import Hiring
from tests.support.prefect_hands import ended
from tests.waiting import eventually
from tests.world import World

_PROJECT = Path(__file__).resolve().parents[2]
AUTOMATION = "Product images: many jobs fail"
_SECONDS = 180.0  # deploying takes over a minute beside other tests
_TOLD = "/variables/name/product_images_failure_alarm"


class Messenger(LoopbackServer):
    """A chat service that remembers what was posted."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        messenger = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                messenger.texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        super().__init__(Handler)


@pytest.fixture
def messenger() -> Iterator[Messenger]:
    with Messenger() as server:
        yield server


def deploy(stack: Stack, webhook_url: str) -> None:
    """Deploy as the stack does, with a webhook."""
    variables = stack.description.environment() | {"FAILURE_ALARM_WEBHOOK_URL": webhook_url}
    subprocess.run(
        (sys.executable, "-m", "flows.deploy"),
        env={**inherited_environment(), **variables},
        check=True,
        timeout=_SECONDS,
    )


Make = Callable[[str], None]


@pytest.fixture
def make(stack: Stack) -> Iterator[Make]:
    """Makes the alarm for a webhook's address as a deployment does."""
    variables = {**inherited_environment(), **stack.description.environment()}
    command = (sys.executable, "-m", "tests.support.alarm_maker")
    with subprocess.Popen(
        command,
        cwd=_PROJECT,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as maker:
        assert maker.stdin is not None
        assert maker.stdout is not None
        asked, answers = maker.stdin, maker.stdout

        def make(webhook_url: str) -> None:
            asked.write(f"{webhook_url}\n")
            asked.flush()
            assert any(line == MADE for line in answers), "it has ended"

        yield make
        asked.close()


def sweep(world: World) -> None:
    """Run the sweep and wait for its end."""
    found = world.prefect("GET", "/deployments/name/sweep/sweep")
    body = {"state": {"type": "SCHEDULED"}}

    def swept() -> bool:  # a scheduled one may be under way, and then ours does not start
        run = world.prefect("POST", f"/deployments/{found['id']}/create_flow_run", body)
        return bool(ended(world, run["id"])["state"]["type"] == "COMPLETED")

    eventually(swept, "the sweep has run", seconds=_SECONDS)


def automations(world: World) -> list[Any]:
    wanted = {"automations": {"name": {"any_": [AUTOMATION]}}}
    found: list[Any] = world.prefect("POST", "/automations/filter", wanted)
    return found


def events_since(world: World, moment: datetime) -> list[str]:
    wanted = {
        "event": {"prefix": ["product-images.failure-rate"]},
        "occurred": {"since": moment.isoformat()},
    }
    found = world.prefect("POST", "/events/filter", {"filter": wanted})["events"]
    return [event["event"] for event in found]


def forget_alarm(world: World) -> None:
    """Other tests have failing jobs, too."""
    answer = world.ask_prefect("DELETE", _TOLD)
    assert answer.status_code in (204, 404)


@pytest.mark.usefixtures("off_duty")
def test_many_failed_jobs_are_told_once_and_their_end_too(
    world: World, stack: Stack, hire: Hiring, messenger: Messenger, pictures: PictureServer
) -> None:
    deploy(stack, f"{messenger.address}/hook")
    forget_alarm(world)
    start = datetime.now(UTC)
    worker = hire(FAILURE_ALARM_SHARE="0.001", FAILURE_ALARM_MIN_JOBS="3")
    accepted = [world.post(pictures.url(f"/absent/{n}.jpg")) for n in range(3)]
    assert all(world.finished(job["job_id"])["state"] == "failed" for job in accepted)

    sweep(world)
    eventually(lambda: messenger.texts, "somebody was told", seconds=_SECONDS)
    sweep(world)
    eventually(lambda: events_since(world, start), "the events are written", seconds=_SECONDS)

    assert events_since(world, start) == ["product-images.failure-rate.high"]
    (text,) = messenger.texts
    assert re.match(rf"{AUTOMATION}\n\d+% of \d+ jobs failed in the last 60 minutes\.", text)
    assert "http_404 (" in text

    worker.stop()
    hire(FAILURE_ALARM_SHARE="0.001", FAILURE_ALARM_MIN_JOBS="1000000")
    sweep(world)
    eventually(lambda: len(messenger.texts) == 2, "the end was told", seconds=_SECONDS)
    assert "product-images.failure-rate.normal" in messenger.texts[1]


def test_what_people_change_in_the_automation_stays_until_the_address_changes(
    world: World, make: Make, messenger: Messenger
) -> None:
    make(f"{messenger.address}/first")
    (made,) = automations(world)
    world.prefect("PATCH", f"/automations/{made['id']}", {"enabled": False})

    make(f"{messenger.address}/first")
    make(f"{messenger.address}/second")
    (kept,) = automations(world)
    assert (kept["id"], kept["enabled"]) == (made["id"], False)

    world.prefect("DELETE", f"/automations/{made['id']}")
    make(f"{messenger.address}/second")
    assert automations(world) == []
    make(f"{messenger.address}/third")
    assert len(automations(world)) == 1
