"""Renders a page of the console, with what every page has: navigation, session, content policy."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.auth.session import CONSOLE_PATH, COOKIE, Session
from api.console.notices import notice_of
from api.console.static_files import static_url
from api.console.viewer import session_of, viewer_of
from api.dependencies import resources_of
from api.templates import render

_TEMPLATES = "console/templates"
_NAVIGATION = (
    ("", "Overview", "overview", False),
    ("/products", "Products", "products", False),
    ("/batches", "Imports", "batches", False),
    ("/failures", "Failures", "failures", False),
    ("/suppliers", "Suppliers", "suppliers", True),
    ("/presets", "Presets", "presets", False),
    ("/settings", "Settings", "settings", True),
)
"""Path, label, icon, and whether it is for operators only."""

_SECTIONS = {"/products": ("/products", "/jobs"), "/batches": ("/batches", "/imports")}
"""What lies behind an entry besides its own path."""


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page; `template` is a name in `templates`. A new visitor's session begins here."""
    sessions = resources_of(request).sessions
    known = session_of(request)
    session = known or sessions.begin()
    response = HTMLResponse(_rendered(request, template, session, values=values), status)
    response.headers["Content-Security-Policy"] = content_policy(request)
    # Without a referrer a browser names no origin with a form either, and the guard wants ours.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"  # what a key showed does not outlive it
    if known is None:
        keep_session(request, response, session)
    return response


def fragment(request: Request, template: str, **values: object) -> str:
    """Return a piece of a page, for a page that is open."""
    session = session_of(request)
    return render(
        f"{_TEMPLATES}/{template}",
        viewer=viewer_of(request),
        csrf="" if session is None else session.csrf,
        **values,
    )


def redirect(path: str, *, done: str | None = None) -> Response:
    """Lead on after a change; `done` names the notice that the next page shows."""
    query = "" if done is None else ("&" if "?" in path else "?") + urlencode({"done": done})
    return RedirectResponse(CONSOLE_PATH + path + query, 303)


def keep_session(request: Request, response: Response, session: Session) -> None:
    """Have the browser keep the session, for the console alone."""
    response.set_cookie(
        COOKIE,
        session.text,
        max_age=resources_of(request).sessions.seconds,
        path=CONSOLE_PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def content_policy(request: Request) -> str:
    """Return what a page may load: our own files, and images from the store's public address."""
    assets = urlsplit(resources_of(request).configuration.assets.public_asset_url)
    return (
        f"default-src 'self'; img-src 'self' data: {assets.scheme}://{assets.netloc}; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _rendered(request: Request, template: str, session: Session, *, values: dict[str, Any]) -> str:
    viewer, here = viewer_of(request), request.url.path.removeprefix(CONSOLE_PATH)
    navigation = [
        {
            "address": CONSOLE_PATH + path,
            "label": label,
            "icon": icon,
            "is_here": here.startswith(_SECTIONS.get(path, (path,))) if path else not here,
        }
        for path, label, icon, for_admins in _NAVIGATION
        if viewer.is_admin or not for_admins
    ]
    return render(
        f"{_TEMPLATES}/{template}",
        viewer=viewer,
        csrf=session.csrf,
        navigation=navigation,
        notice=notice_of(request.query_params.get("done")),
        static=static_url,
        **values,
    )
