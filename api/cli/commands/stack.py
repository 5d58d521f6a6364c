"""`product-images stack`: start, stop and look at the local stack. Thin: infra.stack does it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.cli.options import Json
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from infra.settings.sections import SettingsError, StackSettings
from infra.stack.supervisor.detached import start_detached, stop_running
from infra.stack.supervisor.errors import AlreadyRunning, StackError
from infra.stack.supervisor.foreground import run
from infra.stack.supervisor.lock import supervisor_pid
from infra.stack.supervisor.log_tail import follow, log_files, tail
from infra.stack.supervisor.part import PartState, Progress
from infra.stack.supervisor.progress import WHOLE, describe
from infra.stack.supervisor.record import FILE_NAME as RECORDS
from infra.stack.supervisor.record import load_records
from infra.stack_description import FILE_NAME as DESCRIPTION
from infra.stack_description import StackDescription

app = typer.Typer(help="Start, stop and show the local stack.", no_args_is_help=True)

_COLOURS = {
    PartState.READY: "green",
    PartState.DONE: "green",
    PartState.USED: "cyan",
    PartState.DIED: "red",
    PartState.FAILED: "red",
    PartState.STOPPED: "dim",
}


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    samples: Annotated[bool, typer.Option(help="Serve the sample images too.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Workers to start.")] = None,
) -> None:
    """Start everything; Ctrl-C stops it."""
    with sentences():
        settings = StackSettings.load()
        chosen = {
            "workers": workers or settings.workers,
            "stack_samples": samples or settings.stack_samples,
        }
        settings = settings.model_copy(update=chosen)
        directory = settings.stack_directory.resolve()
        pid = supervisor_pid(directory)
        if pid is not None:
            out.print(f"The stack in {directory} is running already (pid {pid}).", soft_wrap=True)
            if (directory / DESCRIPTION).exists():
                _say_addresses(_described(directory))
            else:
                out.print("It is still starting.")
        elif detach:
            _say_addresses(start_detached(settings, show))
        else:
            raise typer.Exit(_run_here(settings))


@app.command()
def down() -> None:
    """Stop the stack, and what a killed supervisor left."""
    with sentences():
        stopped = stop_running(_directory())
        out.print("The stack is stopped." if stopped else "No stack was running.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show the running parts; exit code 3 when there are none."""
    with sentences():
        directory = _directory()
        running = supervisor_pid(directory) is not None
        records = tuple(r for r in load_records(directory / RECORDS) if r.is_alive())
        if as_json:
            write_json({"running": running, "parts": [asdict(record) for record in records]})
        elif records:
            table = Table("part", "state", "pid", "port", "uptime", box=None, pad_edge=False)
            for record in records:
                port = str(record.port or "")
                minutes, seconds = divmod(int(time.time() - record.since), 60)
                uptime = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
                table.add_row(record.name, record.state, str(record.pid), port, uptime)
            out.print(table)
            if (directory / DESCRIPTION).exists():
                _say_addresses(_described(directory))
        else:
            out.print("No stack is running.")
        if not records:
            raise typer.Exit(3)


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Only this part.")] = None,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Follow the logs.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0)] = 20,
) -> None:
    """Show the last lines of the logs."""
    with sentences():
        files = log_files(_directory(), part)
        for line in follow(files, lines) if follow_on else tail(files, lines):
            out.print(f"[cyan]{line.part:<10}[/] {escape(line.text)}", soft_wrap=True)


def show(progress: Progress) -> None:
    """Print one line of progress, and a dead part's last words below it."""
    colour = _COLOURS.get(progress.state, "yellow")
    out.print(f"[{colour}]{escape(describe(progress))}[/]", soft_wrap=True)
    for line in progress.lines:
        out.print(f"           | {escape(line)}", style="dim", soft_wrap=True)


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what went wrong into a sentence and exit code 1."""
    try:
        yield
    except (StackError, SettingsError) as exc:
        err.print(f"[red]{escape(str(exc))}[/]", soft_wrap=True)
        raise typer.Exit(1) from exc
    except KeyboardInterrupt as exc:
        raise typer.Exit(130) from exc


def _directory() -> Path:
    return StackSettings.load().stack_directory.resolve()


def _run_here(settings: StackSettings) -> int:
    def show_and_guide(progress: Progress) -> None:
        show(progress)
        if progress.part == WHOLE and progress.state is PartState.READY:
            _say_addresses(_described(settings.stack_directory.resolve()))
            out.print("Ctrl-C stops everything.", style="dim")

    try:
        return run(settings, show_and_guide)
    except AlreadyRunning as exc:
        out.print(str(exc))
        return 0


def _described(directory: Path) -> StackDescription:
    return StackDescription.load(directory / DESCRIPTION)


def _say_addresses(description: StackDescription) -> None:
    out.print(f"API         {description.api}/docs", soft_wrap=True)
    out.print(f"Prefect UI  {description.prefect_ui}", soft_wrap=True)
    if description.prefect_auth_string:
        out.print(f"  sign in   {description.prefect_auth_string}", soft_wrap=True)
