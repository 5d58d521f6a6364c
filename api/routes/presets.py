"""`/presets`: what each makes, and what each would make of a file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import RequestBody, Resources
from api.openapi.problem_examples import answers
from api.schemas.presets import PresetList, ShownPreset, TriedPresets
from api.schemas.submissions import require_preset
from infra.contract.errors import ErrorCode, Rejected

router = APIRouter(prefix="/presets", tags=["presets"])

_MOST = 10
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}


@router.get("", response_model=PresetList, summary="List presets")
def get_presets(resources: Resources) -> PresetList:
    """Return what each preset makes: sizes, formats, and how an image meets a size."""
    presets = resources.configuration.presets
    return PresetList(presets=[ShownPreset.of(presets.named(name)) for name in presets])


@router.post(
    "/try",
    response_model=TriedPresets,
    responses=answers(
        *(ErrorCode.BODY_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE),
        *(ErrorCode.UNKNOWN_PRESET, ErrorCode.DECODE_TIMEOUT, ErrorCode.TRY_OUTS_FULL),
    ),
    openapi_extra=_FILE,
    summary="Try presets on a file",
)
def post_try(
    body: RequestBody,
    resources: Resources,
    *,
    preset: Annotated[
        list[str] | None, Query(max_length=_MOST, description="several are possible")
    ] = None,
    pictures: Annotated[bool, Query(description="whether variants come with their data")] = True,
) -> TriedPresets:
    """Return what presets, `web` by default, would make of a picture. Nothing is stored.

    A file that would be refused has its error in each result.
    """
    names = list(dict.fromkeys(preset or ["web"]))
    for name in names:
        require_preset(name, resources.configuration.presets)
    if len(body.files) != 1 or body.fields:
        detail = "Send one file as multipart/form-data, and presets in the query."
        raise Rejected(422, ErrorCode.INVALID_REQUEST, detail)
    with TemporaryDirectory(prefix="product-images-try-") as folder:
        results = resources.try_outs.make(body.files[0], Path(folder), names)
        return TriedPresets.of(results, with_data=pictures)
