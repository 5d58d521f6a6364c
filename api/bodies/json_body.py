"""The JSON object that a request must have as its body, for routes that take nothing else."""

from typing import Annotated, Any

from fastapi import Depends, Request

from api.bodies.submission import JSON_TYPES, media_type_of, read_json
from api.dependencies import Resources
from infra.contract.errors import ErrorCode, Rejected


async def json_of(request: Request, resources: Resources) -> dict[str, Any]:
    """Return the object's members. Raises `Rejected` (400, 413, 415, 422)."""
    media_type = media_type_of(request.headers.get("content-type", ""))
    if media_type not in JSON_TYPES:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"{media_type} is not read here. Send application/json.",
        )
    return (await read_json(request, resources.configuration.api)).fields


JsonBody = Annotated[dict[str, Any], Depends(json_of)]
