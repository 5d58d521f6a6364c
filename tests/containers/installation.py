"""An installation of the whole system in containers, made as docs/deployment.md says."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import requests

from infra.stack.ports import free_port
from tests.containers.engine import ROOT, docker, run
from tests.pictures import SAMPLE
from tests.waiting import eventually

PROJECT = "product-images-test"
IMAGE = "product-images-test/ours:current"
_SUPPLIER = f"{PROJECT}-supplier"
_PORTS = ("API_PORT", "PREFECT_PORT", "RABBITMQ_UI_PORT", "S3_PORT", "S3_CONSOLE_PORT")
_NETWORK = {"EDGE_SUBNET": "172.30.241.0/24", "EDGE_GATEWAY": "172.30.241.1"}
_SECONDS = 600  # two cores do much at once after a start
ONE_SHOTS = {"databases", "account", "bucket", "migrate", "deploy"}


class Installation:
    """Its `.env` is in a folder of its own, its project and ports are its own."""

    def __init__(self, folder: Path, images: dict[str, str]) -> None:
        self.env_file = folder / ".env"
        chosen = {
            **images,
            **_NETWORK,
            **{name: str(free_port()) for name in _PORTS},
            "PRODUCT_IMAGES_IMAGE": IMAGE,
            "BUILD_NETWORK": "host",
            "WORKERS": "1",
            "API_FAILED_KEYS_PER_MINUTE": "5",
            "FETCH_ALLOWED_PRIVATE_HOSTS": f"{_SUPPLIER}:8000",
            "PRESETS_FILE": str(ROOT / "tests" / "presets.toml"),
        }
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
        self.make_env()
        self.key = ""
        self.old_job: dict[str, Any] = {}

    def make_env(self) -> None:
        """Run the script that adds what is missing of the secrets."""
        run("sh", str(ROOT / "infra/docker/make-env.sh"), str(self.env_file))

    @property
    def env(self) -> dict[str, str]:
        """What `.env` says."""
        lines = self.env_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def set(self, name: str, value: str) -> None:
        """Change a variable in `.env`."""
        changed = {**self.env, name: value}
        self.env_file.write_text("".join(f"{key}={text}\n" for key, text in changed.items()))

    def compose(self, *arguments: str, input_bytes: bytes | None = None) -> bytes:
        """Run a command of Compose for this installation."""
        return docker(
            *("compose", "--project-name", PROJECT, "--env-file", str(self.env_file)),
            *arguments,
            input_bytes=input_bytes,
        )

    def up(self, *options: str) -> None:
        """Start everything, and wait until all of it is healthy."""
        self.compose("up", "--detach", "--no-build", *options)
        self.wait()

    def wait(self) -> None:
        """Wait until every service is healthy and every one-shot has ended well."""
        eventually(self._is_whole, "all services are healthy", seconds=_SECONDS, every_seconds=2)

    def states(self) -> list[dict[str, Any]]:
        """Return how each container is: its service, state, health, and exit code."""
        text = self.compose("ps", "--all", "--format", "json").decode()
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def _is_whole(self) -> bool:
        states = self.states()
        for each in states:
            if each["Service"] in ONE_SHOTS:
                if (each["State"], each["ExitCode"]) != ("exited", 0):
                    return False
            elif each["Health"] != "healthy":
                return False
        return len(states) > len(ONE_SHOTS)

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        return self.compose("ps", "--quiet", service).decode().split()

    def crash(self, service: str) -> None:
        """Kill the first process of each container of a service, as a lack of memory would."""
        for container in self.containers(service):
            pid = int(docker("inspect", "--format", "{{.State.Pid}}", container))
            assert pid > 1
            os.kill(pid, signal.SIGKILL)

    def create_key(self) -> None:
        """Create the API key that the calls below send."""
        create = ("product-images", "keys", "create", "--name", "shop", "--scope", "admin")
        self.key = self.compose("exec", "-T", "api", *create).decode().split()[-1]

    def url(self, path: str) -> str:
        """Return the address of a path of the API."""
        return f"http://127.0.0.1:{self.env['API_PORT']}{path}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the API; return the body of a good answer."""
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        answer = requests.request(method, self.url(path), headers=headers, timeout=60, **options)
        assert answer.ok, answer.text
        return answer.json()

    def post_image(self, preset: str = "web") -> str:
        """Post a URL of the supplier's; return the id of the job."""
        url = f"http://{_SUPPLIER}:8000/{SAMPLE.name}?{os.urandom(4).hex()}"
        wanted = {"image_url": url, "preset": preset}
        job: str = self.call("POST", "/process-image", json=wanted)["job_id"]
        return job

    def wait_for_job(self, job: str) -> dict[str, Any]:
        """Wait for the end of a job, whatever restarts meanwhile; return it."""

        def ended() -> dict[str, Any] | None:
            try:
                read: dict[str, Any] = self.call("GET", f"/jobs/{job}")
            except (requests.RequestException, AssertionError):
                return None
            return read if read["state"] not in ("queued", "running") else None

        return eventually(ended, f"the job {job} ends", seconds=_SECONDS, every_seconds=1)

    def process_image(self, preset: str = "web") -> dict[str, Any]:
        """Process an image; return the job, which is ready."""
        job = self.wait_for_job(self.post_image(preset))
        assert job["state"] == "ready", job
        return job

    def prefect(self, path: str, body: dict[str, Any]) -> Any:
        """Ask Prefect's API."""
        user, _, password = self.env["PREFECT_AUTH_STRING"].partition(":")
        answer = requests.post(
            f"http://127.0.0.1:{self.env['PREFECT_PORT']}/api{path}",
            json=body,
            auth=(user, password),
            timeout=60,
        )
        assert answer.ok, answer.text
        return answer.json()

    def start_supplier(self) -> None:
        """Serve the sample beside the workers, on the network that leads to suppliers."""
        docker("rm", "--force", _SUPPLIER)
        docker(
            *("run", "--detach", "--name", _SUPPLIER, "--network", f"{PROJECT}_edge"),
            *("--volume", f"{SAMPLE.parent}:/samples:ro", IMAGE),
            *("python", "-m", "http.server", "8000", "--directory", "/samples"),
        )

    def destroy(self) -> None:
        """Remove everything, with the data."""
        docker("rm", "--force", _SUPPLIER)
        self.compose("down", "--volumes", "--remove-orphans")

    def remains(self) -> list[str]:
        """Return what the engine still has of this installation."""
        ours = f"label=com.docker.compose.project={PROJECT}"
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [
            line
            for kind in kinds
            for line in docker(*kind, "--quiet", "--filter", ours).decode().split()
        ]


def first_variants(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the variants of the job's first image."""
    variants: list[dict[str, Any]] = job["images"][0]["variants"]
    return variants


def headers_of(url: str) -> dict[str, str]:
    """Read a variant as a browser does; return the header fields that its users depend on."""
    answer = requests.get(url, timeout=60)
    assert answer.status_code == 200, (url, answer.status_code)
    wanted = ("Content-Type", "Cache-Control", "Content-Length")
    return {name: answer.headers[name] for name in wanted}
