"""A small S3 server that keeps its word only as far as a test wants."""

import hashlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from tests.serving import LoopbackServer


@dataclass
class Promise:
    """What the server says of an object; None: the truth."""

    put_status: int = 200
    etag: str | None = None
    size: int | None = None
    body: bytes | None = None
    forgets: bool = False


class StrangeStore(LoopbackServer):
    """Accepts every object and answers about it as promised."""

    def __init__(self, promise: Promise | None = None) -> None:
        self.promise = promise or Promise()
        self.objects: dict[str, bytes] = {}
        super().__init__(type("Handler", (_Handler,), {"strange": self}))

    @property
    def endpoint(self) -> str:
        """Its address."""
        return self.address


class _Handler(BaseHTTPRequestHandler):
    strange: StrangeStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.strange.objects[self.path] = body
        self.send_response(self.strange.promise.put_status)
        self.send_header("ETag", f'"{self._etag(body)}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        promise = self.strange.promise
        kept = None if promise.forgets else self.strange.objects.get(self.path)
        if kept is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = kept if promise.body is None else promise.body
        self.send_response(200)
        self.send_header("ETag", f'"{self._etag(body)}"')
        self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        self.send_header("Content-Type", "image/jpeg")
        claimed = len(body) if with_body or promise.size is None else promise.size
        self.send_header("Content-Length", str(claimed))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _etag(self, body: bytes) -> str:
        return self.strange.promise.etag or hashlib.md5(body).hexdigest()

    def log_message(self, *args: object) -> None:
        """Say nothing."""
