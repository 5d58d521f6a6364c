"""`product-images collect-garbage` and `verify`: upkeep of the store, by hand."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from api.cli.database import open_database
from api.cli.store import open_store
from api.cli.views.terminal import out
from infra.settings.sections import GarbageSettings, PresetSettings, WebhookSettings
from tasks.presets import read_presets
from tasks.upkeep.collect import collect_garbage as collect
from tasks.upkeep.garbage import Rules
from tasks.upkeep.sample import all_promises, sample
from tasks.upkeep.verify import Verifier


def collect_garbage(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")] = False,
) -> None:
    """Remove replaced variants, objects without rows, expired keys and messages."""
    webhooks = WebhookSettings.load()
    rules = Rules.of(GarbageSettings.load(), webhooks, dry_run=dry_run)
    with open_database() as database, open_store() as store:
        tally = collect(database, store, webhooks, rules=rules)
    out.print("Would be removed:" if dry_run else "Removed:", style="bold")
    for kind, amount in tally.amounts.items():
        out.print(f"{amount.count:>10}  {amount.bytes:>15} bytes  {kind}")
    out.print(f"{tally.looked_at} objects looked at; {tally.waiting} folders are kept for now.")


def verify(
    everything: Annotated[bool, typer.Option("--all", help="Check all, not a sample.")] = False,
    count: Annotated[int, typer.Option("--sample", min=1, help="Variants to check.")] = 1000,
    deep: Annotated[bool, typer.Option("--deep", help="With --all: read every byte.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Regenerate broken ones.")] = False,
) -> None:
    """Check that the store holds all variants; exit status 1 when something is broken."""
    presets = read_presets(PresetSettings.load()) if repair else None
    with open_database() as database, open_store() as store:
        today = datetime.now(UTC).date()
        slices = all_promises(database) if everything else sample(database, count, today)
        verifier = Verifier(database, store, thorough=deep or not everything, presets=presets)
        findings = verifier.verify(slices)
    for found in findings.broken:
        line = f"{found.key} of {found.product}: {found.damage}; repair: {found.repair}"
        out.print(line, markup=False, soft_wrap=True)
    out.print(
        f"{findings.variants} variants and {findings.originals} originals looked at; "
        f"{len(findings.broken)} broken."
    )
    if findings.broken:
        raise typer.Exit(1)
