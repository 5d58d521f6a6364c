"""What each preset makes, and what each would make of a picture on the desk."""

from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.auth.session import CONSOLE_PATH
from api.bodies.submission import Body
from api.console.page import fragment, page
from api.console.uploads import kept_file
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import presets
from infra.contract.errors import ErrorCode, Rejected

router = APIRouter(prefix=f"{CONSOLE_PATH}/presets", include_in_schema=False)


@router.get("")
def get_presets(request: Request, resources: Resources) -> Response:
    """List the presets."""
    return page(request, "presets.html.j2", presets=presets.get_presets(resources).presets)


@router.post("/try")
def post_try(request: Request, resources: Resources, form: Form) -> Response:
    """Show what presets would make of a picture; nothing is stored."""
    names = [str(name) for name in form.getlist("preset")]
    with TemporaryDirectory(prefix="product-images-upload-") as directory:
        file = kept_file(form, Path(directory))
        if file is None:
            detail = "No picture was chosen. Choose one first."
            raise Rejected(422, ErrorCode.INVALID_REQUEST, detail)
        tried = presets.post_try(Body(files=(file,)), resources, preset=names or None)
    if "hx-request" in request.headers:
        return HTMLResponse(fragment(request, "preset_results.html.j2", results=tried.results))
    return page(request, "presets_tried.html.j2", results=tried.results)
