"""The safety net behind the dispatcher: publishes what was committed but not dispatched.

It comes every five minutes, so it also looks at how many jobs fail.
"""

import structlog
from prefect import flow
from prefect.logging import get_run_logger

from flows.reports.failure_alarm import watch_failures
from flows.runtime.resources import WorkerResources, in_thread, worker_resources
from infra.broker.rabbitmq import RabbitPublisher
from tasks.jobs.dispatch import dispatch_all, forget_lost_dispatches
from tasks.submission.idempotency import forget_expired_keys

log = structlog.get_logger(__name__)


@flow(name="sweep", retries=0, persist_result=False)
async def sweep() -> None:
    """Publish due jobs that have no message under way, then check the failure rate."""
    resources = worker_resources()
    published = await in_thread(resources.io_threads, _publish, resources)
    get_run_logger().info("%d jobs were published again.", published)
    if published:
        log.info("swept", published=published)
    await watch_failures(resources)


def _publish(resources: WorkerResources) -> int:
    settings = resources.configuration.dispatch
    forget_lost_dispatches(resources.database, settings)
    forget_expired_keys(resources.database)
    publisher = RabbitPublisher(resources.configuration.broker)
    try:
        return dispatch_all(resources.database, publisher, settings)
    finally:
        publisher.close()
