"""Which parts a stack runs, which it uses from elsewhere, and how it describes itself."""

from dataclasses import dataclass

from infra.stack.context import StackContext
from infra.stack.services.application import (
    api_url,
    application_parts,
    samples_address,
    samples_part,
)
from infra.stack.services.install import require_rabbitmq
from infra.stack.services.postgres import postgres_part, postgres_url
from infra.stack.services.prefect import client_environment, prefect_part, prefect_ui
from infra.stack.services.rabbitmq import amqp_url, epmd_part, rabbitmq_part
from infra.stack.services.seaweed import s3_endpoint, seaweed_part
from infra.stack.services.valkey import redis_url, valkey_part
from infra.stack.supervisor.part import Part, PartState, Progress, Report
from infra.stack_description import StackDescription

LOG_FOLDER = "logs"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, in order of start, and what will be said about it."""

    parts: tuple[Part, ...]
    description: StackDescription


def make_plan(context: StackContext, report: Report, *, application: bool) -> Plan:
    """Decide what runs; without `application` only the services that it builds on."""
    services, settings = _services(context, report), context.settings
    description = _describe(context)
    if not application:
        return Plan(services, description)
    # The project's processes get the operator's variables, pointed at this stack.
    environment = dict(context.inherited) | description.environment() | client_environment(context)
    environment |= {"API_HOST": settings.api_host, "API_PORT": str(settings.api_port)}
    if settings.public_asset_url:
        environment["PUBLIC_ASSET_URL"] = settings.public_asset_url
    allowed = (settings.fetch_allowed_private_hosts, description.samples)
    environment["FETCH_ALLOWED_PRIVATE_HOSTS"] = ",".join(entry for entry in allowed if entry)
    running = frozenset(part.name for part in services)
    ours = application_parts(context, environment, running)
    return Plan((*services, *ours), description)


def _services(context: StackContext, report: Report) -> tuple[Part, ...]:
    settings = context.settings
    local: list[Part] = []
    if not _used(report, "s3", settings.s3_endpoint, variable="S3_ENDPOINT"):
        local.append(seaweed_part(context))
    if not _used(report, "redis", settings.redis_url, variable="REDIS_URL"):
        local.append(valkey_part(context))
    if not _used(report, "postgres", settings.database_url, variable="DATABASE_URL"):
        local.append(postgres_part(context))
    if not _used(report, "prefect", settings.prefect_api_url, variable="PREFECT_API_URL"):
        local.append(prefect_part(context))
    if settings.stack_samples:
        local.append(samples_part(context))
    # Looked at last: if another program is missing, RabbitMQ is not installed.
    if not _used(report, "rabbitmq", settings.amqp_url, variable="AMQP_URL"):
        server = require_rabbitmq(context.directory / LOG_FOLDER / "install.log", report)
        local[:0] = (epmd_part(context), rabbitmq_part(context, server))
    return tuple(local)


def _used(report: Report, part: str, url: str | None, *, variable: str) -> bool:
    if not url:
        return False
    report(Progress(part, PartState.USED, detail=f"the one that {variable} names"))
    return True


def _describe(context: StackContext) -> StackDescription:
    settings, own = context.settings, context.credentials
    ui = (settings.prefect_api_url or prefect_ui(context)).rstrip("/").removesuffix("/api")
    endpoint, local_s3 = settings.s3_endpoint, not settings.s3_endpoint
    if endpoint and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    return StackDescription(
        api=api_url(context),
        prefect_ui=ui,
        prefect_api=settings.prefect_api_url or f"{ui}/api",
        prefect_auth_string=(
            settings.prefect_api_auth_string
            if settings.prefect_api_url
            else own.prefect_auth_string
        ),
        postgres_url=settings.database_url or postgres_url(context),
        amqp_url=settings.amqp_url or amqp_url(context),
        redis_url=settings.redis_url or redis_url(context),
        s3_endpoint=endpoint or s3_endpoint(context),
        s3_bucket=settings.s3_bucket,
        s3_access_key=own.s3_access_key if local_s3 else settings.s3_access_key,
        s3_secret_key=own.s3_secret_key if local_s3 else settings.s3_secret_key,
        samples=samples_address(context) if settings.stack_samples else None,
    )
