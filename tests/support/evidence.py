"""What a test looks at after a fault: rows, stored objects, runs and task runs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from minio import Minio
from sqlalchemy import select

from infra.broker.rabbitmq import RabbitPublisher
from infra.contract.messages import JobMessage
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Variant
from infra.db.models.jobs import Job, JobImage
from infra.db.table import Table
from infra.settings.sections import BrokerSettings
from infra.stack.stack import Stack
from tests.pictures import PictureServer, photo
from tests.support.prefect_hands import ended, task_runs
from tests.waiting import eventually
from tests.world import FINAL_RUN, World

REAPED_SECONDS = 120.0  # what the reaper promises
VARIANTS = 8

Row = dict[str, Any]


def publish(world: World, *messages: JobMessage) -> None:
    """Publish as the dispatcher does."""
    publisher = RabbitPublisher(BrokerSettings(url=world.stack.description.amqp_url))
    try:
        publisher.publish(messages)
    finally:
        publisher.close()


def small(pictures: PictureServer, seed: int) -> str:
    """Return the address of a picture that costs next to no pixels."""
    path = f"/small/{seed}.jpg"
    pictures.bodies[path] = photo(320, 240, seed=seed)
    return pictures.url(path)


def runs_of(world: World, job_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the flow runs that name each of these jobs."""
    runs = world.flow_runs(limit=200, sort="START_TIME_DESC")
    of_job: dict[str, list[str]] = {job_id: [] for job_id in job_ids}
    for run in runs:
        of_job.get(str(run["parameters"].get("job_id")), []).append(run["id"])
    return of_job


def one_run(world: World, job: Any, *, state: str = "COMPLETED") -> Any:
    """Return the job's only flow run, in this state, when none of its task runs is open."""
    assert runs_of(world, [job["id"]]) == {job["id"]: [job["flow_run_id"]]}
    run = ended(world, job["flow_run_id"], seconds=REAPED_SECONDS)
    assert run["state"]["type"] == state
    tasks_ended(world, run["id"])
    return run


def tasks_ended(world: World, flow_run_id: str) -> None:
    """Wait until no task run of a run is open."""

    def look() -> bool:
        return all(task["state"]["type"] in FINAL_RUN for task in task_runs(world, flow_run_id))

    eventually(look, "no task run is open", seconds=REAPED_SECONDS, every_seconds=0.5)


def job_row(database: Database, job_id: str) -> Row:
    """Return the job's own row."""
    (row,) = _rows(database, Job, Job.id == UUID(job_id))
    return row


def job_images(database: Database, job_id: str) -> list[Row]:
    """Return what the job did for its images, in their order."""
    rows = _rows(database, JobImage, JobImage.job_id == UUID(job_id))
    return sorted(rows, key=lambda row: int(row["position"]))


def images(database: Database, product_id: str) -> list[Row]:
    """Return what the product shows, in order."""
    rows = _rows(database, Image, Image.product_id == UUID(product_id))
    return sorted(rows, key=lambda row: int(row["position"]))


def variants(database: Database, sha256: str) -> list[Row]:
    """Return the variants of an original."""
    return _rows(database, Variant, Variant.original_sha256 == sha256)


def stored_variants(stack: Stack, sha256: str) -> list[str]:
    """Return the keys of all objects that the bucket holds under an original's variants."""
    about = stack.description
    endpoint = urlsplit(about.s3_endpoint)
    client = Minio(
        endpoint.netloc or about.s3_endpoint,
        access_key=about.s3_access_key,
        secret_key=about.s3_secret_key,
        secure=endpoint.scheme == "https",
    )
    listed = client.list_objects(about.s3_bucket, f"variants/{sha256}/", recursive=True)
    return sorted(str(each.object_name) for each in listed)


def one_set_of_variants(world: World, database: Database, sha256: str) -> None:
    """Assert that rows and objects of an original are the same, each there once."""
    rows = variants(database, sha256)
    names = Counter(row["name"] for row in rows)
    assert rows
    assert set(names.values()) == {1}
    assert sorted(row["object_key"] for row in rows) == stored_variants(world.stack, sha256)


def _rows(database: Database, table: type[Table], condition: Any) -> list[Row]:
    with database.transaction() as session:
        found = session.execute(select(*table.__table__.columns).where(condition)).mappings()
        return [dict(row) for row in found]
