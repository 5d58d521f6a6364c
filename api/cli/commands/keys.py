"""`product-images keys`: create, list, revoke and forget API keys. Works on the database itself.

The first key is made here alone, and needs none: over the network an admin key makes keys.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from api.cli.database import open_database
from api.cli.options import Json, parse_duration
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from infra.contract.scopes import Scope
from tasks.keys.change import create_key, forget_key, list_keys, revoke_key
from tasks.keys.view import KeyView
from tasks.webhooks.endpoints import list_endpoints

app = typer.Typer(help="Create, list, revoke and forget API keys.", no_args_is_help=True)

_MOST_WEBHOOKS = 200
_COLUMNS = ("id", "state", "scope", "created", "last used", "expires", "name")

_Id = Annotated[str, typer.Argument(metavar="ID", help="An id that `keys list` shows.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="The program or person that uses it.")],
    scope: Annotated[Scope, typer.Option(help="What the key permits.")] = Scope.READ,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Expires after this, like 90d; never by default.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a key and show it, this once only."""
    with open_database() as database:
        is_first = not list_keys(database)
        issued = create_key(database, name=name, scope=scope, valid_for=expires)
        # Whatever was registered before, no key was asked for.
        registered = list_endpoints(database, limit=_MOST_WEBHOOKS) if is_first else []
    if as_json:
        webhooks = [{"id": str(webhook.id), "url": webhook.url} for webhook in registered]
        write_json({"key": issued.text, **key_fields(issued.view), "webhooks": webhooks})
    else:
        out.print(issued.text, soft_wrap=True)  # alone, so that `$(…)` takes it
        view = issued.view
        ends = f"expires {_moment(view.expires_at)}" if view.expires_at else "does not expire"
        err.print(
            f"Key {view.id} ({view.scope}) {ends}. "
            "Keep it now: it is shown once and stored nowhere.",
            soft_wrap=True,
        )
        if registered:
            err.print(
                "This is the first key. These webhooks were registered while none was needed; "
                "delete those that you do not know, with DELETE /webhooks/ID:",
                style="yellow",
                soft_wrap=True,
            )
        for webhook in registered:
            err.print(Text(f"  {webhook.id}  {webhook.url}"), soft_wrap=True)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List all keys, the oldest first."""
    with open_database() as database:
        keys = list_keys(database)
    if as_json:
        write_json({"keys": [key_fields(key) for key in keys]})
        return
    if not keys:
        out.print(
            "There are no keys: callers on this machine may do everything, others if API_OPEN=true."
        )
        return
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.no_wrap = True
    for key in keys:
        times = (key.created_at, key.last_used_at, key.expires_at)
        table.add_row(key.id, key.state, key.scope, *map(_moment, times), Text(key.name))
    out.print(table)


@app.command()
def revoke(key_id: _Id, as_json: Json = False) -> None:
    """Revoke a key; no API process accepts it after 5 seconds. The API still requires a key."""
    with open_database() as database:
        key = revoke_key(database, key_id)
    if as_json:
        write_json(key_fields(key))
    else:
        out.print(f"Key {key.id} is revoked.")


@app.command()
def forget(key_id: _Id) -> None:
    """Delete a revoked key; when no key is left, the API requires none."""
    with open_database() as database:
        forget_key(database, key_id)
        left = len(list_keys(database))
    out.print(f"Key {key_id} is forgotten.")
    if left == 0:
        err.print(
            "No key is left: callers on this machine may do everything, others with API_OPEN=true.",
            style="yellow",
        )


def key_fields(key: KeyView) -> dict[str, Any]:
    """Return a key as programs read it; times in ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(key).items()
    }


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
