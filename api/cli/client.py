"""The command line as a client of the HTTP API."""

import mimetypes
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from pydantic import SecretStr

from infra.contract.errors import ProductImagesError, ServiceUnavailable
from infra.http import ServiceClient, lines_of, pieces_of
from infra.settings.sections import ClientSettings, SettingsError, StackSettings
from infra.stack_description import FILE_NAME, StackDescription

_DEFAULT_API = "http://127.0.0.1:8080"


class ApiRefusal(ProductImagesError):
    """The API's own code and sentence; `errors` are the details of some refusals."""

    def __init__(self, code: str, detail: str, errors: Sequence[Any] = ()) -> None:
        super().__init__(code, detail)
        self.errors = errors


class ApiClient:
    """Calls of the HTTP contract; errors are raised with the API's own code and sentence."""

    def __init__(
        self,
        base_url: str,
        *,
        key: SecretStr | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._service = ServiceClient(base_url, headers)
        self._limits = {} if timeout_seconds is None else {"timeout": timeout_seconds}

    def close(self) -> None:
        """Close the kept connections."""
        self._service.close()

    def process(self, urls: Sequence[str], files: Sequence[Path], sku: str | None) -> Any:
        """Post images of one product; return the accepted job."""
        fields: dict[str, Any] = {} if sku is None else {"sku": sku}
        if not files:
            return self._call("POST", "/process-image", json={**fields, "image_urls": list(urls)})
        with ExitStack() as stack:
            parts = []
            for path in files:
                media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                file = stack.enter_context(path.open("rb"))
                parts.append(("file", (path.name, file, media_type)))
            form = [*fields.items(), *(("image_url", url) for url in urls)]
            return self._call("POST", "/process-image", data=form, files=parts)

    def job(self, job_id: str) -> Any:
        """Return a job."""
        return self._call("GET", f"/jobs/{job_id}")

    def jobs(self, **query: Any) -> Any:
        """Return one page of jobs."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", "/jobs", params=wanted)

    @contextmanager
    def events(self, job_id: str, last_event_id: str) -> Iterator[Iterator[str]]:
        """Yield the lines of a job's stream of events, from behind that event on."""
        fields = {"Last-Event-ID": last_event_id} if last_event_id else {}
        path = f"/jobs/{job_id}/events"
        with self._reached(), self._service.stream(path, fields) as response:
            if not response.ok:
                self._answer(response, path)
            yield lines_of(response)

    def retry(self, job_id: str, image_id: str | None = None) -> Any:
        """Ask for another try of what failed, or of one failed image; return the job."""
        what = f"/jobs/{job_id}" if image_id is None else f"/jobs/{job_id}/images/{image_id}"
        return self._call("POST", f"{what}/retry")

    def cancel(self, job_id: str) -> Any:
        """Ask for the job's end; return the job."""
        return self._call("POST", f"/jobs/{job_id}/cancel")

    def hosts(self, limit: int) -> Any:
        """Return the source hosts that were asked last."""
        return self._call("GET", "/hosts", params={"limit": limit})

    def reset_host(self, host: str) -> Any:
        """Reset a source host; return it."""
        return self._call("POST", f"/hosts/{quote(host, safe='')}/reset")

    def import_file(
        self, file: BinaryIO, media_type: str, *, key: str | None = None, **query: Any
    ) -> Any:
        """Send a file as it is read; return the batch that it became, or what a dry run found."""
        wanted = {name: value for name, value in query.items() if value is not None}
        headers = {"Content-Type": media_type} | ({} if key is None else {"Idempotency-Key": key})
        return self._call("POST", "/imports", data=file, params=wanted, headers=headers)

    def mappings(self, **query: Any) -> Any:
        """Return one page of saved mappings."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", "/mappings", params=wanted)

    def mapping(self, name: str) -> Any:
        """Return a saved mapping."""
        return self._call("GET", f"/mappings/{quote(name, safe='')}")

    def save_mapping(self, name: str, reading: dict[str, Any]) -> Any:
        """Save a mapping; return it."""
        return self._call("PUT", f"/mappings/{quote(name, safe='')}", json=reading)

    def delete_mapping(self, name: str) -> None:
        """Delete a saved mapping."""
        self._call("DELETE", f"/mappings/{quote(name, safe='')}")

    def reprocess(self, selection: dict[str, Any]) -> Any:
        """Regenerate images, or count them; return the batch's id and figures."""
        return self._call("POST", "/reprocess", json=selection)

    def batch(self, batch_id: str) -> Any:
        """Return a batch."""
        return self._call("GET", f"/batches/{batch_id}")

    def batches(self, **query: Any) -> Any:
        """Return one page of batches."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", "/batches", params=wanted)

    def retry_batch(self, batch_id: str) -> Any:
        """Ask for another try of what failed; return the batch."""
        return self._call("POST", f"/batches/{batch_id}/retry")

    def cancel_batch(self, batch_id: str) -> Any:
        """Ask for the batch's end; return the batch."""
        return self._call("POST", f"/batches/{batch_id}/cancel")

    def delete_batch(self, batch_id: str) -> None:
        """Erase a batch that has ended."""
        self._call("DELETE", f"/batches/{batch_id}")

    @contextmanager
    def report(self, batch_id: str) -> Iterator[Iterator[bytes]]:
        """Yield the report of a batch in pieces."""
        path = f"/batches/{batch_id}/report.csv"
        with self._reached(), self._service.stream(path, {}) as response:
            if not response.ok:
                self._answer(response, path)
            yield pieces_of(response)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        with self._reached():
            response = self._service.request(method, path, **arguments, **self._limits)
        return self._answer(response, path)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except ServiceUnavailable as exc:
            raise ServiceUnavailable(
                "api_unavailable",
                f"The API at {self._service.base_url} does not answer. Start it "
                "(product-images stack up), or name another in API_URL.",
            ) from exc

    def _answer(self, response: Any, path: str) -> Any:
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            answer = response.json()
            if response.ok:
                return answer
            raise ApiRefusal(answer["code"], answer["detail"], answer.get("errors", ()))
        except (ValueError, KeyError, TypeError) as exc:
            raise ProductImagesError(
                f"http_{response.status_code}",
                f"{self._service.base_url}{path} answered with {response.status_code} and no "
                "explanation: is that the address of the API?",
            ) from exc


@contextmanager
def open_client(*, timeout_seconds: float | None = None) -> Iterator[ApiClient]:
    """Yield a client of the API that API_URL names, or of the local stack."""
    settings = ClientSettings.load()
    address = settings.api_url
    if address is None:
        directory = StackSettings.load().stack_directory
        try:
            address = StackDescription.load(directory / FILE_NAME).api
        except SettingsError:
            address = _DEFAULT_API
    with closing(
        ApiClient(address, key=settings.api_key, timeout_seconds=timeout_seconds)
    ) as client:
        yield client
