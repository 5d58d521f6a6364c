"""The tables on the pages of upkeep runs, and what a collection or verification says in a line."""

from flows.report import Row
from tasks.upkeep.garbage import Tally
from tasks.upkeep.verify import Findings

_MOST_ROWS = 200  # an artifact is for reading


def tally_rows(tally: Tally) -> list[Row]:
    """Return a row per kind of garbage."""
    return [
        {"what": kind, "count": amount.count, "bytes": amount.bytes}
        for kind, amount in tally.amounts.items()
    ]


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


def finding_rows(findings: Findings) -> list[Row]:
    """Return a row per broken object, at most 200."""
    return [
        {"object": found.key, "damage": found.damage, "repair": found.repair}
        for found in findings.broken[:_MOST_ROWS]
    ]


def findings_sentence(findings: Findings) -> str:
    """Return what was seen, for the log and the table's title."""
    return (
        f"{len(findings.broken)} of {findings.variants} variants and {findings.originals} "
        f"originals are broken; {findings.bytes_read} bytes were read."
    )
