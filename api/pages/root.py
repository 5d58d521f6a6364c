"""`GET /`: what this is, and where to go on; for programs, and for people in a browser."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from api.pages.documentation import DOCS_PATH
from api.templates import render

router = APIRouter(tags=["health"])


class Start(BaseModel):
    """The addresses to begin with, relative to this one."""

    name: str = Field(examples=["product-images"])
    version: str = Field(examples=["0.1.0"])
    links: dict[str, str] = Field(examples=[{"documentation": "/docs"}])


_LINKS = {
    "documentation": DOCS_PATH,
    "openapi": "/openapi.json",
    "health": "/healthz",
    "readiness": "/readyz",
    "process_image": "/process-image",
    "jobs": "/jobs",
    "products": "/products",
    "batches": "/batches",
}
_PAGES = ("documentation", "openapi", "health", "readiness")  # that a browser can open
_TEMPLATE = "pages/templates/root.html.j2"
_HTML = {"schema": {"type": "string"}, "example": '<!DOCTYPE html>\n<html lang="en">…</html>\n'}


@router.get(
    "/",
    response_class=JSONResponse,
    response_model=Start,
    responses={200: {"content": {"text/html": _HTML}}},
    summary="Where to begin",
)
async def root(request: Request) -> Response:
    """Return the name, the version and the addresses; as a page when `text/html` is asked for."""
    app = request.app
    headers = {"Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        links = {link: _LINKS[link].removeprefix("/") for link in _PAGES}
        page = render(_TEMPLATE, name=app.title, version=app.version, links=links)
        return HTMLResponse(page, headers=headers)
    start = Start(name=app.title, version=app.version, links=_LINKS)
    return JSONResponse(start.model_dump(), headers=headers)
