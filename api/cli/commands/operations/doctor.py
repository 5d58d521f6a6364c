"""`product-images doctor`: whether all is well, and what to do where it is not."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from api.cli.options import Json
from api.cli.system import read_system
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out
from infra.db.engine import Database
from infra.db.storable import visible
from infra.objectstore import ObjectStore
from infra.settings.sections import PresetSettings
from tasks.doctor.examine import CHECKS, examine
from tasks.doctor.finding import Diagnosis, Level, System, exit_status
from tasks.presets import read_presets

_COLOURS = {
    Level.OK: "green",
    Level.WARNING: "yellow",
    Level.BROKEN: "red",
    Level.UNKNOWN: "magenta",
}
_REPAIRED = "repaired"


def doctor(
    checks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHECK]…", help=f"Of {', '.join(CHECKS)}; all without one."),
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is safe to mend.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Read all objects, not a sample. Takes hours.")
    ] = False,
    count: Annotated[int, typer.Option("--sample", min=1, help="Variants to read.")] = 200,
    as_json: Json = False,
) -> None:
    """Check a live system; exit status 1: warnings, 2: broken, 3: a part does not answer."""
    unknown = [name for name in checks or () if name not in CHECKS]
    if unknown:
        raise typer.BadParameter(f"There is no check {unknown[0]!r}; see --help.")
    settings, store_settings = read_system()
    presets = read_presets(PresetSettings.load())
    with Database(settings.database) as database, ObjectStore(store_settings) as store:
        system = System(
            database,
            store,
            settings,
            presets,
            repair=repair,
            everything=everything,
            sample_size=count,
        )
        found = list(examine(system, checks or ()))
    if as_json:
        write_json({"status": exit_status(found), "checks": [_fields(each) for each in found]})
    else:
        _print(found)
    raise typer.Exit(exit_status(found))


def _fields(diagnosis: Diagnosis) -> dict[str, str]:
    return {"check": diagnosis.check, **asdict(diagnosis.finding)}


def _print(found: Sequence[Diagnosis]) -> None:
    table = Table("check", "", "what is", "what to do", box=None, pad_edge=False)
    for each in found:
        finding = each.finding
        level = _REPAIRED if finding.repaired and finding.level is Level.OK else finding.level
        todo = " ".join(filter(None, (finding.repaired, finding.advice)))
        table.add_row(
            each.check,
            Text(str(level), style="cyan" if level == _REPAIRED else _COLOURS[finding.level]),
            Text(visible(finding.detail)),
            Text(visible(todo)),
        )
    out.print(table)
    counts = {level: sum(each.finding.level is level for each in found) for level in Level}
    told = ", ".join(f"{count} {level}" for level, count in counts.items() if count)
    out.print(f"{len(found)} checks: {told}.")
