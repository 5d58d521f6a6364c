"""One installation for all tests here: first of the commit before, then upgraded to this tree."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import stand_ins
from tests.containers.engine import ROOT, build, missing
from tests.containers.installation import IMAGE, Installation

_BEFORE = os.environ.get("UPGRADE_FROM") or "HEAD^"
_PUBLISHED = os.environ.get("IMAGES") == "published"


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """What the variables of images are set to: stand-ins, or with IMAGES=published nothing."""
    reason = missing()
    if reason is not None:
        pytest.exit(f"The containers cannot be tested here. {reason}", returncode=1)
    if _PUBLISHED:
        return {}
    return {variable: stand_ins.image(name) for variable, name in stand_ins.VARIABLES.items()}


@pytest.fixture(scope="session")
def seaweedfs(images: dict[str, str]) -> str:
    """The image of the other object store."""
    return "chrislusf/seaweedfs:4.48" if _PUBLISHED else stand_ins.image(stand_ins.SEAWEEDFS)


@pytest.fixture(scope="session")
def rclone(images: dict[str, str]) -> str:
    """An image of the S3 client that the recipe for backups uses."""
    return "rclone/rclone:1" if _PUBLISHED else stand_ins.image(stand_ins.RCLONE)


@pytest.fixture(scope="session")
def first(
    images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A new installation, with the image of the commit before this one."""
    installation = Installation(tmp_path_factory.mktemp("installation"), images)
    installation.destroy()
    _build_commit(_BEFORE, installation.env)
    installation.up()
    installation.create_key()
    installation.start_supplier()
    yield installation
    installation.destroy()


@pytest.fixture(scope="session")
def installation(first: Installation) -> Installation:
    """The same, upgraded to this tree as docs/deployment.md says."""
    first.old_job = first.process_image()
    first.make_env()
    first.compose("build")
    first.compose("stop", "api", "worker")
    first.up()
    return first


def _build_commit(commit: str, env: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen(
            ["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE
        ) as archive:
            subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        python = [f"PYTHON_IMAGE={env['PYTHON_IMAGE']}"] if "PYTHON_IMAGE" in env else []
        file = Path(folder) / "infra/docker/Dockerfile"
        build(IMAGE, Path(folder), file=file, arguments=python)
