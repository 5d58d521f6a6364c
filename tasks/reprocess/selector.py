"""What is to be made again: plain data, and its form as the options of a batch.

It must not know SQL; see `tasks.reprocess.selection`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Selector:
    """Which images, and how. Every condition that is set must hold; moments have a zone.

    `stale` leaves out images that are up to date with their target, and those that were given up;
    without it every matching image is looked at, and what has its variants is found unchanged.
    `preset` means images that are shown in it, `to_preset` has them made in another one.
    `failed` means images that show a failure: they wait again once they are planned, as after any
    retry. `failed_with` means images whose last failure has that code. `force` encodes again
    although nothing differs. `refetch` asks the suppliers instead of using the stored originals.
    `limit` is a number of images; the last product is made whole.
    """

    stale: bool = True
    preset: str | None = None
    to_preset: str | None = None
    skus: tuple[str, ...] = ()
    sku_prefix: str | None = None
    host: str | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None
    updated_since: datetime | None = None
    updated_until: datetime | None = None
    failed: bool = False
    failed_with: str | None = None
    image_ids: tuple[UUID, ...] = ()
    product_ids: tuple[UUID, ...] = ()
    force: bool = False
    refetch: bool = False
    limit: int | None = None

    @property
    def takes_current(self) -> bool:
        """Whether images are selected that are not known to differ from their target."""
        failed = self.failed or self.failed_with is not None
        return self.force or self.refetch or failed or not self.stale

    @property
    def names_images(self) -> bool:
        """Whether a person named images: they are tried again although they failed for good."""
        return bool(self.image_ids or self.product_ids)

    @property
    def name(self) -> str:
        """Describe the selection as text."""
        if self.failed:
            return self._retry_name
        said = [f"{name}={_short(value)}" for name, value in self.options().items()]
        return " ".join(said) or "stale images"

    @property
    def _retry_name(self) -> str:
        code = "" if self.failed_with is None else f" with {self.failed_with}"
        host = "" if self.host is None else f" from {self.host}"
        return f"failed images{code}{host}"

    def options(self) -> dict[str, Any]:
        """Return what differs from the defaults, fit for JSON."""
        written: dict[str, Any] = _SELECTOR.dump_python(self, mode="json")
        default = _SELECTOR.dump_python(Selector(), mode="json")
        return {name: value for name, value in written.items() if value != default[name]}

    def asked(self) -> dict[str, Any]:
        """Return all values, for a digest of the request."""
        return asdict(self)

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Selector":
        """Read what `options` wrote."""
        return _SELECTOR.validate_python(options)


_SELECTOR = TypeAdapter(Selector)
_SHOWN = 3


def _short(value: object) -> str:
    if isinstance(value, list):
        more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return ",".join(map(str, value[:_SHOWN])) + more
    return str(value).lower() if isinstance(value, bool) else str(value)
