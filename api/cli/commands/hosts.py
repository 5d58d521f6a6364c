"""`product-images hosts`: how suppliers' servers behave, and asking one again."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from api.cli.client import open_client
from api.cli.options import Json
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out

app = typer.Typer(help="Show suppliers' servers; end the pause of one.")

_COLUMNS = ("host", "circuit", "requests", "bytes", "mean", "last error", "silent until")


@app.callback(invoke_without_command=True)
def list_all(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hosts to list.")] = 100,
    as_json: Json = False,
) -> None:
    """List source hosts, last asked first."""
    if context.invoked_subcommand is not None:
        return
    with open_client() as client:
        answer = client.hosts(limit)
    if as_json:
        write_json(answer)
        return
    if not answer["hosts"]:
        out.print("No host was asked in the last seven days.")
        return
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for host in answer["hosts"]:
        table.add_row(
            Text(host["host"]),
            host["circuit"],
            str(host["requests"]),
            str(host["bytes"]),
            "-" if host["mean_seconds"] is None else f"{host['mean_seconds']:.2f} s",
            Text(host["last_error"] or "-"),
            host["silent_until"] or "-",
        )
    out.print(table)


@app.command()
def reset(
    host: Annotated[
        str, typer.Argument(metavar="HOST", help="Name and port, as `hosts` shows them.")
    ],
    as_json: Json = False,
) -> None:
    """Close a host's circuit breaker and end its pause."""
    with open_client() as client:
        answer = client.reset_host(host)
    if as_json:
        write_json(answer)
    else:
        out.print(f"{answer['host']} is asked again.")
