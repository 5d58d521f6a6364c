"""A supplier's server on loopback: serves pictures made in code, and counts requests."""

import io
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType

from PIL import Image, ImageFilter

import infra.stack
from tests.serving import LoopbackServer

SAMPLE = Path(infra.stack.__path__[0]) / "demo.jpg"  # nobody may write to it


def photo(width: int = 1200, height: int = 900, *, seed: int = 0, quality: int = 88) -> bytes:
    """Return a JPEG with photo-like texture; another seed gives other pixels."""
    noise = Image.effect_noise((width // 8, height // 8), 40 + seed % 50).convert("RGB")
    picture = noise.resize((width, height)).filter(ImageFilter.GaussianBlur(3))
    picture.paste((seed * 37 % 256, seed * 91 % 256, 120), (20, 20, 120, 90))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, comment=str(seed).encode())
    return out.getvalue()


class Crowd:
    """Counts who is inside the block, and how many there were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self.now -= 1


class PictureServer(LoopbackServer):
    """Serves `/photo/<seed>.jpg` and what tests put under other paths."""

    def __init__(self, port: int = 0) -> None:
        self.requests: Counter[str] = Counter()
        self.bodies: dict[str, bytes] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.past_the_gate: set[str] = set()  # paths that are served at once all the same
        self.refusals: dict[str, tuple[int, dict[str, str]]] = {}  # statuses with their headers
        self.etags: dict[str, str] = {}
        self.unchanged: Counter[str] = Counter()  # how often 304 was answered
        self.asked_at: list[float] = []  # monotonic moments, one a request
        self.refused_at: list[float] = []  # when a refusal was about to be sent
        self.unanswered = Crowd()
        super().__init__(type("Handler", (_Handler,), {"pictures": self}), port)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gate.set()
        super().__exit__(exc_type, exc, traceback)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"{self.address}{path}"

    def photo(self, seed: int) -> str:
        """Return the address of a picture that no other seed has.

        It has all widths of the preset `web` but the largest, and few pixels.
        """
        path = f"/photo/{seed}.jpg"
        self.bodies.setdefault(path, photo(820, 160, seed=seed))
        return self.url(path)


class _Handler(BaseHTTPRequestHandler):
    pictures: PictureServer

    def do_GET(self) -> None:
        self.pictures.asked_at.append(time.monotonic())
        self.pictures.requests[self.path] += 1
        with self.pictures.unanswered:
            if self.path not in self.pictures.past_the_gate:
                self.pictures.gate.wait(60)
        if self.path in self.pictures.refusals:
            self.pictures.refused_at.append(time.monotonic())
            self._refuse(*self.pictures.refusals[self.path])
            return
        etag = self.pictures.etags.get(self.path)
        if etag is not None and self.headers.get("If-None-Match") == etag:
            self.pictures.unchanged[self.path] += 1
            self._refuse(304, {"ETag": etag})
            return
        body = self.pictures.bodies.get(self.path)
        self.send_response(404 if body is None else 200)
        if etag is not None:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body or b"")))
        with suppress(ConnectionError):  # whoever asked may be gone, which some tests want
            self.end_headers()
            self.wfile.write(body or b"")

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):
            self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""
