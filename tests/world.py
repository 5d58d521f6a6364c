"""The running system in a test's hands: HTTP calls, Prefect's API, the parts' processes."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import requests

from infra.stack.stack import Stack
from tests.waiting import eventually

FINAL = ("ready", "partial", "failed", "cancelled")
FINAL_RUN = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class World:
    """Knows the addresses of a stack; every call has a timeout."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = stack.description.api
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request to the API (a path) or to anywhere (a URL)."""
        url = path if "://" in path else self.api + path
        return self._session.request(method, url, timeout=30, **arguments)

    def post(self, *urls: str, **fields: Any) -> Any:
        """Post images and return the accepted job."""
        body = {"image_urls": list(urls), **fields}
        response = self.call("POST", "/process-image", json=body)
        assert response.status_code == 202, response.text
        return response.json()

    def job(self, job_id: str) -> Any:
        """Return a job as the API shows it."""
        response = self.call("GET", f"/jobs/{job_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def finished(
        self, job_id: str, *, seconds: float = 60, every_seconds: float | None = None
    ) -> Any:
        """Return the job when it is final."""

        def look() -> Any:
            job = self.job(job_id)
            return job if job["state"] in FINAL else None

        what = f"job {job_id} is final"
        return eventually(look, what, seconds=seconds, every_seconds=every_seconds)

    def prefect(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Prefect API as its UI does."""
        response = self.ask_prefect(method, path, json=body)
        assert response.ok, response.text
        return response.json() if response.content else None

    def ask_prefect(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request to the Prefect API, signed in; return any answer."""
        described = self.stack.description
        user, _, password = described.prefect_auth_string.partition(":")
        url = f"{described.prefect_api}{path}"
        return self.call(method, url, auth=(user, password), **arguments)

    def flow_runs(self, **filters: Any) -> Sequence[Any]:
        """Return flow runs by Prefect's own filter."""
        found: Sequence[Any] = self.prefect("POST", "/flow_runs/filter", filters)
        return found

    def flow_run(self, flow_run_id: str) -> Any:
        """Return one flow run."""
        return self.prefect("GET", f"/flow_runs/{flow_run_id}")

    def ended_run(self, job: Any) -> Any:
        """Return the job's flow run when Prefect shows its end, a moment after the job's."""

        def look() -> Any:
            run = self.flow_run(job["flow_run_id"])
            return run if run["state"]["type"] in FINAL_RUN else None

        return eventually(look, f"the run of job {job['id']} has ended")
