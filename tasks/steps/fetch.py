"""Step: bring the bytes of one image into a local file."""

from pathlib import Path

from infra.contract.errors import ErrorCode, FetchFailed, FetchRefused
from infra.contract.source_refs import uploaded_sha256
from infra.fetch.fetcher import Fetched, Fetcher
from infra.fetch.transport.stop import Stop
from infra.fetch.validators import Validators
from infra.objectstore import ObjectStore
from tasks.steps.results import ClaimedImage, FetchedImage

_NOTHING_STORED = (
    "The image shows no original, so none is stored. Reprocess it with refetch to ask its supplier."
)
_LOST = (
    "The stored original is not in the object store. Reprocess with refetch to ask the supplier."
)


class ImageSource:
    """Where images come from: suppliers' servers, or our store for uploaded files."""

    def __init__(self, fetcher: Fetcher, store: ObjectStore) -> None:
        self._fetcher = fetcher
        self._store = store

    def fetch(
        self,
        image: ClaimedImage,
        directory: Path,
        *,
        stop: Stop | None = None,
        from_stored: bool = False,
    ) -> FetchedImage:
        """Write the image's bytes to a file in `directory`; `from_stored` asks no supplier.

        Raises `FetchRefused` (permanent), `FetchFailed` or `ServiceUnavailable` (transient), of
        which `HostBusy` means that no request was sent, and `Stopped` soon after `stop` was asked
        for; reading from our own store is not broken off, it has time-outs of its own.
        """
        stop = stop or Stop()
        stop.check()
        target = directory / f"{image.position}.source"
        if image.stored_key is not None:
            return self._fetch_stored(image, image.stored_key, target)
        if from_stored:
            raise FetchRefused(ErrorCode.ORIGINAL_MISSING, _NOTHING_STORED)
        fetched = self._fetcher.fetch(image.source_url, target, stop=stop)
        return _arrived(image, target, fetched)

    def fetch_newer(
        self, image: ClaimedImage, directory: Path, *, known: Validators, stop: Stop | None = None
    ) -> FetchedImage | None:
        """Do as `fetch` does; None when the source says that what is known is still right."""
        stop = stop or Stop()
        stop.check()
        target = directory / f"{image.position}.source"
        fetched = self._fetcher.refetch(image.source_url, target, known=known, stop=stop)
        return None if fetched is None else _arrived(image, target, fetched)

    def turn(self, host: str) -> float:
        """Take a place in the queue of a busy source host; return the seconds until its turn."""
        return self._fetcher.turn(host)

    def _fetch_stored(self, image: ClaimedImage, key: str, target: Path) -> FetchedImage:
        sha256 = self._store.get(key, target)
        if sha256 is None and uploaded_sha256(image.source_url):
            detail = "The uploaded file is not in the object store."
            raise FetchFailed(ErrorCode.STORE_UNAVAILABLE, detail)
        if sha256 is None:
            raise FetchRefused(ErrorCode.ORIGINAL_MISSING, _LOST)
        return FetchedImage(image, target, sha256, target.stat().st_size)


def _arrived(image: ClaimedImage, path: Path, fetched: Fetched) -> FetchedImage:
    return FetchedImage(
        image, path, sha256=fetched.sha256, bytes=fetched.bytes, validators=fetched.validators
    )
