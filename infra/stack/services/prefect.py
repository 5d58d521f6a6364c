"""The Prefect server on the local PostgreSQL: a uvicorn process; Prefect is not imported here.

Started through uvicorn rather than `prefect server start`: the command line costs seconds of
imports more, and uvloop with httptools make each request about a quarter cheaper.
"""

import sys

from infra.stack.context import StackContext
from infra.stack.ports import require_free
from infra.stack.private_files import private_directory
from infra.stack.services.postgres import (
    PREFECT_DATABASE,
    create_database,
    other_database,
    postgres_url,
)
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, http_answers

_ASYNC_SCHEME = "postgresql+asyncpg://"

# An operator's own values win over these.
_DEFAULTS = {
    # The server writes each event and each task run by itself unless told otherwise. In batches,
    # a run with four tasks costs it about 40 % less CPU, and is complete in the UI a second
    # later. The intervals must be whole seconds.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # Ten minutes of scheduled runs ahead: more would only bury the others in the UI.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT10M",
    # How long a run waits before it asks again for a slot of a concurrency limit.
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
}


def prefect_ui(context: StackContext) -> str:
    """Return the address of the server's user interface."""
    return f"http://{LOOPBACK}:{context.settings.prefect_port}"


def prefect_part(context: StackContext) -> Part:
    """Describe the Prefect server."""
    port = context.settings.prefect_port
    folder = private_directory(context.directory / "prefect")
    return Part(
        name="prefect",
        command=(
            *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
            *("--host", LOOPBACK, "--port", str(port), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3"),
        ),
        environment=_DEFAULTS | dict(context.inherited) | _environment(context),
        directory=folder,
        port=port,
        needs=() if context.settings.database_url else ("postgres",),
        prepare=lambda: _prepare(context),
        probe=lambda: http_answers(port, "/api/health"),
        wave=6,
        start_seconds=240,  # the first start creates its tables, on a busy machine in minutes
    )


def client_environment(context: StackContext) -> dict[str, str]:
    """Return what keeps Prefect's clients inside the stack and quiet to the outside."""
    return {
        "PREFECT_HOME": str(context.directory / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _environment(context: StackContext) -> dict[str, str]:
    settings = context.settings
    database_url = settings.prefect_api_database_connection_url
    if not database_url:
        ours = other_database(settings.database_url or postgres_url(context), PREFECT_DATABASE)
        database_url = _ASYNC_SCHEME + ours.partition("://")[2]
    origins = (prefect_ui(context), f"http://localhost:{settings.prefect_port}")
    return client_environment(context) | {
        "PREFECT_API_DATABASE_CONNECTION_URL": database_url,
        "PREFECT_SERVER_API_AUTH_STRING": context.credentials.prefect_auth_string,
        # The pages of its own UI, and no other site's.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
        "PREFECT_SERVER_UI_API_URL": f"{prefect_ui(context)}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Flow runs are never deleted by default.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT__SERVER_FINAL": "1",
    }


def _prepare(context: StackContext) -> None:
    settings = context.settings
    # Else a stranger on the port would answer the probe.
    require_free(settings.prefect_port, "PREFECT_PORT")
    # Prefect's database stands beside ours, also on a server that is not the stack's own.
    if settings.database_url and not settings.prefect_api_database_connection_url:
        server_url = settings.database_url.partition("://")[2]
        create_database(context, f"postgresql://{server_url}", PREFECT_DATABASE)
