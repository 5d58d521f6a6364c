"""Signing in with an API key, and out again."""

import json

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.auth.caller import caller_of
from api.auth.key_check import KeyCheck
from api.auth.refusals import unauthorized
from api.auth.session import CONSOLE_PATH, COOKIE, SIGN_IN_PATH, SIGN_OUT_PATH, is_console
from api.console.page import keep_session, page
from api.console.viewer import Form
from api.dependencies import Resources
from api.resources import ApiResources
from tasks.keys.form import PresentedKey, parse_key

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN_PATH)
async def get_sign_in(request: Request, resources: Resources) -> Response:
    """Return the form; while no key exists there is nothing to sign in with."""
    keys = resources.known_keys
    answer = await to_thread.run_sync(keys.ask, resources.database, None)
    if answer.is_open:
        return RedirectResponse(CONSOLE_PATH, 303)
    wanted = _own(request.query_params.get("next"))
    return page(request, "sign_in.html.j2", next=wanted, problem=None)


@router.post(SIGN_IN_PATH)
async def post_sign_in(request: Request, resources: Resources, form: Form) -> Response:
    """Begin a session of the key, and lead to where its holder wanted to go."""
    wanted = _own(str(form.get("next", "")))
    proved = await _prove(request, resources, str(form.get("key", "")).strip())
    if isinstance(proved, Response):
        problem, status = json.loads(bytes(proved.body)), proved.status_code
        return page(request, "sign_in.html.j2", status=status, next=wanted, problem=problem)
    response = RedirectResponse(wanted, 303)
    keep_session(request, response, resources.sessions.begin(proved.id))
    return response


@router.post(SIGN_OUT_PATH)
async def post_sign_out(_form: Form) -> Response:
    """Have the browser forget the session."""
    response = RedirectResponse(f"{SIGN_IN_PATH}?done=signed-out", 303)
    response.delete_cookie(COOKIE, path=CONSOLE_PATH, httponly=True, samesite="strict")
    return response


async def _prove(request: Request, resources: ApiResources, text: str) -> PresentedKey | Response:
    """Return the key when it opens something, else the refusal that the API would answer with."""
    check: KeyCheck = request.app.state.key_check
    shown = parse_key(text)
    if shown is None:
        return unauthorized(offered=True)
    answer = await check.ask(resources, caller_of(request.scope), shown)
    if isinstance(answer, Response):
        return answer
    return unauthorized(offered=True) if answer.grant is None else shown


def _own(address: str | None) -> str:
    """Return an address within the console: no form may lead elsewhere."""
    return address if address and is_console(address.partition("?")[0]) else CONSOLE_PATH
