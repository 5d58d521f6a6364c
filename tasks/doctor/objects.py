"""The store against the rows: each ready variant has its object, and each object has its row."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import exists, func, or_, select

from infra.contract.object_keys import Folder, folder_of
from infra.contract.states import ImageState
from infra.db.models.catalogue import Image, Variant
from infra.db.models.retirements import Removal
from infra.http import anonymous_status
from tasks.contents.remove import remove_requested
from tasks.doctor.finding import Finding, Level, System, ok
from tasks.upkeep.garbage import Garbage, Rules, Tally
from tasks.upkeep.orphans import remove_orphans
from tasks.upkeep.sample import Promise, all_promises, sample
from tasks.upkeep.verify import Verifier

_LISTED_WHOLE = 20_000  # variants: above it one in 256 objects is looked at
_REMOVED_WITHIN = timedelta(hours=1)
_OK = 200


def check_writes(system: System) -> Finding:
    """Whether objects can be written, read and removed."""
    system.store.probe_writes()
    return ok("Objects can be written, read and removed.")


def check_variants(system: System) -> Finding:
    """Whether announced variants and their originals are there: size, hash, header fields."""
    presets = system.presets if system.repair else None
    verifier = Verifier(system.database, system.store, thorough=True, presets=presets)
    findings = verifier.verify(_promises(system))
    detail = f"{findings.variants} variants and {findings.originals} originals read"
    if not findings.broken:
        return ok(f"{detail}: all are whole.")
    first = findings.broken[0]
    detail = f"{detail}: {len(findings.broken)} broken ({first.key}: {first.damage})."
    if not system.repair:
        return Finding(Level.BROKEN, detail, "Use --repair, or: product-images verify --repair.")
    if findings.left:
        advice = (
            "Upload these files again, or reprocess with to_preset: product-images verify --all."
        )
        return Finding(Level.BROKEN, detail, advice, repaired="Jobs regenerate what can be.")
    return Finding(Level.OK, detail, repaired="Jobs in the bulk lane regenerate them.")


def check_keys(system: System) -> Finding:
    """Whether rows name each object once: a key says what its row says."""
    wrong = 0
    for promises in _promises(system):
        wrong += sum(not _says_what_its_row_says(each) for each in promises)
    nothing = ~exists().where(
        Variant.original_sha256 == Image.original_sha256,
        Variant.fingerprint == Image.fingerprint,
    )
    bare = select(func.count()).where(
        Image.state == ImageState.READY, or_(Image.original_sha256.is_(None), nothing)
    )
    with system.database.transaction() as session:
        without = session.scalars(bare).one()
    if not wrong and not without:
        return ok("Each key says what its row says; each ready image has variants.")
    detail = f"{wrong} keys disagree with their rows, {without} ready images have no variants."
    return Finding(Level.BROKEN, detail, "Reprocess these products with force and refetch.")


def check_orphans(system: System) -> Finding:
    """Whether objects without a row are left, older than the grace of the garbage collector."""
    with system.database.transaction() as session:
        beyond = select(Variant.id).offset(_LISTED_WHOLE).limit(1)
        is_large = session.scalar(beyond) is not None
    part = f"{_today().toordinal() % 256:02x}" if is_large and not system.everything else ""
    rules = Rules.of(system.settings.garbage, system.settings.webhooks, dry_run=not system.repair)
    rules, tally = replace(rules, digests=part), Tally()

    def remove() -> None:
        while system.repair and remove_requested(system.database, system.store):
            continue

    remove_orphans(system.database, system.store, rules, tally=tally, remove=remove)
    kinds = (Garbage.STRAY_VARIANTS, Garbage.STRAY_ORIGINALS)
    count = sum(tally.amounts[kind].count for kind in kinds)
    detail = f"{tally.looked_at} objects looked at, {count} without a row"
    detail += f"; {tally.unknown} with foreign keys." if tally.unknown else "."
    if not count:
        return ok(detail)
    if not system.repair:
        return Finding(Level.WARNING, detail, "Use --repair, or: product-images collect-garbage.")
    return Finding(Level.OK, detail, repaired=f"{count} objects were removed.")


def check_removals(system: System) -> Finding:
    """Whether objects that were to be removed are gone."""
    late = select(func.count()).where(Removal.created_at < func.now() - _REMOVED_WITHIN)
    with system.database.transaction() as session:
        count = session.scalars(late).one()
    if not count:
        return ok("Nothing waits to be removed.")
    detail = f"{count} objects were to be removed more than an hour ago."
    if not system.repair:
        return Finding(
            Level.WARNING, detail, "Start a worker, which removes them, or use --repair."
        )
    removed = 0
    while more := remove_requested(system.database, system.store):
        removed += more
    return Finding(Level.OK, detail, repaired=f"{removed} objects were removed.")


def check_access(system: System) -> Finding:
    """Whether everybody can read a variant, and nobody its original."""
    promise = next((each for some in _promises(system) for each in some), None)
    if promise is None:
        return ok("There is no variant yet.")
    store, base = system.store.url, system.settings.assets.public_asset_url
    public = anonymous_status(f"{base}/{promise.key}")
    private = anonymous_status(f"{store}/{promise.original_key}")
    if private == _OK:
        detail = f"Everybody can read originals at {store}."
        return Finding(Level.BROKEN, detail, "Prepare the bucket again: python -m infra.bucket.")
    if public != _OK:
        told = "not at all" if public is None else f"with {public}"
        detail = f"A variant is answered {told} at {base}."
        advice = "See PUBLIC_ASSET_URL, or prepare the bucket again: python -m infra.bucket."
        return Finding(Level.BROKEN, detail, advice)
    return ok("Everybody can read variants, and nobody originals.")


def _promises(system: System) -> Iterable[Sequence[Promise]]:
    if system.everything:
        return all_promises(system.database)
    return sample(system.database, system.sample_size, _today())


def _says_what_its_row_says(promise: Promise) -> bool:
    variant = Folder(promise.sha256, promise.fingerprint)
    original = Folder(promise.sha256)
    return folder_of(promise.key) == variant and folder_of(promise.original_key) == original


def _today() -> date:
    return datetime.now(UTC).date()
