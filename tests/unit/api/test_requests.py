"""What callers send becomes a submission, or a refusal that names what is wrong."""

from typing import Any
from uuid import UUID

import pytest

from api.schemas.submissions import (
    ProcessImageRequest,
    UrlRules,
    check_count,
    parsed,
    to_submission,
)
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ApiSettings, FetchSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.submission.submit import Submission, Upload

SETTINGS = ApiSettings.load(env_file=None)
RULES = UrlRules.of(SETTINGS, FetchSettings())
PRESETS = packaged_presets()
GOOD = "https://supplier.example/a.jpg"
PRODUCT_ID = "01900000-0000-7000-8000-000000000001"


def submission(**fields: Any) -> Submission:
    return to_submission(parsed(ProcessImageRequest, fields), (), rules=RULES, presets=PRESETS)


def refusal(**fields: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        submission(**fields)
    return refused.value


def test_the_smallest_request_has_one_url_and_the_default_preset() -> None:
    assert submission(image_url=GOOD) == Submission(preset="web", urls=(GOOD,))


def test_all_members_reach_the_submission() -> None:
    whole = submission(
        image_urls=[GOOD, "HTTP://Supplier.example:80/b.jpg"],
        product_id=PRODUCT_ID,
        sku="S-1",
        preset="web",
        metadata={"a": 1},
        callback_url="https://shop.example/hook",
    )

    assert whole == Submission(
        preset="web",
        urls=(GOOD, "http://supplier.example/b.jpg"),
        product_id=UUID(PRODUCT_ID),
        sku="S-1",
        metadata={"a": 1},
        callback_url="https://shop.example/hook",
    )


def test_uploads_are_passed_on() -> None:
    upload = Upload("a" * 64, "originals/a.jpg", "jpeg", "image/jpeg", 7)

    request = ProcessImageRequest.model_validate({})
    made = to_submission(request, [upload], rules=RULES, presets=PRESETS)

    assert made.uploads == (upload,)


def test_a_bad_url_is_named_by_its_index() -> None:
    error = refusal(image_urls=[GOOD, "x"])

    assert (error.status, error.code) == (422, ErrorCode.INVALID_URL)
    assert error.detail.startswith("URL 1: ")


def test_a_bad_callback_is_named() -> None:
    error = refusal(image_url=GOOD, callback_url="x")

    assert error.code == ErrorCode.INVALID_URL
    assert error.detail.startswith("callback_url: ")


def test_an_address_that_is_never_connected_to_is_refused_at_once() -> None:
    for inside in ("http://2130706433/a.jpg", "http://[::1]/a.jpg", "http://localhost/a.jpg"):
        image = refusal(image_urls=[GOOD, inside])
        callback = refusal(image_url=GOOD, callback_url=inside)

        for error, place in ((image, "URL 1: "), (callback, "callback_url: ")):
            assert (error.status, error.code) == (422, ErrorCode.BLOCKED_ADDRESS)
            assert error.detail.startswith(place)


def test_an_address_that_the_operator_opened_is_accepted_at_its_port_alone() -> None:
    fetch = FetchSettings(allowed_private_hosts=("127.0.0.1:8001",))
    rules = UrlRules.of(SETTINGS, fetch)

    assert rules.require("http://0x7f.1:8001/a.jpg", "URL 0") == "http://127.0.0.1:8001/a.jpg"
    with pytest.raises(Rejected) as refused:
        rules.require("http://127.0.0.1:8002/a.jpg", "URL 0")
    assert refused.value.code == ErrorCode.BLOCKED_ADDRESS


def test_a_malformed_product_names_nothing() -> None:
    error = refusal(image_url=GOOD, product_id="seven")

    assert (error.status, error.code) == (404, ErrorCode.NOT_FOUND)


def test_every_problem_of_a_request_is_told_at_once() -> None:
    error = refusal(image_url=7, colour="red", sku="")

    assert all(name in error.detail for name in ("image_url", "colour", "sku"))


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": "\x00"},
        {"\x00": 1},
        {"a": [{"b": "\ud800"}]},
        {"a": {"\ud800": 1}},
        {"a": float("inf")},
        {"a": [float("nan")]},
    ],
)
def test_metadata_that_cannot_be_stored_is_refused(metadata: dict[str, Any]) -> None:
    error = refusal(image_url=GOOD, metadata=metadata)

    assert (error.status, error.code) == (422, ErrorCode.INVALID_REQUEST)
    assert error.detail.startswith("metadata: ")


@pytest.mark.parametrize(
    ("fields", "files", "code"),
    [
        ({}, 0, ErrorCode.INVALID_REQUEST),
        ({"image_urls": []}, 0, ErrorCode.INVALID_REQUEST),
        ({"image_url": GOOD, "image_urls": []}, 0, ErrorCode.INVALID_REQUEST),
        ({"image_urls": [GOOD] * 101}, 0, ErrorCode.TOO_MANY_URLS),
        ({"image_urls": [GOOD] * 60}, 41, ErrorCode.TOO_MANY_URLS),
        ({}, 101, ErrorCode.TOO_MANY_URLS),
    ],
)
def test_the_number_of_images_is_bounded(
    fields: dict[str, Any], files: int, code: ErrorCode
) -> None:
    with pytest.raises(Rejected) as refused:
        check_count(parsed(ProcessImageRequest, fields), files, SETTINGS)

    assert (refused.value.status, refused.value.code) == (422, code)


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"image_url": GOOD}, 0),
        ({"image_urls": [GOOD] * 100}, 0),
        ({"image_urls": [GOOD] * 60}, 40),
        ({}, 1),
    ],
)
def test_up_to_a_hundred_images_are_accepted(fields: dict[str, Any], files: int) -> None:
    check_count(parsed(ProcessImageRequest, fields), files, SETTINGS)
