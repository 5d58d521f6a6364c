"""RabbitMQ as a node of our own: own name, own port mapper, own data, loopback only.

Uses the server's own scripts: Debian's wrapper insists on the account `rabbitmq`. A broker that
runs as a system service is never touched.
"""

import shutil
from pathlib import Path
from urllib.parse import quote

from infra.stack.account import stack_name
from infra.stack.context import StackContext
from infra.stack.supervisor.errors import ProgramMissing
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, accepts, amqp_answers

USER = "product-images"
_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_ERLANG_LOOPBACK = "{127,0,0,1}"


def find_server() -> Path | None:
    """Return RabbitMQ's start script, or None when it is not installed."""
    if _SCRIPT.exists():
        return _SCRIPT
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def amqp_url(context: StackContext) -> str:
    """Return the address of the local broker."""
    password = quote(context.credentials.rabbitmq_password, safe="")
    return f"amqp://{USER}:{password}@{LOOPBACK}:{context.ports['rabbitmq']}/%2F"


def epmd_part(context: StackContext) -> Part:
    """Describe Erlang's port mapper, in the foreground on a port of our own."""
    port = context.ports["epmd"]
    folder = context.account.folder("rabbitmq")
    found = shutil.which("epmd", path="/usr/bin:/usr/local/bin") or shutil.which("epmd")
    bundled = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    if found is None and not bundled:
        raise ProgramMissing("Erlang's epmd is missing although RabbitMQ is here; reinstall it.")
    return Part(
        name="epmd",
        command=(found or str(bundled[-1]), "-port", str(port), "-address", LOOPBACK),
        environment=context.service_environment(folder),
        directory=folder,
        uid=context.account.uid,
        gid=context.account.gid,
        port=port,
        probe=lambda: accepts(port),
        wave=4,
    )


def rabbitmq_part(context: StackContext, server: Path) -> Part:
    """Describe the local broker; `server` is its start script."""
    port = context.ports["rabbitmq"]
    folder = context.account.folder("rabbitmq")
    configuration = (
        f"listeners.tcp.default = {LOOPBACK}:{port}",
        f"default_user = {USER}",
        f"default_pass = {context.credentials.rabbitmq_password}",
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
    )
    return Part(
        name="rabbitmq",
        command=(str(server),),
        environment=_environment(context, folder),
        directory=folder,
        uid=context.account.uid,
        gid=context.account.gid,
        port=port,
        needs=("epmd",),
        prepare=lambda: context.account.write(
            folder / "rabbitmq.conf", "\n".join(configuration) + "\n"
        ),
        probe=lambda: amqp_answers(port),
        wave=5,
        start_seconds=120,
        stop_seconds=20,
    )


def _environment(context: StackContext, folder: Path) -> dict[str, str]:
    return context.service_environment(folder) | {
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(context.ports["epmd"]),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-such-file"),  # not the system's
        "RABBITMQ_NODENAME": f"product-images-{stack_name(context.directory)}@localhost",
        "RABBITMQ_DIST_PORT": str(context.ports["rabbitmq-cluster"]),
        "RABBITMQ_MNESIA_BASE": str(folder / "nodes"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-kernel inet_dist_use_interface {_ERLANG_LOOPBACK} -start_epmd false"
        ),
        # Makes the script become the server, so that its process id is the server's.
        "detached": "true",
    }
