"""`product-images dead`: look at dead letters, send them again, or remove them.

The bodies come from anywhere: never trust one. The console escapes what would steer it.
"""

import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from api.cli.completion import PATIENCE_SECONDS, Candidates
from api.cli.local_stack import running_stack
from api.cli.options import Json
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out, print_table, right
from infra.broker.rabbitmq import DeadLetter, DeadLetters, open_dead_letters
from infra.contract.errors import ErrorCode, ProductImagesError
from infra.settings.sections import BrokerSettings, SettingsError, StackSettings

app = typer.Typer(
    help="List, show, replay or remove messages that no worker could read.", no_args_is_help=True
)

_SUMMARY_CHARACTERS = 48
_LETTERS_OFFERED = 50


def complete_letters(incomplete: str) -> Candidates:
    """Offer the oldest dead letters, if the broker answers at once."""
    try:
        with _visit(connect_timeout_seconds=PATIENCE_SECONDS) as visit:
            letters = visit.letters()[:_LETTERS_OFFERED]
    except (ProductImagesError, SettingsError):
        return []
    return [(each.id, summary(each)) for each in letters if each.id.startswith(incomplete)]


_LETTER = typer.Argument(
    metavar="ID", help="An id that `dead list` shows.", autocompletion=complete_letters
)
_Letter = Annotated[str | None, _LETTER]
_Everything = Annotated[bool, typer.Option("--all", help="All that are there now.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Letters to list, oldest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters; changes nothing."""
    with _visit() as visit:
        letters = visit.letters()[:limit]
        total = visit.count
    if as_json:
        write_json({"letters": [letter_fields(letter) for letter in letters], "total": total})
    else:
        print_listing(out, letters, total)


@app.command()
def show(
    letter_id: Annotated[str, _LETTER],
    as_json: Json = False,
) -> None:
    """Show one dead letter with its body."""
    with _visit() as visit:
        (letter,) = _chosen(visit, letter_id)
    if as_json:
        write_json(letter_fields(letter))
    else:
        print_letter(out, letter)


@app.command()
def replay(
    letter_id: _Letter = None,
    everything: _Everything = False,
    as_json: Json = False,
) -> None:
    """Send dead letters to their lanes again, unchanged."""
    _require_choice(letter_id, everything=everything)
    replayed, kept = [], []
    with _visit() as visit:
        for letter in _chosen(visit, letter_id):
            if letter.lane is None:
                kept.append(letter.id)
            else:
                visit.replay(letter, letter.lane)
                replayed.append(letter.id)
    if as_json:
        write_json({"replayed": replayed, "kept": kept})
    else:
        out.print(f"{_count(len(replayed))} replayed.")
    for each in kept:
        _complain(f"{each} stays: it came from no lane of ours, so there is none to send it to.")
    if kept:
        raise typer.Exit(1)


@app.command()
def purge(
    letter_id: _Letter = None,
    everything: _Everything = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Remove dead letters for good."""
    _require_choice(letter_id, everything=everything)
    with _visit() as visit:
        count = visit.count if letter_id is None else 1
    if count and not yes and not _agreed(f"Remove {_count(count)} for good?"):
        _complain("Nothing was removed.")
        raise typer.Exit(1)
    with _visit() as visit:
        letters = _chosen(visit, letter_id)[:count]  # what came since the question stays
        for letter in letters:
            visit.remove(letter)
    if as_json:
        write_json({"purged": [letter.id for letter in letters]})
    else:
        out.print(f"{_count(len(letters))} purged.")


def print_listing(console: Console, letters: Sequence[DeadLetter], total: int) -> None:
    """Print a line per letter, then how many there are."""
    if not letters:
        console.print("There are no dead letters.")
        return
    columns = ("id", "died (UTC)", "lane", "reason", right("times"), "about")
    print_table(console, columns, (list(_facts(letter).values()) for letter in letters))
    if len(letters) < total:
        console.print(f"The oldest {len(letters)} of {total}; --limit shows more.")


def print_letter(console: Console, letter: DeadLetter) -> None:
    """Print everything about a letter, its body last."""
    for name, value in {**_facts(letter), "body": f"{len(letter.body)} bytes"}.items():
        console.print(Text.assemble((f"{name:<12}", "bold"), value), soft_wrap=True)
    console.print()
    console.print(readable(letter.body), markup=False, soft_wrap=True)


def letter_fields(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter for programs; `body` is null when it is not UTF-8."""
    try:
        body = letter.body.decode()
    except UnicodeDecodeError:
        body = None
    return {
        "id": letter.id,
        "lane": letter.lane,
        "died_at": None if letter.died_at is None else letter.died_at.isoformat(),
        "reason": letter.reason,
        "times": letter.times,
        "job_id": letter.named("job_id"),
        "chunk_id": letter.named("chunk_id"),
        "body": body,
        "body_base64": b64encode(letter.body).decode(),
    }


def summary(letter: DeadLetter) -> str:
    """Return the job or chunk that the letter is about, or else how its body begins."""
    for kind in ("job", "chunk"):
        if (found := letter.named(f"{kind}_id")) is not None:
            return f"{kind} {found}"
    begin = readable(letter.body[: 4 * _SUMMARY_CHARACTERS]).replace("\n", " ") or "(empty)"
    cut = len(begin) > _SUMMARY_CHARACTERS
    return f"{begin[:_SUMMARY_CHARACTERS]}…" if cut else begin


def readable(body: bytes) -> str:
    r"""Return a body as text; what is none, or would steer a terminal, becomes \x1b and alike."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode()
        for character in body.decode(errors="backslashreplace")
    )


def _facts(letter: DeadLetter) -> dict[str, str]:
    return {
        "id": letter.id,
        "died (UTC)": f"{letter.died_at:%Y-%m-%d %H:%M:%S}" if letter.died_at else "unknown",
        "lane": letter.lane or "unknown",
        "reason": letter.reason or "unknown",
        "times": str(letter.times),
        "about": summary(letter),
    }


def _visit(**changes: Any) -> AbstractContextManager[DeadLetters]:
    """Visit the broker that AMQP_URL names, or the local stack's; `changes` replace settings."""
    stack = StackSettings.load()
    if stack.amqp_url is not None:
        settings = BrokerSettings.load()
    else:
        settings = BrokerSettings.load(url=running_stack(stack, instead_of="AMQP_URL").amqp_url)
    return open_dead_letters(settings.model_copy(update=changes))


def _require_choice(letter_id: str | None, *, everything: bool) -> None:
    if (letter_id is not None) is everything:
        raise typer.BadParameter("Name a letter by its id, or say --all.")


def _chosen(visit: DeadLetters, letter_id: str | None) -> Sequence[DeadLetter]:
    """Return the letter with this id, or all."""
    letters = visit.letters()
    if letter_id is None:
        return letters
    found = [letter for letter in letters if letter.id == letter_id]
    if not found:
        sentence = f"There is no dead letter {letter_id}. See `product-images dead list`."
        raise ProductImagesError(ErrorCode.NOT_FOUND, sentence)
    return found


def _agreed(question: str) -> bool:
    """Ask on standard error; typer's own question leaves a blank on standard output."""
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _complain(sentence: str) -> None:
    err.print(sentence, style="red", markup=False, soft_wrap=True)


def _count(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"
