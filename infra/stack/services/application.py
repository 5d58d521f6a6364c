"""The project's own processes: migrations, deployments, the API, the workers, sample images.

They are started as modules and pointed at the stack by variables; nothing of them is imported.
"""

import sys
from collections.abc import Mapping

from infra.loopback import is_loopback
from infra.stack.context import StackContext
from infra.stack.ports import require_free
from infra.stack.private_files import private_directory
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, accepts, http_answers

_WORKER_STOP_SECONDS = 45  # above the worker's own grace, which ends its runs in order
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def application_parts(
    context: StackContext, environment: Mapping[str, str], running: frozenset[str]
) -> tuple[Part, ...]:
    """Describe the project's processes; `running` names the local parts that they may wait for."""
    workers, port = range(1, context.settings.workers + 1), context.settings.api_port
    return (
        _once("migrate", "infra.migrate", environment, needs=running & {"postgres"}),
        _once("deploy", "flows.deploy", environment, needs=running & {"prefect", "postgres"}),
        *(
            _worker(f"worker-{n}", context, environment=environment, running=running)
            for n in workers
        ),
        Part(
            name="api",
            command=(sys.executable, "-m", "api.server"),
            environment=environment,
            port=port,
            needs=("migrate", *(running & {"s3"})),
            # Else a stranger on the port would answer the probe.
            prepare=lambda: require_free(port, "API_PORT", context.settings.api_host),
            probe=lambda: http_answers(port, "/healthz") and http_answers(port, "/readyz"),
            wave=9,
            start_seconds=240,  # it is ready when all that it depends on is
            stop_seconds=20,
        ),
    )


def samples_part(context: StackContext) -> Part:
    """Describe a file server for the folder `samples` of the stack directory."""
    port = context.ports["samples"]
    folder = private_directory(context.directory / "samples")
    return Part(
        name="samples",
        command=(
            *(sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK),
            *("--directory", str(folder)),
        ),
        environment=context.service_environment(folder),
        port=port,
        probe=lambda: accepts(port),
        wave=8,
    )


def samples_address(context: StackContext) -> str:
    """Return host:port of the sample images."""
    return f"{LOOPBACK}:{context.ports['samples']}"


def api_url(context: StackContext) -> str:
    """Return the address under which this machine reaches the API."""
    host = context.settings.api_host
    reachable = LOOPBACK if host in _EVERYWHERE or is_loopback(host) else host
    return f"http://{reachable}:{context.settings.api_port}"


def _once(name: str, module: str, environment: Mapping[str, str], *, needs: frozenset[str]) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-m", module),
        environment=environment,
        needs=tuple(needs),
        once=True,
        wave=7,
        start_seconds=300,  # on a busy machine, Prefect alone takes minutes for what is deployed
    )


def _worker(
    name: str, context: StackContext, *, environment: Mapping[str, str], running: frozenset[str]
) -> Part:
    ready = context.directory / f"{name}.ready"
    return Part(
        name=name,
        command=(sys.executable, "-m", "flows.worker"),
        environment={**environment, "WORKER_READY_FILE": str(ready)},
        needs=("migrate", "deploy", *(running & {"rabbitmq", "s3"})),
        prepare=lambda: ready.unlink(missing_ok=True),
        probe=ready.exists,
        wave=10,
        start_seconds=240,
        stop_seconds=_WORKER_STOP_SECONDS,
    )
