"""Use cases: record what fingerprints mean, and the target revisions of presets.

Targets are set on purpose and once per deployment. Two versions of workers that run side by side
during an upgrade only write down what they make, and change no target.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import structlog
from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models.policies import Policy, PresetTarget
from tasks.imaging.presets.catalogue import Presets
from tasks.imaging.presets.fingerprint import PolicyFacts, policy_facts, policy_revision
from tasks.imaging.presets.model import Preset

log = structlog.get_logger(__name__)


def register_policies(database: Database, presets: Presets) -> None:
    """Write down what this process makes; set the targets only where none was ever set."""
    facts = [policy_facts(presets.named(name)) for name in presets]
    with database.transaction() as session:
        _write_policies(session, facts)
        if not session.scalar(select(exists().select_from(PresetTarget))):
            _write_targets(session, facts)


def register_focus(database: Database, preset: Preset, focused: Preset) -> None:
    """Write down what a preset makes around an image's own focal point.

    It is as up to date as the preset is: the point belongs to the image.
    """
    facts = replace(policy_facts(focused), revision=policy_revision(preset))
    with database.transaction() as session:
        _write_policies(session, [facts])


def publish_targets(database: Database, presets: Presets) -> Sequence[str]:
    """Make these presets the targets; return the names of those that changed or went.

    Images of a preset that changed are stale from then on. A preset that is gone has no target:
    what is shown in it stays as it is. Nothing is written where nothing differs.
    """
    facts = [policy_facts(presets.named(name)) for name in presets]
    with database.transaction() as session:
        _write_policies(session, facts)
        changed = _write_targets(session, facts)
        gone = delete(PresetTarget).where(PresetTarget.preset.not_in(list(presets)))
        changed += session.scalars(gone.returning(PresetTarget.preset)).all()
    if changed:
        log.info("preset targets set", presets=sorted(changed))
    return sorted(changed)


def _write_policies(session: Session, facts: Iterable[PolicyFacts]) -> None:
    rows = [asdict(each) for each in sorted(facts, key=lambda each: each.fingerprint)]
    session.execute(insert(Policy).values(rows).on_conflict_do_nothing())


def _write_targets(session: Session, facts: Iterable[PolicyFacts]) -> list[str]:
    rows = [
        {"preset": each.preset, "revision": each.revision, "fingerprint": each.fingerprint}
        for each in sorted(facts, key=lambda each: each.preset)
    ]
    statement = insert(PresetTarget).values(rows)
    new = statement.excluded
    written = statement.on_conflict_do_update(
        index_elements=[PresetTarget.preset],
        set_={"revision": new.revision, "fingerprint": new.fingerprint, "set_at": func.now()},
        where=PresetTarget.revision != new.revision,
    )
    return list(session.scalars(written.returning(PresetTarget.preset)))
