"""`product-images backup` and `restore`: a copy of everything, and its way back."""

from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.options import Json
from api.cli.system import read_system
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from infra.backup_places import open_place
from infra.objectstore import ObjectStore
from tasks.backup.backup import Copied, Tell, back_up
from tasks.backup.restore import restore as bring_back

_SHOWN = 20
_Place = Annotated[
    str, typer.Argument(metavar="DIR|s3://…", help="A folder, or a bucket and a prefix in it.")
]


def backup(place: _Place, as_json: Json = False) -> None:
    """Copy all rows and objects; run it again to go on, or to bring the copy up to date."""
    settings, store_settings = read_system()
    with (
        ObjectStore(store_settings) as store,
        open_place(place, store_settings) as target,
        _Progress("copied") as tell,
    ):
        copied = back_up(settings.database.url, store, target, tell=tell)
    _report(copied, "copied", as_json=as_json)


def restore(place: _Place, as_json: Json = False) -> None:
    """Bring a backup back into an empty database; run it again when it was interrupted."""
    settings, store_settings = read_system()
    with (
        ObjectStore(store_settings) as store,
        open_place(place, store_settings) as source,
        _Progress("restored") as tell,
    ):
        restored = bring_back(settings.database.url, store, source, tell=tell)
    _report(restored, "restored", as_json=as_json)
    if not as_json:
        out.print("Start the API and a worker, then run: product-images doctor --repair")


class _Progress:
    """A line on standard error that moves, on a terminal only."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err
        )

    def __enter__(self) -> Tell:
        self._bar.start()
        task = self._bar.add_task(f"{self._verb} …", total=None)

        def tell(copied: Copied) -> None:
            told = f"{copied.rows} rows, {copied.total} objects {self._verb}"
            self._bar.update(task, description=told)

        return tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _report(copied: Copied, verb: str, *, as_json: bool) -> None:
    if as_json:
        fields = ("rows", "objects", "bytes", "kept")
        write_json({**{name: getattr(copied, name) for name in fields}, "lost": copied.lost})
    else:
        out.print(
            f"{copied.rows} rows and {copied.objects} objects of {copied.bytes} bytes {verb}; "
            f"{copied.kept} objects were there already."
        )
        for key in copied.lost[:_SHOWN]:
            err.print(f"{key} is missing or damaged.", markup=False, soft_wrap=True)
        if copied.lost:
            advice = "Their rows are kept; `product-images doctor --repair` regenerates them."
            err.print(f"{len(copied.lost)} objects could not be {verb}. {advice}", style="red")
    if copied.lost:
        raise typer.Exit(1)
