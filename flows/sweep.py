"""The safety net behind the dispatcher: publishes what was committed but not dispatched.

It comes every minute, so it also looks at how many jobs fail.
"""

import structlog
from prefect import flow
from prefect.logging import get_run_logger

from flows.reports.failure_alarm import watch_failures
from flows.runtime.resources import Workshop, current_workshop, in_thread
from infra.broker.rabbitmq import RabbitPublisher
from tasks.jobs.dispatch import dispatch_all, forget_lost_dispatches
from tasks.submission.idempotency import forget_expired_keys

log = structlog.get_logger(__name__)


@flow(name="sweep", retries=0, persist_result=False)
async def sweep() -> None:
    """Publish every due job that has no message on its way, then look at how many jobs fail."""
    workshop = current_workshop()
    published = await in_thread(workshop.io_threads, _publish, workshop)
    get_run_logger().info("%d jobs were published again.", published)
    if published:
        log.info("swept", published=published)
    await watch_failures(workshop)


def _publish(workshop: Workshop) -> int:
    settings = workshop.configuration.dispatch
    forget_lost_dispatches(workshop.database, settings)
    forget_expired_keys(workshop.database)
    publisher = RabbitPublisher(workshop.configuration.broker)
    try:
        return dispatch_all(workshop.database, publisher, settings)
    finally:
        publisher.close()
