"""A headless browser with one page open, and the server that the page tells what it hears."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from signal import SIGKILL
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from infra.stack.services.install import install, privilege
from tests.serving import LoopbackServer

_PACKAGE = "chromium-headless-shell"
_PROGRAMS = (_PACKAGE, "chromium")
_MISSING = (
    "No browser is here. Install Chromium (Debian: apt-get install --no-install-recommends "
    f"{_PACKAGE}); run as root, the tests do that themselves."
)
# `--no-sandbox`: Chromium refuses to run as root otherwise, and its only page is ours.
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_ALONE = ("--no-first-run", "--disable-background-networking", "--no-proxy-server")


class TellingPage(LoopbackServer):
    """Serves one page, and keeps in order what the page posts to `/heard`, as JSON."""

    def __init__(self) -> None:
        self.html = ""
        self.heard: list[Any] = []
        super().__init__(type("Handler", (_Handler,), {"page": self}))


class _Handler(BaseHTTPRequestHandler):
    page: TellingPage

    def do_GET(self) -> None:
        self._answer(self.page.html.encode() if self.path == "/" else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.page.heard.append(json.loads(body))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def browsing(url: str, folder: Path) -> Iterator[None]:
    """Show a page while the block runs; what the browser keeps and logs goes to `folder`."""
    program = _require_browser(folder / "install.log")
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *_OPTIONS, *_ALONE, f"--user-data-dir={folder / 'profile'}", url],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its children end with it
        )
        try:
            yield
        finally:
            os.killpg(process.pid, SIGKILL)
            process.wait()


@contextmanager
def driven(folder: Path) -> Iterator[Browser]:
    """Yield a browser whose pages a test opens; `folder` takes the log of an installation."""
    program = _require_browser(folder / "install.log")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*_OPTIONS[1:], *_ALONE], chromium_sandbox=False
        )
        yield browser
        browser.close()


def rendered(url: str, folder: Path) -> str:
    """Return what a page looks like to a program once its scripts have run."""
    program = _require_browser(folder / "install.log")
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [program, *_OPTIONS, *_ALONE, profile, "--virtual-time-budget=20000", "--dump-dom", url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def _require_browser(log: Path) -> str:
    found = _find_browser()
    prefix = privilege() if found is None else None
    if prefix is not None:
        install(prefix, log, _PACKAGE)
        found = _find_browser()
    assert found is not None, f"{_MISSING} What was tried: {log}" if log.exists() else _MISSING
    return found


def _find_browser() -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)
