"""Dead letters as people and programs read them. Bodies come from anywhere: never trust one."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.views.terminal import print_table, right
from infra.broker.dead_letters import DeadLetter, Death, Listing

_COLUMNS = ("id", "died (UTC)", "lane", "reason", right("times"), "about")
_SUMMARY_CHARACTERS = 48


def print_listing(console: Console, listing: Listing) -> None:
    """Print a line per letter, then how many there are."""
    if not listing.letters:
        console.print("There are no dead letters.")
        return
    print_table(console, _COLUMNS, map(_row, listing.letters))
    shown = len(listing.letters)
    if shown < listing.total:
        console.print(f"The oldest {shown} of {listing.total}; --limit shows more.")


def print_letter(console: Console, letter: DeadLetter) -> None:
    """Print everything about a letter, its body last."""
    death = letter.death
    facts = {
        "id": letter.id,
        "died": f"{_moment(death)} UTC" if death.died_at else "unknown",
        "lane": death.lane or "unknown",
        "reason": death.reason or "unknown",
        "times": str(death.times),
        **_subject(death),
        "body": f"{len(death.body)} bytes",
    }
    for name, value in facts.items():
        console.print(Text.assemble((f"{name:<8}", "bold"), value), soft_wrap=True)
    console.print()
    for line in readable(death.body).split("\n"):
        console.print(line, markup=False, soft_wrap=True)


def letter_fields(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter for programs; `body` is null when it is not UTF-8."""
    death = letter.death
    return {
        "id": letter.id,
        "lane": death.lane,
        "died_at": None if death.died_at is None else death.died_at.isoformat(),
        "reason": death.reason,
        "times": death.times,
        "job_id": None if death.job_id is None else str(death.job_id),
        "chunk_id": None if death.chunk_id is None else str(death.chunk_id),
        "body": _decoded(death.body),
        "body_base64": b64encode(death.body).decode(),
    }


def summary(death: Death) -> str:
    """Return the job or chunk that the letter is about, or else how its body begins."""
    if death.job_id is not None:
        return f"job {death.job_id}"
    if death.chunk_id is not None:
        return f"chunk {death.chunk_id}"
    if not death.body:
        return "(empty)"
    begin = readable(death.body[: 4 * _SUMMARY_CHARACTERS]).replace("\n", " ")
    cut = len(begin) > _SUMMARY_CHARACTERS
    return f"{begin[:_SUMMARY_CHARACTERS]}…" if cut else begin


def readable(body: bytes) -> str:
    r"""Return a body as text; what is none, or would steer a terminal, becomes \x1b and alike."""
    decoded = _decoded(body)
    text = body.decode("ascii", "backslashreplace") if decoded is None else decoded
    return "".join(_visible(text))


def _visible(text: str) -> Iterator[str]:
    for character in text:
        if character.isprintable() or character == "\n":
            yield character
        else:
            yield character.encode("unicode_escape").decode()


def _decoded(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _subject(death: Death) -> dict[str, str]:
    if death.job_id is None and death.chunk_id is not None:
        return {"chunk": str(death.chunk_id)}
    return {"job": str(death.job_id or "none that can be read")}


def _row(letter: DeadLetter) -> Sequence[str]:
    death = letter.death
    return (
        letter.id,
        _moment(death),
        death.lane or "unknown",
        death.reason or "unknown",
        str(death.times),
        summary(death),
    )


def _moment(death: Death) -> str:
    return death.died_at.strftime("%Y-%m-%d %H:%M:%S") if death.died_at else "unknown"
