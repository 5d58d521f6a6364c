"""A person at the console without scripts: pages, their forms, and the session in a cookie."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import requests

from infra.contract.scopes import Scope
from tests.contract.api.support.keyed import Keyed

COOKIE = "product_images_console"
_SECONDS = 30


class Page(HTMLParser):
    """What a page holds: its tags, its text, the forms' tokens and targets."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.forms: set[str] = set()
        self.fields: dict[str, str] = {}
        self.code: str | None = None  # of the problem that the page shows
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += told.items()
        if tag == "form" and told.get("method") == "post":
            self.forms.add(told["action"])
        if tag == "input" and told.get("type") == "hidden":
            self.fields[told["name"]] = told.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags[-1:] == ["code"] and ("class", "problem") in self.attributes:
            self.code = self.code or data


@dataclass
class Browser:
    """Keeps cookies, follows nothing, and sends a form with the token of the page it was on."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request."""
        url = self.base + path
        return self.session.request(
            method, url, timeout=_SECONDS, allow_redirects=False, **arguments
        )

    def page(self, path: str, status: int = 200) -> Page:
        """Open a page."""
        response = self.ask("GET", path)
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"].startswith("text/html")
        return Page(response.text)

    def send(self, path: str, on: str, **fields: Any) -> requests.Response:
        """Send a form that is on a page; `file` among the fields is a file's name and content."""
        hidden = self.page(on).fields
        files = {"file": fields.pop("file")} if "file" in fields else None
        return self.ask("POST", path, data={**hidden, **fields}, files=files)

    def streamed(self, path: str, awaited: str) -> str:
        """Return what a stream has sent when the awaited text has come."""
        sent = ""
        with self.ask("GET", path, stream=True) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            for line in response.iter_lines(chunk_size=1, decode_unicode=True):
                sent += f"{line}\n"
                if awaited in line:
                    break
        return sent

    def sign_in(self, text: str) -> requests.Response:
        """Show a key."""
        return self.send("/console/sign-in", "/console/sign-in", key=text)


def signed_in(keyed: Keyed, scope: Scope) -> Browser:
    """Return the browser of somebody with a new key of this scope."""
    browser = Browser(keyed.api.url)
    response = browser.sign_in(keyed.issue(scope).text)
    assert response.status_code == 303, response.text
    return browser
