"""RabbitMQ as a node of our own: own name, own port mapper, own data, loopback only.

Uses the server's own scripts: Debian's wrapper insists on the account `rabbitmq`. A broker that
runs as a system service is never touched.
"""

import shutil
from pathlib import Path
from urllib.parse import quote

from infra.stack.account import stack_name
from infra.stack.context import Ground
from infra.stack.description import replace_private
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


def amqp_url(ground: Ground) -> str:
    """Return the address of the local broker."""
    password = quote(ground.credentials.rabbitmq_password, safe="")
    return f"amqp://{USER}:{password}@{LOOPBACK}:{ground.ports['rabbitmq']}/%2F"


def epmd_part(ground: Ground) -> Part:
    """Describe Erlang's port mapper, in the foreground on a port of our own."""
    port = ground.ports["epmd"]
    folder = ground.account.folder("rabbitmq")
    return Part(
        name="epmd",
        command=(_epmd(), "-port", str(port), "-address", LOOPBACK),
        environment=ground.service_environment(folder),
        directory=folder,
        uid=ground.account.uid,
        gid=ground.account.gid,
        port=port,
        probe=lambda: accepts(port),
        wave=4,
    )


def rabbitmq_part(ground: Ground, server: Path) -> Part:
    """Describe the local broker; `server` is its start script."""
    port = ground.ports["rabbitmq"]
    folder = ground.account.folder("rabbitmq")
    return Part(
        name="rabbitmq",
        command=(str(server),),
        environment=_environment(ground, folder),
        directory=folder,
        uid=ground.account.uid,
        gid=ground.account.gid,
        port=port,
        needs=("epmd",),
        prepare=lambda: _write_configuration(ground, folder / "rabbitmq.conf"),
        probe=lambda: amqp_answers(port),
        wave=5,
        start_seconds=120,
        stop_seconds=20,
    )


def _epmd() -> str:
    found = shutil.which("epmd", path="/usr/bin:/usr/local/bin") or shutil.which("epmd")
    bundled = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    if found is None and not bundled:
        raise ProgramMissing("Erlang's epmd is missing although RabbitMQ is here; reinstall it.")
    return found or str(bundled[-1])


def _environment(ground: Ground, folder: Path) -> dict[str, str]:
    return ground.service_environment(folder) | {
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(ground.ports["epmd"]),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-such-file"),  # not the system's
        "RABBITMQ_NODENAME": f"product-images-{stack_name(ground.directory)}@localhost",
        "RABBITMQ_DIST_PORT": str(ground.ports["rabbitmq-cluster"]),
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


def _write_configuration(ground: Ground, path: Path) -> None:
    lines = (
        f"listeners.tcp.default = {LOOPBACK}:{ground.ports['rabbitmq']}",
        f"default_user = {USER}",
        f"default_pass = {ground.credentials.rabbitmq_password}",
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
    )
    replace_private(path, "\n".join(lines) + "\n")
    ground.account.give(path)
