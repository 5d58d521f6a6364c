"""Which images a submission names, before any of it is written."""

from infra.contract.errors import ErrorCode, FetchFailed, FetchRefused
from infra.contract.source_refs import upload_source, uploaded_sha256
from tasks.steps.results import ImageFailed
from tasks.submission.submit import Submission, Upload
from tests.unit.flows.support.claims import image_at

SHA256 = "a" * 64
FILE = Upload(SHA256, f"originals/{SHA256}.jpg", "jpeg", "image/jpeg", 7)


def test_sources_keep_the_order_given_and_name_equal_ones_once() -> None:
    submission = Submission("web", urls=("b", "a", "b"), uploads=(FILE, FILE))

    assert submission.sources == ("b", "a", f"upload:{SHA256}")


def test_an_uploaded_file_is_told_from_a_url_by_its_source() -> None:
    assert uploaded_sha256(upload_source(SHA256)) == SHA256
    assert uploaded_sha256("https://supplier.example/upload:a.jpg") is None


def test_a_failed_image_says_whether_another_try_may_help() -> None:
    refused = FetchRefused(ErrorCode.BLOCKED_ADDRESS, "The address is private.")
    failed = FetchFailed("http_503", "The supplier answers with 503.")

    results = [ImageFailed.because(image_at(0), error) for error in (refused, failed)]

    assert [(result.code, result.retryable) for result in results] == [
        ("blocked_address", False),
        ("http_503", True),
    ]
    assert results[1].detail == failed.detail
