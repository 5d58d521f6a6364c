"""What routes are given: the process's resources and the request's body."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request

from api.bodies.submission import JSON_TYPES, Body, media_type_of, read_body, read_json
from api.resources import ApiResources
from infra.contract.errors import ErrorCode, Rejected


def resources_of(request: Request) -> ApiResources:
    """Return what the process opened at its start."""
    resources: ApiResources = request.app.state.resources
    return resources


Resources = Annotated[ApiResources, Depends(resources_of)]


async def body_of(request: Request, resources: Resources) -> AsyncIterator[Body]:
    """Yield the request's body, read within its limits."""
    async with read_body(request, resources.configuration.api) as body:
        yield body


RequestBody = Annotated[Body, Depends(body_of)]


async def json_of(request: Request, resources: Resources) -> dict[str, Any]:
    """Return the members of a body that must be JSON. Raises `Rejected` (400, 413, 415, 422)."""
    media_type = media_type_of(request.headers.get("content-type", ""))
    if media_type not in JSON_TYPES:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"{media_type} is not read here. Send application/json.",
        )
    return (await read_json(request, resources.configuration.api)).fields


JsonBody = Annotated[dict[str, Any], Depends(json_of)]
