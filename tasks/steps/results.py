"""What the steps hand to each other and to `record`: one immutable fact per image."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from infra.contract.errors import ProductImagesError
from infra.contract.states import Outcome
from infra.fetch.validators import Validators
from tasks.imaging.models import PageFacts


@dataclass(frozen=True, slots=True)
class ClaimedImage:
    """An image that this attempt has to process.

    `stored_key` is set when the bytes are to be read from our store: those of an uploaded file,
    or those that the product shows, for a job that asks no supplier.
    `current_sha256` and `current_fingerprint` say what the product shows now. `focus` is the
    image's own focal point.
    """

    id: UUID
    position: int
    source_url: str
    stored_key: str | None
    current_sha256: str | None
    current_fingerprint: str | None
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image's bytes in a local file. `sha256` is lower-case hex.

    `validators` are what its source can be asked for changes with.
    """

    image: ClaimedImage
    path: Path
    sha256: str
    bytes: int
    validators: Validators | None = None


@dataclass(frozen=True, slots=True)
class StoredVariant:
    """A variant that is in the object store and was verified there; `frames` is 1 if still."""

    name: str
    object_key: str
    format: str
    width: int
    height: int
    bytes: int
    sha256: str
    quality: int | None
    score: float | None
    frames: int = 1


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """A supplier's file in the object store; width and height after orientation."""

    sha256: str
    object_key: str
    format: str
    media_type: str
    bytes: int
    width: int
    height: int
    orientation: int
    page: PageFacts


@dataclass(frozen=True, slots=True)
class ImageDone:
    """An image that ended ready. `original` is None when it was known already.

    `cpu_seconds` is what making the variants cost; None when nothing was made.
    """

    image: ClaimedImage
    outcome: Outcome
    sha256: str
    source_bytes: int
    fingerprint: str
    variants: tuple[StoredVariant, ...]
    original: StoredOriginal | None = None
    validators: Validators | None = None
    cpu_seconds: float | None = None

    @property
    def largest_bytes(self) -> int:
        """How large the largest variant is."""
        return max((variant.bytes for variant in self.variants), default=0)

    @property
    def saved_bytes(self) -> int:
        """By how much the largest variant is smaller than the source."""
        return self.source_bytes - self.largest_bytes


@dataclass(frozen=True, slots=True)
class ImageFailed:
    """An image that ended failed, with the code and sentence that the caller sees."""

    image: ClaimedImage
    code: str
    detail: str
    retryable: bool

    @classmethod
    def because(cls, image: ClaimedImage, error: ProductImagesError) -> "ImageFailed":
        """Describe an error of a step."""
        return cls(image, error.code, error.detail, error.retryable)


ImageResult = ImageDone | ImageFailed
