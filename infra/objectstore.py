"""The S3 store of originals and variants; the only module that imports minio.

Objects are immutable and verified: `put_verified` returns only when the store itself reports
the size and hash of what was sent.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3
from minio import Minio
from minio.credentials.credentials import Credentials
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
    StaticProvider,
)
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3.exceptions import HTTPError, NewConnectionError

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.object_keys import PROBE_PREFIX
from infra.settings.sections import StoreCredentials, StoreSettings

IMMUTABLE = "public, max-age=31536000, immutable"
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchBucket"})
MOST_AT_ONCE = 1000  # what the S3 API lists and removes with one request
_PROBE_BODY = b"written, read and removed by a probe\n"
_CHUNK_BYTES = 256 * 1024
_SMALLEST_PART_BYTES = 5 * 1024 * 1024  # the S3 API accepts none smaller


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says of an object without sending it.

    The header fields that it answers with are None where it lists many objects.
    """

    key: str
    bytes: int
    modified_at: datetime
    media_type: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What the store really sends: how many bytes, and their SHA-256 in lower-case hex."""

    bytes: int
    sha256: str


class ObjectStore:
    """A bucket. Safe to share between threads."""

    def __init__(self, settings: StoreSettings) -> None:
        endpoint = urlsplit(settings.endpoint)
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self.url = f"{settings.endpoint}/{settings.bucket}/{settings.prefix}".rstrip("/")
        """Where the keys begin, for requests without credentials."""
        self._pool = urllib3.PoolManager(
            maxsize=settings.pool_size,
            block=False,
            timeout=urllib3.Timeout(
                connect=settings.connect_timeout_seconds, read=settings.read_timeout_seconds
            ),
            retries=False,
        )
        self.written_at = float("-inf")
        """When an object was last stored and verified, by the monotonic clock."""
        self._client = Minio(
            endpoint.netloc,
            credentials=_provider(settings, self._pool),
            secure=endpoint.scheme == "https",
            region=settings.region,
            http_client=self._pool,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self._pool.clear()

    def prepare(self, public_prefix: str) -> None:
        """Create the bucket unless it is there; make the objects under a prefix public.

        They cannot be listed. What else the bucket's policy says stays.
        """
        self.create()
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": ["*"]},
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{self._bucket}/{self._prefix}{public_prefix}*"],
        }
        with _translated():
            policy = self._policy()
            others = [each for each in policy.get("Statement", ()) if not _is_same(each, statement)]
            policy = {"Version": "2012-10-17", **policy, "Statement": [*others, statement]}
            self._client.set_bucket_policy(self._bucket, json.dumps(policy))

    def _policy(self) -> dict[str, Any]:
        try:
            policy: dict[str, Any] = json.loads(self._client.get_bucket_policy(self._bucket))
        except S3Error as exc:
            if exc.code != "NoSuchBucketPolicy":
                raise
            return {}
        return policy

    def create(self) -> None:
        """Create the bucket unless it is there."""
        with _translated():
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)

    def put_verified(self, key: str, path: Path, *, media_type: str) -> None:
        """Store a file, then verify what the store holds: size and hash.

        Raises `ServiceUnavailable` when the store is away or holds something else.
        """
        body = path.read_bytes()
        with _translated():
            self._client.put_object(
                self._bucket,
                self._prefix + key,
                BytesIO(body),
                length=len(body),
                content_type=media_type,
                metadata={"Cache-Control": IMMUTABLE},
                part_size=max(len(body), _SMALLEST_PART_BYTES),  # one part: ETag is the MD5
            )
        if not self._holds(key, body):
            raise _away(f"The store did not keep {key} as it was sent.", inconclusive=True)
        self.written_at = monotonic()

    def get(self, key: str, path: Path) -> str | None:
        """Download an object into a file; return its SHA-256, or None when it does not exist."""
        digest = hashlib.sha256()
        try:
            with _translated():
                response = self._client.get_object(self._bucket, self._prefix + key)
                with closing(response), path.open("wb") as file:
                    for chunk in response.stream(_CHUNK_BYTES):
                        digest.update(chunk)
                        file.write(chunk)
        except _Missing:
            return None
        return digest.hexdigest()

    def remove(self, key: str) -> None:
        """Remove an object; one that does not exist is fine."""
        with suppress(_Missing), _translated():
            self._client.remove_object(self._bucket, self._prefix + key)

    def remove_many(self, keys: Sequence[str]) -> None:
        """Remove up to 1,000 objects with one request; those that do not exist are fine."""
        if len(keys) > MOST_AT_ONCE:
            raise ValueError(f"at most {MOST_AT_ONCE} objects can be removed at once")
        wanted = [DeleteObject(self._prefix + key) for key in keys]
        with _translated():
            errors = self._client.remove_objects(self._bucket, wanted)
            kept = [error for error in errors if error.code not in _MISSING]
        if kept:
            raise _away(f"The object store did not remove {len(kept)} objects ({kept[0].code}).")

    def pages(self, prefix: str) -> Iterator[Sequence[StoredObject]]:
        """Yield all objects whose key begins so, by key, up to 1,000 at a time.

        Each page is asked for when the one before is done with; memory stays flat.
        """
        found = self._client.list_objects(self._bucket, self._prefix + prefix, recursive=True)
        while True:
            with _translated():
                page = tuple(self._described(item) for item in islice(found, MOST_AT_ONCE))
            if not page:
                return
            yield page

    def stat(self, key: str) -> StoredObject | None:
        """Return what the store says of an object, or None when it does not exist."""
        try:
            with _translated():
                return self._described(self._client.stat_object(self._bucket, self._prefix + key))
        except _Missing:
            return None

    def read(self, key: str) -> Content | None:
        """Read an object to its end and keep nothing; None when it does not exist."""
        digest, count = hashlib.sha256(), 0
        try:
            with _translated():
                response = self._client.get_object(self._bucket, self._prefix + key)
                with closing(response):
                    for chunk in response.stream(_CHUNK_BYTES):
                        digest.update(chunk)
                        count += len(chunk)
        except _Missing:
            return None
        return Content(count, digest.hexdigest())

    def probe(self) -> None:
        """Raise `ServiceUnavailable` unless the store answers and has the bucket."""
        with _translated():
            exists = self._client.bucket_exists(self._bucket)
        if not exists:
            raise _away(f"The bucket {self._bucket!r} does not exist.")

    def probe_writes(self) -> None:
        """Raise `ServiceUnavailable` unless an object can be written, read and removed.

        A store that is full or read-only answers all other questions. Costs about five requests.
        """
        self.probe()
        key, body = f"{PROBE_PREFIX}{uuid4()}", _PROBE_BODY
        try:
            with _translated():
                name = self._prefix + key
                self._client.put_object(self._bucket, name, BytesIO(body), length=len(body))
        except (ServiceUnavailable, _Missing) as exc:
            refusal, detail = exc.__cause__, "The object store answers and takes no writes."
            if isinstance(refusal, S3Error):
                detail = (
                    f"The object store answers and refuses writes ({refusal.code}): it is full or"
                    " read-only, or these keys may not write. Make room, or allow them to."
                )
            raise _away(detail, inconclusive=True) from exc
        if self.read(key) != Content(len(body), hashlib.sha256(body).hexdigest()):
            raise _away("The object store does not keep what is written to it.", inconclusive=True)
        self.remove(key)

    def _holds(self, key: str, body: bytes) -> bool:
        """Whether the store holds these bytes.

        The ETag of an object stored in one part is the MD5 that the store computed itself.
        Stores that encrypt give another ETag: then the object is read back.
        """
        try:
            with _translated():
                stat = self._client.stat_object(self._bucket, self._prefix + key)
            if stat.size != len(body):
                return False
            if stat.etag == hashlib.md5(body, usedforsecurity=False).hexdigest():
                return True
            with _translated():
                response = self._client.get_object(self._bucket, self._prefix + key)
                with closing(response):
                    return bool(response.read() == body)
        except _Missing:
            return False

    def _described(self, item: Object) -> StoredObject:
        """An object of unknown age counts as new, so that it is not taken for old."""
        return StoredObject(
            key=str(item.object_name).removeprefix(self._prefix),
            bytes=item.size or 0,
            modified_at=item.last_modified or datetime.now(UTC),
            media_type=item.content_type,
            cache_control=(item.metadata or {}).get("Cache-Control"),
        )


class _Missing(Exception):
    """The object does not exist."""


class _NoRole(Exception):
    """Nothing gives this machine credentials."""


class _Role(Provider):
    """Credentials that AWS gives a machine or a pod, by its usual chain; asked for anew in time."""

    def __init__(self, pool: urllib3.PoolManager) -> None:
        iam = IamAwsProvider(http_client=pool)
        self._chain = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), iam])

    def retrieve(self) -> Credentials:
        """Return credentials that are valid now; raise `_NoRole` when nothing gives any."""
        try:
            return self._chain.retrieve()
        except (ValueError, LookupError, HTTPError, OSError) as exc:
            raise _NoRole from exc


def _provider(settings: StoreSettings, pool: urllib3.PoolManager) -> Provider:
    if settings.credentials is StoreCredentials.ROLE:
        return _Role(pool)
    token = settings.session_token
    return StaticProvider(
        settings.access_key, settings.secret_key, token.get_secret_value() if token else None
    )


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two statements of a policy differ in their names only: stores add or drop them."""
    resources = (one.get("Resource"), [one.get("Resource")])
    return one.get("Effect") == other["Effect"] and other["Resource"] in resources


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except S3Error as exc:
        if exc.code in _MISSING:
            raise _Missing from exc
        raise _away(f"The object store refused a request ({exc.code}).", inconclusive=True) from exc
    except _NoRole as exc:
        detail = (
            "No role gives this machine credentials for the object store; or set S3_ACCESS_KEY."
        )
        raise _away(detail, inconclusive=True) from exc
    except NewConnectionError as exc:
        raise _away("The object store does not answer.") from exc
    except (ServerError, InvalidResponseError, HTTPError, OSError) as exc:
        raise _away("The object store does not answer.", inconclusive=True) from exc


def _away(detail: str, *, inconclusive: bool = False) -> ServiceUnavailable:
    return ServiceUnavailable(
        ErrorCode.STORE_UNAVAILABLE, detail, retry_after_seconds=5, inconclusive=inconclusive
    )
