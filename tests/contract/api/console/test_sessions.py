"""Who may see the console and change something there: sessions, scopes, forms, and their ends."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from infra.contract.scopes import Scope
from infra.stack.stack import Stack
from tasks.keys.change import create_key, revoke_key
from tasks.keys.form import new_key
from tests.contract.api.support.browsing import COOKIE, Browser, Page, signed_in
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.running import changed, problem, running_api
from tests.waiting import eventually

UNKNOWN = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack) as serving:
        create_key(serving.database, name="the first one", scope=Scope.ADMIN)
        yield serving


def test_without_keys_there_is_no_form_and_all_may_be_done(stack: Stack) -> None:
    with keyed_api(stack) as young:
        browser = Browser(young.api.url)
        assert browser.ask("GET", "/console/sign-in").headers["Location"] == "/console"
        page = browser.page("/console/batches")
        assert "Import a file" in page.text
        assert "/console/sign-out" not in page.forms
        started = browser.send(f"/console/batches/{UNKNOWN}/retry", "/console/imports")
        assert (started.status_code, Page(started.text).code) == (404, "not_found")

        foreign = {"Origin": "https://stranger.example"}
        refused = browser.ask("POST", f"/console/batches/{UNKNOWN}/retry", headers=foreign)
        assert (refused.status_code, Page(refused.text).code) == (403, "forbidden")
        elsewhere = browser.ask("GET", "/console", headers={"Host": "rebound.example"})
        assert (elsewhere.status_code, Page(elsewhere.text).code) == (401, "unauthorized")


def test_a_page_leads_to_the_form_and_the_form_back_to_the_page(keyed: Keyed) -> None:
    browser = Browser(keyed.api.url)
    asked = browser.ask("GET", "/console/batches?state=failed")
    assert asked.status_code == 303
    form = asked.headers["Location"]
    assert form == "/console/sign-in?next=%2Fconsole%2Fbatches%3Fstate%3Dfailed"

    key = keyed.issue(Scope.READ)
    answer = browser.send("/console/sign-in", form, key=f" {key.text}\n")

    assert answer.headers["Location"] == "/console/batches?state=failed"
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/console"} <= set(cookie.split("; "))
    assert key.view.id in cookie
    assert key.text.rpartition("_")[2][:20] not in cookie
    assert browser.page("/console").text.count(key.view.id) == 1


@pytest.mark.parametrize("text", ["", "x", new_key()])
def test_a_wrong_key_is_told_in_a_sentence_with_its_code(keyed: Keyed, text: str) -> None:
    browser = Browser(keyed.api.url)
    answer = browser.sign_in(text)
    assert answer.status_code == 401
    assert "mistyped, unknown, expired or revoked" in answer.text
    assert "<code>unauthorized</code>" in answer.text
    assert browser.ask("GET", "/console").status_code == 303


def test_many_wrong_keys_are_refused_as_everywhere(stack: Stack) -> None:
    with keyed_api(stack, api={"failed_keys_per_minute": 2}) as serving:
        serving.issue(Scope.ADMIN)
        found = [Browser(serving.api.url).sign_in(new_key()).status_code for _ in range(4)]
        assert found == [401, 401, 429, 429]


def test_the_form_leads_nowhere_else(keyed: Keyed) -> None:
    browser, key = Browser(keyed.api.url), keyed.issue(Scope.READ)
    for wanted in ("https://stranger.example/console", "//stranger.example", "/consolex"):
        fields = {"key": key.text, "next": wanted}
        answer = browser.send("/console/sign-in", "/console/sign-in", **fields)
        assert answer.headers["Location"] == "/console"


def test_a_session_counts_for_the_console_alone_and_a_key_s_header_not_there(keyed: Keyed) -> None:
    browser = signed_in(keyed, Scope.ADMIN)
    cookie = {"Cookie": f"{COOKIE}={browser.session.cookies[COOKIE]}"}
    problem(keyed.api.call("GET", "/jobs", headers=cookie), 401, "unauthorized")
    header = bearer(keyed.issue(Scope.ADMIN))
    answer = keyed.api.call("GET", "/console", headers=header, allow_redirects=False)
    assert answer.status_code == 303


def test_every_process_knows_the_session_and_none_one_that_was_changed(keyed: Keyed) -> None:
    browser = signed_in(keyed, Scope.READ)
    value = browser.session.cookies[COOKIE]
    with running_api(keyed.configured) as other:
        cookie = {"Cookie": f"{COOKIE}={value}"}
        assert other.call("GET", "/console", headers=cookie).status_code == 200
    admin = keyed.issue(Scope.ADMIN).view.id
    key_id, rest = value.split(".", 1)
    ends_at = rest.split(".")[0]
    for made_up in (
        f"{admin}.{rest}",
        value.replace(ends_at, str(int(ends_at) + 1)),
        value[:-1],
        f"{key_id}..",
        "é",
        "",
    ):
        browser.session.cookies.clear()
        headers = {"Cookie": f"{COOKIE}={made_up}".encode()}
        assert browser.ask("GET", "/console", headers=headers).status_code == 303, made_up


def test_a_session_ends_at_its_time_and_with_another_secret(keyed: Keyed) -> None:
    value = signed_in(keyed, Scope.READ).session.cookies[COOKIE]
    other = changed(keyed.configured, console={"secret": SecretStr("x" * 32)})
    with running_api(other) as process:
        cookie = {"Cookie": f"{COOKIE}={value}"}
        answer = process.call("GET", "/console", headers=cookie, allow_redirects=False)
        assert answer.status_code == 303
    brief = changed(keyed.configured, console={"session_hours": 3 / 3600})
    with running_api(brief) as process:
        answer = Browser(process.url).sign_in(keyed.issue(Scope.READ).text)
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}

        def status() -> int:
            return process.call(
                "GET", "/console", headers=cookie, allow_redirects=False
            ).status_code

        assert status() == 200
        eventually(lambda: status() == 303, "the session has ended")


def test_a_session_ends_when_its_key_is_revoked(keyed: Keyed) -> None:
    key = keyed.issue(Scope.WRITE)
    browser = Browser(keyed.api.url)
    assert browser.sign_in(key.text).status_code == 303
    assert browser.ask("GET", "/console").status_code == 200

    revoke_key(keyed.database, key.view.id)

    eventually(lambda: browser.ask("GET", "/console").status_code == 303, "it ends", seconds=5)
    assert browser.ask("GET", "/console/live").status_code == 303


def test_who_signs_out_has_to_sign_in_again(keyed: Keyed) -> None:
    browser = signed_in(keyed, Scope.READ)
    answer = browser.send("/console/sign-out", "/console")
    assert answer.headers["Location"] == "/console/sign-in?done=signed-out"
    assert COOKIE not in browser.session.cookies
    assert browser.ask("GET", "/console").status_code == 303


def test_a_form_of_another_session_or_none_changes_nothing(keyed: Keyed) -> None:
    browser, other = signed_in(keyed, Scope.ADMIN), signed_in(keyed, Scope.ADMIN)
    path = f"/console/batches/{UNKNOWN}/cancel"
    theirs = other.page("/console").fields["csrf"]
    for fields in ({}, {"csrf": ""}, {"csrf": "é"}, {"csrf": theirs}):
        answer = browser.ask("POST", path, data=fields)
        assert (answer.status_code, Page(answer.text).code) == (403, "forbidden"), fields
    assert browser.send(path, "/console").status_code == 404  # it would have been done


def test_a_reader_is_shown_no_button_and_refused_every_change(keyed: Keyed) -> None:
    reader = signed_in(keyed, Scope.READ)
    for path in ("/console", "/console/batches"):
        page = reader.page(path)
        assert page.forms == {"/console/sign-out"}
        assert "Import a file" not in page.text.replace("Import a file to begin", "")
    answer = reader.send(f"/console/batches/{UNKNOWN}/cancel", "/console")
    assert (answer.status_code, Page(answer.text).code) == (403, "forbidden")


def test_pages_load_only_what_is_ours_and_images_of_the_store(keyed: Keyed) -> None:
    answer = signed_in(keyed, Scope.READ).ask("GET", "/console")
    policy = dict(
        each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["img-src"].split() == ["'self'", "data:", "http://assets.example"]
    assert not {"script-src", "style-src", "connect-src"} & set(policy)
    assert answer.headers["Cache-Control"] == "no-store"
    page = Page(answer.text)
    assert "style" not in page.tags
    names = {name for name, _ in page.attributes}
    assert not any(name == "style" or name.startswith("on") for name in names)
    for name, address in page.attributes:
        if name in ("src", "href") and "/static/" in address:
            file = keyed.api.call("GET", address)  # open: a form has to look like one, too
            assert "immutable" in file.headers["Cache-Control"]
            assert file.headers["Content-Encoding"] == "gzip"
