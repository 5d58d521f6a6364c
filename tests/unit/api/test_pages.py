"""The pages of the API: what they are told is text, whatever it holds."""

import asyncio
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI, Request
from jinja2 import UndefinedError

from api.pages.documentation import docs
from api.pages.root import root
from api.templates import render

HOSTILE = "</title><script>alert('1')</script>\" onload=\"alert(2) & {{ 1 + 1 }}"


class Page(HTMLParser):
    """The tags that a page has, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def asked(title: str, *, version: str = "0.1.0") -> Request:
    """Return a browser's request to an API of that title."""
    app = FastAPI(title=title, version=version)
    accept = (b"accept", b"text/html,*/*;q=0.8")
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [accept], "app": app})


def root_page(title: str, version: str) -> Page:
    response = asyncio.run(root(asked(title, version=version)))
    return Page(bytes(response.body).decode())


def docs_page(title: str) -> Page:
    return Page(asyncio.run(docs(asked(title))))


def test_a_hostile_name_and_version_stay_text_on_the_first_page() -> None:
    page = root_page(HOSTILE, HOSTILE)
    assert page.text.count(HOSTILE) == 3, "in the title, and as name and version in the heading"
    assert page.tags == root_page("shop", "1").tags
    assert "script" not in page.tags


def test_a_hostile_name_stays_text_on_the_page_of_the_documentation() -> None:
    page = docs_page(HOSTILE)
    assert f"{HOSTILE}: API" in page.text
    assert page.tags == docs_page("shop").tags
    assert page.tags.count("script") == 2, "both of files of ours"


def test_a_page_that_lacks_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="version"):
        render("pages/templates/root.html.j2", name="shop", links={})
