"""The error tree and its codes. Vendor exceptions stop at the adapters and become these.

ProductImagesError
├── Stopped            the end was requested: it says nothing about the work; record nothing
├── PermanentError     record it and stop: another try gives the same result
│   ├── FetchRefused       the address, the answer or the body is not acceptable
│   ├── ImageRefused       the bytes are not an image that we process
│   ├── Rejected           a caller asked for something that cannot be accepted (4xx)
│   └── LostClaim          another attempt owns the job now; write nothing
└── TransientError     try again, with a delay
    ├── FetchFailed        network trouble, 408, 429, 5xx
    │   └── HostBusy           not asked at all: the host has enough to do for now
    ├── PixelsFailed       the pixel process died or ran out of time or memory
    └── ServiceUnavailable a part of our own stack does not do its work
        └── Conflict       it works, but another change was faster: try again at once
"""

from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """Stable codes: part of the HTTP contract, never renamed."""

    # About a request
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MALFORMED_JSON = "malformed_json"
    INVALID_REQUEST = "invalid_request"
    INVALID_URL = "invalid_url"
    TOO_MANY_URLS = "too_many_urls"
    UNKNOWN_PRESET = "unknown_preset"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    SKU_TAKEN = "sku_taken"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    KEY_NOT_REVOKED = "key_not_revoked"
    WEBHOOK_DISABLED = "webhook_disabled"
    DELIVERY_PENDING = "delivery_pending"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    BAD_ENCODING = "bad_encoding"
    BAD_HEADER = "bad_header"
    BAD_FILE = "bad_file"
    TOO_MANY_ROWS = "too_many_rows"
    INVALID_ROWS = "invalid_rows"
    MALFORMED_ROW = "malformed_row"
    DUPLICATE_SKU = "duplicate_sku"
    INTERNAL_ERROR = "internal_error"

    # About a part of the system
    QUEUE_FULL = "queue_full"
    TOO_MANY_LISTENERS = "too_many_listeners"
    TRY_OUTS_FULL = "try_outs_full"
    DATABASE_UNAVAILABLE = "database_unavailable"
    DATABASE_CONFLICT = "database_conflict"
    DATABASE_TIMEOUT = "database_timeout"
    STORE_UNAVAILABLE = "store_unavailable"
    BROKER_UNAVAILABLE = "broker_unavailable"
    CACHE_UNAVAILABLE = "cache_unavailable"
    PREFECT_UNAVAILABLE = "prefect_unavailable"

    # About fetching an image
    BAD_URL = "bad_url"
    BLOCKED_ADDRESS = "blocked_address"
    DNS_FAILURE = "dns_failure"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    TLS_ERROR = "tls_error"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    HTTP_ERROR = "http_error"  # published as http_404, http_503, …
    NOT_AN_IMAGE = "not_an_image"
    TOO_MANY_BYTES = "too_many_bytes"
    INCOMPLETE_BODY = "incomplete_body"
    PROTOCOL_ERROR = "protocol_error"
    TOO_SLOW = "too_slow"
    HOST_BUSY = "host_busy"
    HOST_UNAVAILABLE = "host_unavailable"
    HOST_NOT_ALLOWED = "host_not_allowed"

    # About the pixels of an image
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FRAMES = "too_many_frames"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    DECODER_CRASHED = "decoder_crashed"
    DECODE_TIMEOUT = "decode_timeout"
    OUT_OF_MEMORY = "out_of_memory"

    # About a job
    LOST_CLAIM = "lost_claim"
    CANCELLED = "cancelled"
    GAVE_UP = "gave_up"
    JOB_TIMEOUT = "job_timeout"
    JOB_IS_FINAL = "job_is_final"
    JOB_NOT_FINAL = "job_not_final"
    NOTHING_TO_RETRY = "nothing_to_retry"

    # About a batch
    BATCH_IS_FINAL = "batch_is_final"
    BATCH_NOT_FINAL = "batch_not_final"

    # About reprocessing
    ORIGINAL_MISSING = "original_missing"
    UNKNOWN_HOST = "unknown_host"
    UNKNOWN_SKU = "unknown_sku"
    UNKNOWN_ID = "unknown_id"
    UNKNOWN_ERROR_CODE = "unknown_error_code"


class ProductImagesError(Exception):
    """Root of the tree.

    `code` is stable and for machines; `detail` is a chosen sentence for people that says
    what happened and, where possible, what to do.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)  # both in args: crosses process borders by pickle
        self.code = str(code)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class Stopped(ProductImagesError):
    """The end of the work was requested. No result, and no failure, of an image or a job."""


class PermanentError(ProductImagesError):
    """Another try gives the same result."""


class TransientError(ProductImagesError):
    """Another try may succeed.

    `retry_after_seconds` is set when the other side named a delay.
    """

    retryable = True

    def __init__(self, code: str, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(code, detail)
        self.args = (code, detail, retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class FetchRefused(PermanentError):
    """The address, the answer or the body of a source URL is not acceptable."""


class ImageRefused(PermanentError):
    """The bytes are not an image that we process."""


class Rejected(PermanentError):
    """A caller asked for something that cannot be accepted; nothing was written.

    `status` is the HTTP status that the API answers with; `retry_after_seconds` goes with 429.
    """

    def __init__(
        self, status: int, code: str, detail: str, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(code, detail)
        self.args = (status, code, detail, retry_after_seconds)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class LostClaim(PermanentError):
    """Another attempt owns the job now; this one must not write."""


class FetchFailed(TransientError):
    """The source did not answer properly this time."""


class HostBusy(FetchFailed):
    """A source was not asked, because its host has enough to do: nothing speaks against it.

    `host` is written `name:port`; `retry_after_seconds` says when asking may make sense.
    """

    def __init__(self, host: str, detail: str, retry_after_seconds: float) -> None:
        super().__init__(ErrorCode.HOST_BUSY, detail, retry_after_seconds)
        self.args = (host, detail, retry_after_seconds)
        self.host = host


class QueueFull(TransientError):
    """As many jobs wait as may: nothing was written, and the same request may be accepted later."""


class PixelsFailed(TransientError):
    """The pixel process died, or ran out of time or memory."""


class ServiceUnavailable(TransientError):
    """A part of our own stack does not do its work: no job and no image is to blame.

    `inconclusive` says that this one call proves nothing of the part, which may only be busy: a
    time-out, or a request that was refused. A refused connection is conclusive.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        retry_after_seconds: float | None = None,
        *,
        inconclusive: bool = False,
    ) -> None:
        super().__init__(code, detail, retry_after_seconds)
        self.inconclusive = inconclusive


class Conflict(ServiceUnavailable):
    """The part works, but another change was faster; nothing was written.

    Callers try again at once if they can, else treat it like a short outage.
    """
