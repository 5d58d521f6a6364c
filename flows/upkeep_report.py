"""The tables on the pages of upkeep runs, and what a collection or verification says in a line."""

from flows.report import plain, table
from tasks.upkeep.garbage import Tally
from tasks.upkeep.verify import Findings

_MOST_ROWS = 200  # an artifact is for reading


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
    """Return a row per broken object, at most 200."""
    shown = findings.broken[:_MOST_ROWS]
    rows = [(plain(found.key), found.damage, found.repair) for found in shown]
    return table(("object", "damage", "repair"), rows)


def findings_sentence(findings: Findings) -> str:
    """Return what was seen, for the log and the table's title."""
    return (
        f"{len(findings.broken)} of {findings.variants} variants and {findings.originals} "
        f"originals are broken; {findings.bytes_read} bytes were read."
    )
