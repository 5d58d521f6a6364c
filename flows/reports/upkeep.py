"""The tables on the pages of upkeep runs, and what a collection or verification says in a line."""

from collections import Counter
from typing import Any

from prefect import State
from prefect.states import Completed, Failed

from flows.reports.artifacts import plain, table
from tasks.upkeep.garbage import Tally
from tasks.upkeep.repair import Repair
from tasks.upkeep.verify import Findings

_MOST_ROWS = 200  # an artifact is for reading
_TO_DO = {
    Repair.IMPOSSIBLE: "cannot be regenerated: upload the files of these products again.",
    Repair.PRESET_GONE: "belong to a preset that is gone: reprocess them with to_preset.",
    Repair.NOT_WANTED: "can perhaps be regenerated: run verify with repair.",
}


def tally_table(tally: Tally) -> str:
    """Return a row per kind of garbage."""
    rows = [(kind, amount.count, f"{amount.bytes:,}") for kind, amount in tally.amounts.items()]
    return table(("what", "count", "bytes"), rows)


def tally_sentence(tally: Tally, *, dry_run: bool) -> str:
    """Return what was done, for the log and the table's title."""
    count = sum(amount.count for amount in tally.amounts.values())
    size = sum(amount.bytes for amount in tally.amounts.values())
    verb = "would be" if dry_run else "were"
    return (
        f"{count} things of {size} bytes {verb} removed; {tally.looked_at} objects looked at, "
        f"{tally.waiting} folders wait for the end of their retention, "
        f"{tally.unknown} objects have foreign keys and are left alone."
    )


def findings_table(findings: Findings) -> str:
    """Return a row per broken object, at most 200; those that need an operator come first."""
    ordered = sorted(findings.broken, key=lambda found: found.repair.is_under_way)
    shown = [
        (plain(found.key), plain(found.product), found.damage, found.repair)
        for found in ordered[:_MOST_ROWS]
    ]
    return table(("object", "product", "damage", "repair"), shown)


def findings_sentence(findings: Findings) -> str:
    """Return what was seen, for the log and the table's title."""
    return (
        f"{len(findings.broken)} of {findings.variants} variants and {findings.originals} "
        f"originals are broken; {findings.bytes_read} bytes were read."
    )


def findings_state(findings: Findings) -> State[Any]:
    """Return how a verification ends: Failed while something is left for an operator."""
    if not findings.left:
        return Completed(message=findings_sentence(findings))
    counts = Counter(found.repair for found in findings.left)
    told = [f"{count} {_TO_DO[repair]}" for repair, count in sorted(counts.items())]
    return Failed(message=f"Broken objects stay broken. {' '.join(told)} The table names them.")
