"""Raises the failure alarm as an event in Prefect, where an automation reacts to it.

What was told last is kept in a variable on the Prefect server. The event is sent before it is
noted: a process that dies between the two tells the same thing twice, never nothing.
"""

from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from prefect.context import AsyncClientContext
from prefect.events.schemas.events import Event, Resource
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.variables import Variable
from pydantic import TypeAdapter, ValidationError

from flows.runtime.resources import WorkerResources
from tasks.reports.failure_alarm import Alarm, explain, next_alarm
from tasks.reports.failure_rate import FailureRate, failure_rate

log = structlog.get_logger(__name__)

RESOURCE = "product-images.failure-rate"
HIGH, NORMAL = f"{RESOURCE}.high", f"{RESOURCE}.normal"
TOLD = "product_images_failure_alarm"
_ALARMS = TypeAdapter(Alarm)


async def watch_failures(resources: WorkerResources) -> None:
    """Look at the failure rate once; raise or end the alarm when it is time to."""
    settings = resources.configuration.failure_alarm
    rate = await resources.db(failure_rate, window_seconds=settings.window_seconds)
    sentence = explain(rate, settings)
    get_run_logger().info(sentence)
    alarm = next_alarm(await _told(), rate, settings, now=datetime.now(UTC))
    if alarm is None:
        return
    log.warning("failure alarm", is_high=alarm.is_high, share=round(rate.share, 3), jobs=rate.jobs)
    event = _event(alarm, rate, sentence)
    async with AsyncClientContext.get_or_create() as context:
        # By HTTP, whose answer says that the server has it.
        answer = await context.client.request(
            "POST", "/events", json=[event.model_dump(mode="json")]
        )
        if answer.status_code != HTTPStatus.NO_CONTENT:
            raise PrefectException(f"Prefect did not take the event: {answer.status_code}.")
    await Variable.aset(TOLD, _ALARMS.dump_python(alarm, mode="json"), overwrite=True)


async def _told() -> Alarm:
    noted = await Variable.aget(TOLD)
    if noted is None:
        return Alarm()
    try:
        return _ALARMS.validate_python(noted)
    except ValidationError:
        return Alarm()  # the variable was changed by hand: better one alarm too many


def _event(alarm: Alarm, rate: FailureRate, sentence: str) -> Event:
    return Event(
        event=HIGH if alarm.is_high else NORMAL,
        resource=Resource(
            {
                "prefect.resource.id": RESOURCE,
                "prefect.resource.name": "share of jobs that fail",
            }
        ),
        payload={
            "message": sentence,
            "share": rate.share,
            "jobs": rate.jobs,
            "failed": rate.failed,
            "errors": [{"code": error.code, "images": error.images} for error in rate.errors],
        },
    )
