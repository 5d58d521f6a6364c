"""What a person asks for with the parameters of a product run in Prefect's UI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from infra.contract.errors import ErrorCode, FetchRefused, Rejected
from infra.contract.states import Lane
from infra.db.storable import MAX_SKU_CHARACTERS, require_line
from infra.fetch.response_headers import MAX_URL_CHARACTERS
from infra.fetch.safety.source_url import parse_source_url
from infra.settings.sections import RequestSettings
from tasks.imaging.presets.catalogue import Presets
from tasks.submission.submit import Submission

_REFUSED = 422


@dataclass(frozen=True, slots=True)
class RunParameters:
    """A job to continue, or images to process as a new one."""

    job_id: UUID | None = None
    image_urls: tuple[str, ...] = ()
    sku: str | None = None
    preset: str = "web"

    @classmethod
    def of(
        cls, parameters: Mapping[str, Any], presets: Presets, limits: RequestSettings
    ) -> "RunParameters":
        """Read a run's parameters, within the limits of the API; raise `PermanentError`."""
        given = {name: value for name, value in parameters.items() if value not in (None, "", [])}
        try:
            run_parameters = TypeAdapter(cls).validate_python(given)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise _rejected(f"The parameter {where} is not usable: {first['msg']}.") from exc
        _require_sense(run_parameters, presets, limits)
        return run_parameters

    def submission(self, flow_run_id: UUID) -> Submission:
        """Return the new job to submit, shown by this run."""
        urls = (parse_source_url(url, max_characters=MAX_URL_CHARACTERS) for url in self.image_urls)
        return Submission(
            preset=self.preset,
            urls=tuple(url.text for url in urls),
            sku=(self.sku or "").strip() or None,
            lane=Lane.INTERACTIVE,
            flow_run_id=flow_run_id,
        )


def _require_sense(
    run_parameters: RunParameters, presets: Presets, limits: RequestSettings
) -> None:
    if (run_parameters.job_id is None) == (not run_parameters.image_urls):
        raise _rejected("Give either image_urls, for a new job, or the job_id of an old one.")
    if len(run_parameters.image_urls) > limits.max_urls:
        raise _rejected(f"Give at most {limits.max_urls} image URLs in one run.")
    if run_parameters.sku is not None:
        if len(run_parameters.sku) > MAX_SKU_CHARACTERS:
            raise _rejected(f"A sku has at most {MAX_SKU_CHARACTERS} characters.")
        try:
            require_line(run_parameters.sku)
        except ValueError as exc:
            raise _rejected(f"The sku {exc}.") from exc
    presets.named(run_parameters.preset)
    for index, url in enumerate(run_parameters.image_urls):
        try:
            parse_source_url(url, max_characters=limits.max_url_characters)
        except FetchRefused as exc:
            raise _rejected(f"image_urls, number {index}: {exc.detail}") from exc


def _rejected(detail: str) -> Rejected:
    return Rejected(_REFUSED, ErrorCode.INVALID_REQUEST, detail)
