"""The Docker engine that the tests of the containers use, through its own command line."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 1800
# Every builder can build our image, so the plainest one does.
_ENVIRONMENT = {"DOCKER_BUILDKIT": "0", "COMPOSE_BAKE": "false", "COMPOSE_ANSI": "never"}


class EngineError(Exception):
    """A command failed; the message has its output."""


def docker(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    input_bytes: bytes | None = None,
    cwd: Path = ROOT,
) -> bytes:
    """Run a command of Docker's; return what it writes. Raises `EngineError`."""
    return run("docker", *arguments, environment=environment, input_bytes=input_bytes, cwd=cwd)


def run(
    *command: str,
    environment: Mapping[str, str] | None = None,
    input_bytes: bytes | None = None,
    cwd: Path = ROOT,
) -> bytes:
    """Run a command; return what it writes. Raises `EngineError`."""
    answer = subprocess.run(
        command,
        env={**os.environ, **_ENVIRONMENT, **(environment or {})},
        input=input_bytes,
        stdin=subprocess.DEVNULL if input_bytes is None else None,
        capture_output=True,
        cwd=cwd,
        timeout=_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        said = (answer.stdout + answer.stderr).decode(errors="replace")
        raise EngineError(f"{' '.join(command)} ended with {answer.returncode}:\n{said[-6000:]}")
    return answer.stdout


def missing() -> str | None:
    """Return what keeps these tests from running here, and what to do; None when nothing does."""
    for command, what in (
        (("docker", "version"), "No Docker engine answers: install Docker Engine and start it."),
        (("docker", "compose", "version"), "Docker has no Compose 2: install its plugin."),
    ):
        try:
            run(*command)
        except (EngineError, FileNotFoundError, subprocess.TimeoutExpired):
            return what
    return None


def has_image(name: str) -> bool:
    """Whether the engine has an image of this name."""
    return bool(docker("image", "ls", "--quiet", name).strip())


def build(
    tag: str,
    context: Path,
    *,
    file: Path,
    arguments: Sequence[str] = (),
) -> None:
    """Build an image. It may use the machine's network, which alone reaches some registries."""
    options = [word for argument in arguments for word in ("--build-arg", argument)]
    docker(
        *("build", "--quiet", "--network", "host", "--tag", tag, "--file", str(file)),
        *(*options, str(context)),
    )
