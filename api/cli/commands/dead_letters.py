"""`product-images dead`: look at dead letters, send them again, or remove them."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from api.cli.broker import open_letters
from api.cli.dead_letter_completion import complete_letters
from api.cli.views.dead_letter_table import letter_fields, print_letter, print_listing
from api.cli.views.json_output import write_json
from api.cli.views.terminal import Terminal
from infra.broker.dead_letters import DeadLetters, Handled
from infra.contract.errors import ErrorCode, ProductImagesError

app = typer.Typer(
    help="List, show, replay or remove messages that no worker could read.", no_args_is_help=True
)

_EVERY_LETTER = sys.maxsize
_out = Terminal(highlight=False)
_err = Terminal(stderr=True, highlight=False)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Letters = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID", help="An id that `dead list` shows.", autocompletion=complete_letters
    ),
]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Letters to list, oldest first.")] = 50,
    as_json: _Json = False,  # noqa: FBT002 - typer's way
) -> None:
    """List dead letters; changes nothing."""
    listing = open_letters().peek(limit)
    if as_json:
        letters = [letter_fields(letter) for letter in listing.letters]
        write_json({"letters": letters, "total": listing.total})
    else:
        print_listing(_out, listing)


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=complete_letters)],
    as_json: _Json = False,  # noqa: FBT002 - typer's way
) -> None:
    """Show one dead letter with its body."""
    letter = open_letters().find(letter_id)
    if letter is None:
        raise ProductImagesError(ErrorCode.NOT_FOUND, _absent(letter_id))
    if as_json:
        write_json(letter_fields(letter))
    else:
        print_letter(_out, letter)


@app.command()
def replay(
    letter_ids: _Letters = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there now.")] = False,  # noqa: FBT002 - typer's way
    as_json: _Json = False,  # noqa: FBT002 - typer's way
) -> None:
    """Send dead letters to their lanes again, unchanged."""
    letters = open_letters()
    handled = letters.replay(_chosen(letters, letter_ids, everything=everything))
    _finish(handled, "replayed", as_json=as_json)


@app.command()
def purge(
    letter_ids: _Letters = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there now.")] = False,  # noqa: FBT002 - typer's way
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,  # noqa: FBT002 - typer's way
    as_json: _Json = False,  # noqa: FBT002 - typer's way
) -> None:
    """Remove dead letters for good."""
    letters = open_letters()
    chosen = _chosen(letters, letter_ids, everything=everything)
    if chosen and not yes and not _agreed(f"Remove {_count(len(chosen))} for good?"):
        _complain("Nothing was removed.")
        raise typer.Exit(1)
    _finish(letters.purge(chosen), "purged", as_json=as_json)


def _chosen(
    letters: DeadLetters, letter_ids: Sequence[str] | None, *, everything: bool
) -> Sequence[str]:
    """Name the letters now, so that one which arrives meanwhile is left alone."""
    if bool(letter_ids) is everything:
        raise typer.BadParameter("Name letters by their ids, or say --all.")
    if letter_ids:
        return list(dict.fromkeys(letter_ids))
    return [letter.id for letter in letters.peek(_EVERY_LETTER).letters]


def _agreed(question: str) -> bool:
    """Ask on standard error; typer's own question leaves a blank on standard output."""
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _finish(handled: Handled, done: str, *, as_json: bool) -> None:
    if as_json:
        write_json({done: handled.done, "kept": handled.kept, "missing": handled.missing})
    else:
        _out.print(f"{_count(len(handled.done))} {done}.")
    for letter_id in handled.kept:
        _complain(
            f"{letter_id} stays: it came from no lane of ours, so there is none to send it to."
        )
    for letter_id in handled.missing:
        _complain(_absent(letter_id))
    if handled.kept or handled.missing:
        raise typer.Exit(1)


def _complain(sentence: str) -> None:
    _err.print(sentence, style="red", markup=False, soft_wrap=True)


def _absent(letter_id: str) -> str:
    return f"There is no dead letter {letter_id}. See `product-images dead list`."


def _count(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"
