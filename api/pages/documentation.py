"""`GET /docs`: the API's description to read and to try, by Swagger UI from files of ours."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse

from api.problems import no_such_page
from api.templates import render

DOCS_PATH = "/docs"
CONTENT_POLICY = (
    "script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:"
)
"""What the page may load; inline styles are set by Swagger UI on its own elements."""

_HERE = Path(__file__).parent
_SWAGGER_UI = _HERE / "swagger_ui"
_FILES = {
    "swagger-ui-bundle.js": _SWAGGER_UI / "swagger-ui-bundle.js",
    "swagger-ui.css": _SWAGGER_UI / "swagger-ui.css",
    "favicon-32x32.png": _SWAGGER_UI / "favicon-32x32.png",
    "start.js": _HERE / "start.js",
}
FILE_PATHS = frozenset(f"{DOCS_PATH}/{name}" for name in _FILES)

router = APIRouter(include_in_schema=False)


@router.get(DOCS_PATH, response_class=HTMLResponse)
async def docs(request: Request) -> str:
    """Return the page."""
    return render("pages/templates/documentation.html.j2", name=request.app.title)


@router.get(DOCS_PATH + "/{name}")
async def docs_file(name: str) -> FileResponse:
    """Return one of the files that the page loads."""
    path = _FILES.get(name)
    if path is None:
        raise no_such_page(f"{DOCS_PATH}/{name}")
    return FileResponse(path, headers={"Cache-Control": "public, max-age=3600"})
