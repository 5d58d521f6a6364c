"""The parameters of a run that a person starts: read with sense, refused with a sentence."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.pool.run_parameters import RunParameters
from infra.contract.errors import PermanentError, Rejected
from infra.contract.states import Lane
from infra.settings.sections import RequestSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tests.amount import amount

URL = "https://supplier.example/1.jpg"
RUN_ID = uuid4()
NOTHING: st.SearchStrategy[Any] = st.sampled_from([None, "", []])


def wish_of(parameters: dict[str, Any], **limits: int) -> RunParameters:
    """Read a run's parameters with the presets of the package, within the API's limits."""
    return RunParameters.of(parameters, packaged_presets(), RequestSettings.model_validate(limits))


def refusal(**parameters: Any) -> str:
    """Return the sentence with which these parameters are refused."""
    with pytest.raises(PermanentError) as refused:
        wish_of(parameters)
    return refused.value.detail


def test_urls_become_a_new_job_of_the_interactive_lane_that_this_run_shows() -> None:
    run_parameters = wish_of({"image_urls": [URL], "sku": "SHOE-42", "preset": "web"})

    submission = run_parameters.submission(RUN_ID)

    assert submission.urls == (URL,)
    assert (submission.sku, submission.preset) == ("SHOE-42", "web")
    assert submission.lane is Lane.INTERACTIVE
    assert submission.flow_run_id == RUN_ID
    assert submission.product_id is None


def test_urls_are_normalised_and_keep_their_order() -> None:
    urls = ["HTTP://Supplier.Example:80/b/../ä.jpg#top", "https://SUPPLIER.example"]

    submission = wish_of({"image_urls": urls}).submission(RUN_ID)

    assert submission.urls == (
        "http://supplier.example/%C3%A4.jpg",
        "https://supplier.example/",
    )


def test_a_job_id_is_a_wish_to_continue_that_job() -> None:
    job_id = uuid4()

    assert wish_of({"job_id": str(job_id)}).job_id == job_id
    assert wish_of({"job_id": job_id}).job_id == job_id


@given(sku=NOTHING, preset=NOTHING, job_id=NOTHING)
@settings(max_examples=amount(100), deadline=None)
def test_fields_that_were_left_empty_do_not_count(sku: Any, preset: Any, job_id: Any) -> None:
    run_parameters = wish_of({"image_urls": [URL], "sku": sku, "preset": preset, "job_id": job_id})

    assert run_parameters == RunParameters(image_urls=(URL,))


def test_the_preset_is_web_unless_another_one_is_named() -> None:
    assert wish_of({"image_urls": [URL]}).preset == "web"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"image_urls": []}, {"sku": "SHOE-42"}, {"image_urls": [URL], "job_id": str(RUN_ID)}],
)
def test_neither_or_both_of_urls_and_job_id_are_refused(parameters: dict[str, Any]) -> None:
    sentence = refusal(**parameters)

    assert "image_urls" in sentence
    assert "job_id" in sentence


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"job_id": "not-an-id"}, "job_id"),
        ({"job_id": 7}, "job_id"),
        ({"image_urls": URL}, "image_urls"),
        ({"image_urls": [URL, 7]}, "image_urls.1"),
        ({"image_urls": [URL], "sku": 42}, "sku"),
        ({"image_urls": [URL], "preset": ["web"]}, "preset"),
    ],
)
def test_a_value_of_a_wrong_kind_is_refused_by_its_name(
    parameters: dict[str, Any], named: str
) -> None:
    sentence = refusal(**parameters)

    assert sentence.startswith(f"The parameter {named} is not usable: ")
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("supplier.example/1.jpg", "must start with http:// or https://"),
        ("ftp://supplier.example/1.jpg", "must start with http:// or https://"),
        (f" {URL}", "white space"),
        ("https://user:secret@supplier.example/", "user name or password"),
        ("https://supplier.example:99999/", "port"),
        ("https://supplier.example/" + "x" * 3000, "characters"),
    ],
)
def test_a_url_that_is_not_usable_is_refused_with_its_number_and_what_to_change(
    url: str, advice: str
) -> None:
    sentence = refusal(image_urls=[URL, url])

    assert sentence.startswith("image_urls, number 1: ")
    assert advice in sentence


def test_more_urls_than_one_run_takes_are_refused_with_the_number() -> None:
    assert len(wish_of({"image_urls": [URL] * 100}).image_urls) == 100
    assert "at most 100" in refusal(image_urls=[URL] * 101)


def test_the_limits_are_those_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_MAX_URLS", "2")
    monkeypatch.setenv("API_MAX_URL_CHARACTERS", "40")
    limits = RequestSettings.load(None).model_dump()

    assert len(wish_of({"image_urls": [URL] * 2}, **limits).image_urls) == 2
    with pytest.raises(Rejected, match="at most 2 image URLs"):
        wish_of({"image_urls": [URL] * 3}, **limits)
    with pytest.raises(Rejected, match="longer than 40 characters"):
        wish_of({"image_urls": [f"{URL}?{'x' * 40}"]}, **limits)
    longer = f"{URL}?{'x' * 2400}"
    wide = wish_of({"image_urls": [longer]}, max_url_characters=2600)
    assert wide.submission(RUN_ID).urls == (longer,)


def test_a_sku_that_is_too_long_is_refused_with_the_limit() -> None:
    assert wish_of({"image_urls": [URL], "sku": "x" * 200}).sku == "x" * 200
    assert "at most 200 characters" in refusal(image_urls=[URL], sku="x" * 201)


@pytest.mark.parametrize("sku", ["SHOE\x00", "SHOE\ud800"])
def test_a_sku_that_cannot_be_stored_is_refused_by_its_name(sku: str) -> None:
    assert refusal(image_urls=[URL], sku=sku).startswith("The sku has ")


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    sentence = refusal(image_urls=[URL], preset="poster")

    assert "'poster'" in sentence
    assert "web" in sentence


def test_a_refusal_is_a_rejection_of_the_request() -> None:
    with pytest.raises(Rejected) as refused:
        wish_of({})

    assert (refused.value.status, refused.value.code) == (422, "invalid_request")


SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.text(), SCALAR, max_size=2)
FIELDS = ("job_id", "image_urls", "sku", "preset")


def read(parameters: dict[str, Any]) -> RunParameters | str:
    """Return what was understood, or the sentence of the refusal."""
    try:
        return wish_of(parameters)
    except PermanentError as refused:
        return refused.detail


@given(parameters=st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
@settings(max_examples=amount(100), deadline=None)
def test_whatever_a_person_types_is_understood_or_refused_with_a_sentence(
    parameters: dict[str, Any],
) -> None:
    answer = read(parameters)

    if isinstance(answer, RunParameters):
        assert isinstance(answer.job_id, UUID) != bool(answer.image_urls)
    else:
        assert answer.endswith(".")


@given(path=st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
@settings(max_examples=amount(100), deadline=None)
def test_a_url_that_was_understood_is_pure_ascii_and_is_read_the_same_way_again(path: str) -> None:
    run_parameters = read({"image_urls": [f"https://supplier.example/{path}"]})

    if isinstance(run_parameters, RunParameters):
        (once,) = run_parameters.submission(RUN_ID).urls
        assert once.isascii()
        assert wish_of({"image_urls": [once]}).submission(RUN_ID).urls == (once,)
    else:
        assert run_parameters.startswith("image_urls, number 0: ")
