"""The files that pages load: compressed once, and named by their content, so that they stay."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from api.auth.session import STATIC_PATH
from api.problems import no_such_page

_HERE = Path(__file__).parent / "static"
_VERSION_CHARACTERS = 12
_SCRIPT, _STYLE, _ICON = "text/javascript", "text/css", "image/svg+xml"
_FILES = {
    "console.css": (_HERE / "console.css", _STYLE),
    "console.js": (_HERE / "console.js", _SCRIPT),
    "icon.svg": (_HERE / "icon.svg", _ICON),
    "htmx.min.js": (_HERE / "vendor" / "htmx.min.js", _SCRIPT),
    "htmx-ext-sse.min.js": (_HERE / "vendor" / "htmx-ext-sse.min.js", _SCRIPT),
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    media_type: str
    content: bytes
    compressed: bytes
    version: str


@cache
def _read(name: str) -> StaticFile:
    path, media_type = _FILES[name]
    content = path.read_bytes()
    version = sha256(content).hexdigest()[:_VERSION_CHARACTERS]
    return StaticFile(media_type, content, gzip.compress(content, mtime=0), version)


def static_url(name: str) -> str:
    """Return the address of a file; another content has another address."""
    return f"{STATIC_PATH}{name}?v={_read(name).version}"


@router.get(STATIC_PATH + "{name}")
async def static_file(name: str, request: Request) -> Response:
    """Return a file that pages load."""
    if name not in _FILES:
        raise no_such_page(f"{STATIC_PATH}{name}")
    file = _read(name)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.content, headers=headers, media_type=file.media_type)
    headers["Content-Encoding"] = "gzip"
    return Response(file.compressed, headers=headers, media_type=file.media_type)
