"""Log lines for people and for programs, and the name of a request in each of them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
import structlog
from structlog.contextvars import bound_contextvars, clear_contextvars

from infra import logs
from infra.request_id import MAX_CHARACTERS, current_request_id, new_request_id, usable
from tasks.pixels.priority_queue import PixelCall

Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Configure logging by variables; return what is written from then on."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.chdir("/")  # where no .env lies
    clear_contextvars()

    def start(least: int = logging.NOTSET, **variables: str) -> io.StringIO:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        written = io.StringIO()
        monkeypatch.setattr(logs.sys, "stderr", written)
        logs.configure_logs(least)
        return written

    yield start
    structlog.reset_defaults()  # else loggers of other tests keep what is configured here


def lines(written: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_program_reads_one_object_per_line_also_of_libraries(configure: Configure) -> None:
    written = configure(LOG_FORMAT="json")
    with bound_contextvars(request_id="r-1"):
        structlog.get_logger("ours").info("stored", sku="a\x1b\nb", count=2)
    logging.getLogger("library").warning("it %s", "broke")

    ours, theirs = lines(written)
    assert {**ours, "timestamp": ""} == {
        "event": "stored",
        "sku": "a\x1b\nb",
        "count": 2,
        "request_id": "r-1",
        "level": "info",
        "logger": "ours",
        "timestamp": "",
    }
    assert (theirs["event"], theirs["level"]) == ("it broke", "warning")
    assert "\x1b" not in written.getvalue()


def test_an_exception_is_one_line_for_programs(configure: Configure) -> None:
    written = configure(LOG_FORMAT="json")
    try:
        int("wrong")
    except ValueError:
        structlog.get_logger("ours").exception("failed")

    (line,) = lines(written)
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.parametrize(
    ("variables", "least", "shown"),
    [
        ({}, logging.NOTSET, ["info", "warning"]),
        ({"LOG_LEVEL": "debug"}, logging.NOTSET, ["debug", "info", "warning"]),
        ({"LOG_LEVEL": "error"}, logging.NOTSET, []),
        ({"LOG_LEVEL": "debug"}, logging.WARNING, ["warning"]),
    ],
)
def test_the_level_says_what_is_left_out(
    configure: Configure, variables: dict[str, str], least: int, shown: list[str]
) -> None:
    written = configure(least, LOG_FORMAT="json", **variables)
    log = structlog.get_logger("ours")
    for level in ("debug", "info", "warning"):
        getattr(log, level)("said")
    logging.getLogger("httpx").info("each request")

    assert [line["level"] for line in lines(written)] == shown


@pytest.mark.parametrize(("variable", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud")])
def test_a_wrong_value_ends_the_process(configure: Configure, variable: str, value: str) -> None:
    with pytest.raises(SystemExit, match=rf"^{variable} is wrong: "):
        configure(**{variable: value})


@pytest.mark.parametrize("text", ["a", "0af7-65", "A.b_c:d+e/f=g@h", "x" * MAX_CHARACTERS])
def test_a_name_that_logs_can_carry_is_kept(text: str) -> None:
    assert usable(text) == text


@pytest.mark.parametrize("text", ["", "-a", "a b", "a\n", "ä", "x" * (MAX_CHARACTERS + 1), None, 7])
def test_any_other_name_is_not_used(text: object) -> None:
    assert usable(text) is None


def test_the_current_request_is_the_one_that_is_bound() -> None:
    assert current_request_id() is None
    assert usable(new_request_id()) != new_request_id()
    with bound_contextvars(request_id="r-2"):
        assert current_request_id() == "r-2"


def test_what_the_pixel_pool_logs_of_a_call_names_its_caller() -> None:
    with bound_contextvars(request_id="r-3"):
        call = PixelCall(None, Future())

    assert call.context.run(current_request_id) == "r-3"
