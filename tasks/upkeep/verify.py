"""Use case: check that the store holds all variants, and regenerate missing ones.

A sample is read to its last byte and hashed. A look at everything asks for existence and size
only, unless `deep`: reading every object is a matter of hours.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from infra.db.engine import Database
from infra.objectstore import IMMUTABLE, ObjectStore
from tasks.imaging.presets.catalogue import Presets
from tasks.upkeep.repair import Broken, Repair, request_repair
from tasks.upkeep.sample import Promise, shown_by, still_shown

log = structlog.get_logger(__name__)

_AT_ONCE = 8


class Damage(StrEnum):
    """What is wrong with an object."""

    MISSING = "missing"
    WRONG_SIZE = "wrong size"
    CORRUPT = "corrupt"
    WRONG_HEADERS = "wrong header fields"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken object, what is wrong with it, and what is done about it.

    `product` is the sku, or else the id, of one that shows it.
    """

    key: str
    damage: Damage
    repair: Repair
    product: str


@dataclass(slots=True)
class Findings:
    """What one verification has seen; grows while it runs."""

    variants: int = 0
    originals: int = 0
    bytes_read: int = 0
    broken: list[Finding] = field(default_factory=list)

    @property
    def left(self) -> list[Finding]:
        """What is broken and not being regenerated: it needs an operator."""
        return [found for found in self.broken if not found.repair.is_under_way]


class Verifier:
    """Looks at objects; `thorough` reads them, `presets` allow it to request repairs."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        *,
        thorough: bool,
        presets: Presets | None = None,
    ) -> None:
        self._database, self._store = database, store
        self._thorough = thorough
        self._presets = presets
        self._requested: dict[Broken, Repair] = {}

    def verify(
        self,
        slices: Iterable[Sequence[Promise]],
        tell: Callable[[Findings], None] = lambda _: None,
    ) -> Findings:
        """Look at all promised objects; `tell` hears of the progress after each slice.

        Raises `ServiceUnavailable` when PostgreSQL or the store is away: that is no damage.
        """
        findings, last = Findings(), ""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="verify") as threads:
            for promises in slices:
                firsts = _first_of_each_content(promises, last)
                damaged = {
                    p.sha256: d
                    for p, d in zip(firsts, threads.map(self._original, firsts), strict=True)
                }
                damages = list(threads.map(self._variant, promises))
                findings.variants += len(promises)
                findings.originals += len(firsts)
                if self._thorough:
                    findings.bytes_read += sum(p.bytes for p in promises)
                    findings.bytes_read += sum(p.original_bytes for p in firsts)
                for promise, damage in zip(promises, damages, strict=True):
                    original = damaged.pop(promise.sha256, None)
                    self._note(findings, promise, damage, original=original)
                last = promises[-1].sha256 if promises else last
                tell(findings)
        log.info("store verified", variants=findings.variants, broken=len(findings.broken))
        return findings

    def _variant(self, promise: Promise) -> Damage | None:
        headers = (f"image/{promise.format}", IMMUTABLE)
        return self._look(promise.key, promise.bytes, promise.variant_sha256, headers=headers)

    def _original(self, promise: Promise) -> Damage | None:
        return self._look(promise.original_key, promise.original_bytes, promise.sha256)

    def _look(
        self, key: str, size_bytes: int, sha256: str, *, headers: tuple[str, str] | None = None
    ) -> Damage | None:
        stored = self._store.stat(key)
        if stored is None:
            return Damage.MISSING
        if stored.bytes != size_bytes:
            return Damage.WRONG_SIZE
        if headers not in (None, (stored.media_type, stored.cache_control)):
            return Damage.WRONG_HEADERS
        if not self._thorough:
            return None
        content = self._store.read(key)
        if content is None:
            return Damage.MISSING
        return None if content.sha256 == sha256 else Damage.CORRUPT

    def _note(
        self,
        findings: Findings,
        promise: Promise,
        damage: Damage | None,
        *,
        original: Damage | None,
    ) -> None:
        if damage is None and original is None:
            return
        if not still_shown(self._database, promise):
            return  # deleted or made again meanwhile
        repair = Repair.NOT_WANTED
        if self._presets is not None:
            original_is_broken = original is not None or self._original(promise) is not None
            broken = Broken(promise.sha256, promise.fingerprint, original_is_broken)
            if broken not in self._requested:
                self._requested[broken] = request_repair(self._database, broken, self._presets)
            repair = self._requested[broken]
        product = shown_by(self._database, promise)
        if original is not None:
            findings.broken.append(Finding(promise.original_key, original, repair, product))
        if damage is not None:
            findings.broken.append(Finding(promise.key, damage, repair, product))


def _first_of_each_content(promises: Sequence[Promise], last: str) -> list[Promise]:
    """Choose one promise per original; that of `last` was seen with the slice before."""
    firsts = {promise.sha256: promise for promise in reversed(promises)}
    firsts.pop(last, None)
    return list(firsts.values())
