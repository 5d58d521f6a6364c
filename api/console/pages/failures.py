"""Images that failed, in groups of one reason and one supplier, and a batch that retries them."""

from fastapi import APIRouter, Request, Response

from api.auth.session import CONSOLE_PATH
from api.console.page import page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import failures

router = APIRouter(prefix=f"{CONSOLE_PATH}/failures", include_in_schema=False)


@router.get("")
async def get_failures(request: Request, resources: Resources) -> Response:
    """Show the groups, the largest first."""
    return page(request, "failures.html.j2", failures=await failures.get_failures(resources))


@router.post("/retry")
def post_retry(resources: Resources, response: Response, form: Form) -> Response:
    """Retry a group: one reason, one supplier, both or all."""
    named = {name: str(form[name]) for name in ("code", "host") if form.get(name)}
    started = failures.post_retry(named, resources, None, response)
    if started.batch_id is None:
        return redirect("/failures", done="nothing-failed")
    return redirect(f"/batches/{started.batch_id}", done="failures-retried")
