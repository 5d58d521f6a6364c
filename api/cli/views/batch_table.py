"""What people see of batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.views.terminal import print_table, right

_COLOURS = {"ready": "green", "partial": "yellow", "failed": "red", "cancelled": "red"}
_COLUMNS = ("id", "kind", "state", right("done"), right("jobs"), "created", "name")


def print_batches(console: Console, batches: Sequence[Any]) -> None:
    """Print one line per batch."""
    if not batches:
        console.print("There are no such batches.")
        return
    rows = (
        (
            batch["id"],
            batch["kind"],
            batch["state"],
            f"{int(batch['progress'] * 100)} %",
            str(batch["total"]),
            datetime.fromisoformat(batch["created_at"]).strftime("%Y-%m-%d %H:%M:%S"),
            batch["name"] or "",
        )
        for batch in batches
    )
    print_table(console, _COLUMNS, rows)


def print_batch(console: Console, batch: Any) -> None:
    """Print where a batch stands, and what leads further."""
    state = batch["state"]
    console.print(
        Text.assemble("Batch ", (batch["id"], "bold"), " is ", (state, _COLOURS.get(state, ""))),
        soft_wrap=True,
    )
    lines = []
    if batch["name"]:
        # Without one, each image is made in the preset that it is shown in.
        preset = f", preset {batch['preset']}" if batch["preset"] else ""
        lines.append(f"{batch['kind']} of {batch['name']}{preset}")
    if rows := batch["rows"]:
        told = f"{rows['total']}, {rows['accepted']} accepted, {rows['rejected']} rejected"
        lines.append(f"rows: {told}")
    counts = ", ".join(f"{count} {state}" for state, count in batch["counts"].items() if count)
    lines.append(f"jobs: {batch['total']}{f' ({counts})' if counts else ''}")
    if batch["cancel_requested"] and state == "running":
        lines.append("it is being cancelled")
    lines.append(f"report: product-images batches report {batch['id']}")
    for line in lines:
        console.print(f"  {line}", soft_wrap=True, markup=False)
