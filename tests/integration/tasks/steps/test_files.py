"""Files on their way through the object store: uploads in, renditions in, uploads out."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import ErrorCode, FetchFailed, FetchRefused, Rejected
from infra.contract.object_keys import original_key
from infra.contract.source_refs import upload_source
from infra.contract.states import Outcome
from infra.db.ids import new_id
from infra.fetch.fetcher import Fetcher
from infra.objectstore import ObjectStore
from infra.settings.sections import FetchSettings, StoreSettings
from infra.stack.stack import Stack
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import PageFacts, Rendition, SourceFacts, VariantFile
from tasks.steps.compress import RenderedImage
from tasks.steps.fetch import ImageSource
from tasks.steps.results import ClaimedImage, FetchedImage
from tasks.steps.store import finish, store_original, store_variant
from tasks.submission.uploads import store_upload
from tests.integration.tasks.job_rows import FINGERPRINT, sha256_of, url
from tests.pictures import photo

PAGE = PageFacts("#7d3c13", "dBgOFQL4Z3uHlmiYZ4dnpweFdVBY", "e497d38c59319b68")


@pytest.fixture(scope="module")
def store(stack: Stack) -> Iterator[ObjectStore]:
    described = stack.description
    settings = StoreSettings(
        endpoint=described.s3_endpoint,
        access_key=described.s3_access_key,
        secret_key=described.s3_secret_key,
        bucket=described.s3_bucket,
    )
    with ObjectStore(settings) as opened:
        yield opened


@pytest.fixture
def source(store: ObjectStore) -> Iterator[ImageSource]:
    with Fetcher(FetchSettings()) as fetcher:
        yield ImageSource(fetcher, store)


def image(stored_key: str | None) -> ClaimedImage:
    return ClaimedImage(
        id=new_id(),
        position=3,
        source_url=url("a"),
        stored_key=stored_key,
        current_sha256=None,
        current_fingerprint=None,
    )


def test_an_upload_is_stored_under_its_hash_and_described(
    store: ObjectStore, tmp_path: Path
) -> None:
    body = photo(300, 200, seed=1)
    path = tmp_path / "upload"
    path.write_bytes(body)

    upload = store_upload(store, path, index=0, heic=False)

    sha256 = hashlib.sha256(body).hexdigest()
    assert (upload.sha256, upload.bytes) == (sha256, len(body))
    assert (upload.format, upload.media_type) == ("jpeg", "image/jpeg")
    assert upload.object_key == original_key(sha256, "jpg")
    assert store.get(upload.object_key, tmp_path / "copy") == sha256


def test_an_upload_that_is_no_picture_is_refused_and_not_stored(
    store: ObjectStore, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"no picture" * 100)

    with pytest.raises(Rejected) as refusal:
        store_upload(store, path, index=4, heic=True)

    assert (refusal.value.status, refusal.value.code) == (422, ErrorCode.UNSUPPORTED_FORMAT)
    assert refusal.value.detail.startswith("File 4 ")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert store.get(original_key(sha256, "jpg"), tmp_path / "copy") is None


def test_an_uploaded_heic_is_refused_where_workers_do_not_decode_it(
    store: ObjectStore, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")

    with pytest.raises(Rejected) as refusal:
        store_upload(store, path, index=2, heic=False)

    assert (refusal.value.status, refusal.value.code) == (422, ErrorCode.UNSUPPORTED_FORMAT)
    assert "HEIC_ENABLED=true" in refusal.value.detail
    assert store_upload(store, path, index=2, heic=True).format == "heic"


def test_an_uploaded_file_is_fetched_from_the_store(
    store: ObjectStore, source: ImageSource, tmp_path: Path
) -> None:
    body = photo(300, 200, seed=2)
    path = tmp_path / "upload"
    path.write_bytes(body)
    upload = store_upload(store, path, index=0, heic=False)

    fetched = source.fetch(image(upload.object_key), tmp_path)

    assert fetched.path.read_bytes() == body
    assert (fetched.sha256, fetched.bytes) == (upload.sha256, len(body))


def test_an_uploaded_file_that_is_missing_may_come_back(
    source: ImageSource, tmp_path: Path
) -> None:
    sha256 = sha256_of("never stored")
    lost = replace(image(original_key(sha256, "jpg")), source_url=upload_source(sha256))

    with pytest.raises(FetchFailed) as failure:
        source.fetch(lost, tmp_path)

    assert failure.value.code == ErrorCode.STORE_UNAVAILABLE


def test_a_suppliers_file_that_is_missing_is_for_the_supplier_to_send_again(
    source: ImageSource, tmp_path: Path
) -> None:
    with pytest.raises(FetchRefused) as refusal:
        source.fetch(image(original_key(sha256_of("never stored"), "jpg")), tmp_path)

    assert refusal.value.code == ErrorCode.ORIGINAL_MISSING


def test_an_image_is_finished_with_its_original_and_every_variant_in_the_store(
    store: ObjectStore, tmp_path: Path
) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"original of test_files")
    variants = tuple(_variant(tmp_path, width) for width in (800, 400))
    rendition = Rendition(_facts(original), variants, FINGERPRINT, PAGE)
    fetched = FetchedImage(image(None), original, rendition.source.sha256, rendition.source.bytes)

    rendered = RenderedImage(fetched, rendition)

    put = store_original(store, rendered)
    stored = [store_variant(store, rendition, file) for file in variants]
    done = finish(rendered, put, stored)

    assert (done.outcome, done.fingerprint) == (Outcome.CREATED, FINGERPRINT)
    assert done.original == put
    assert store.get(put.object_key, tmp_path / "copy") == done.sha256
    assert [variant.name for variant in done.variants] == ["w800-webp", "w400-webp"]
    for variant in done.variants:
        assert variant.frames == 12
        base = f"variants/{done.sha256}/{FINGERPRINT}"
        assert variant.object_key == f"{base}/{variant.name}.webp"
        assert store.get(variant.object_key, tmp_path / "copy") == variant.sha256


def _facts(path: Path) -> SourceFacts:
    body = path.read_bytes()
    return SourceFacts(
        format=ImageFormat.JPEG,
        media_type="image/jpeg",
        width=1200,
        height=900,
        orientation=1,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _variant(folder: Path, width: int) -> VariantFile:
    path = folder / f"w{width}"
    path.write_bytes(bytes(width))
    return VariantFile(
        name=f"w{width}-webp",
        format=ImageFormat.WEBP,
        width=width,
        height=width,
        bytes=width,
        sha256=hashlib.sha256(bytes(width)).hexdigest(),
        quality=80,
        path=path,
        media_type="image/webp",
        extension="webp",
        frames=12,
    )
