"""What routes are given: the process's resources and the request's body."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from api.bodies.submission import Body, read_body
from api.resources import ApiResources


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
