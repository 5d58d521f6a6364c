"""Dead letters as people and programs read them."""

import io
import json
from base64 import b64decode
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli.commands import dead_letters
from api.cli.commands.dead_letters import (
    letter_fields,
    print_letter,
    print_listing,
    readable,
    summary,
)
from infra.broker.rabbitmq import DeadLetter
from infra.contract.states import Lane

DIED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"


def letter(body: bytes = b"not a job", **changes: object) -> DeadLetter:
    facts = {"lane": Lane.BULK, "died_at": DIED_AT, "reason": "rejected", **changes}
    return DeadLetter("0123456789ab", body, **facts)  # type: ignore[arg-type]  # a test's kit


def listed(*letters: DeadLetter, total: int) -> list[str]:
    out = io.StringIO()
    print_listing(Console(file=out, width=40, highlight=False), letters, total)
    return out.getvalue().splitlines()


def shown(one: DeadLetter) -> str:
    out = io.StringIO()
    print_letter(Console(file=out, width=40, highlight=False), one)
    return out.getvalue()


def test_a_listing_has_one_line_per_letter_in_every_width() -> None:
    assert listed(letter(), total=1) == [
        "id            died (UTC)           lane  reason    times  about",
        "0123456789ab  2026-01-02 03:04:05  bulk  rejected      1  not a job",
    ]


def test_a_listing_that_is_cut_says_how_many_there_are() -> None:
    assert listed(letter(), total=57)[-1] == "The oldest 1 of 57; --limit shows more."


def test_an_empty_listing_is_a_sentence() -> None:
    assert listed(total=0) == ["There are no dead letters."]


def test_what_the_broker_does_not_tell_is_unknown() -> None:
    line = listed(letter(lane=None, died_at=None, reason=None), total=1)[-1]
    assert line.split() == ["0123456789ab", "unknown", "unknown", "unknown", "1", "not", "a", "job"]


def test_a_letter_is_shown_with_its_whole_body() -> None:
    text = shown(letter("Grüße\n[red]zwei[/red]".encode(), times=3))
    assert "times       3\n" in text
    assert "body        23 bytes\n" in text
    assert text.endswith("\n\nGrüße\n[red]zwei[/red]\n")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain", "plain"),
        ("Grüße €".encode(), "Grüße €"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202edrawkcab".encode(), r"\u202edrawkcab"),
        (b"a\r\nb", "a\\r\nb"),
    ],
)
def test_no_body_can_steer_the_terminal(body: bytes, text: str) -> None:
    assert readable(body) == text


def test_a_summary_names_the_job_or_begins_the_body() -> None:
    for kind in ("job", "chunk"):
        named = letter(json.dumps({f"{kind}_id": JOB}).encode())
        assert summary(named) == f"{kind} {JOB}"
    assert summary(letter(b"x" * 500)) == "x" * 48 + "…"
    assert summary(letter(b"two\nlines")) == "two lines"
    assert summary(letter(b"")) == "(empty)"


def test_programs_get_the_body_as_text_and_as_it_was() -> None:
    fields = letter_fields(letter("Grüße".encode()))
    assert (fields["body"], b64decode(fields["body_base64"])) == ("Grüße", "Grüße".encode())
    assert (fields["died_at"], fields["lane"]) == ("2026-01-02T03:04:05+00:00", "bulk")
    assert (fields["reason"], fields["times"], fields["job_id"]) == ("rejected", 1, None)


def test_programs_get_bytes_that_are_no_text_in_base64_only() -> None:
    fields = letter_fields(letter(b"\xff", died_at=None))
    assert (fields["body"], b64decode(fields["body_base64"])) == (None, b"\xff")
    assert fields["died_at"] is None
    assert json.loads(json.dumps(fields)) == fields


class Visit:
    """A visit to letters that are not on a broker; `came_later` of them did after it began."""

    def __init__(self, *letters: DeadLetter, came_later: int = 0) -> None:
        self.count = len(letters) - came_later
        self.left = list(letters)
        self.replayed: list[tuple[bytes, Lane]] = []

    def letters(self) -> list[DeadLetter]:
        return list(self.left)

    def replay(self, letter: DeadLetter, lane: Lane) -> None:
        self.replayed.append((letter.body, lane))
        self.remove(letter)

    def remove(self, letter: DeadLetter) -> None:
        self.left.remove(letter)


def command(monkeypatch: pytest.MonkeyPatch, visit: Visit, *arguments: str, typed: str = "") -> Any:
    """Run a command on the visit; return its exit status and what it wrote."""
    monkeypatch.setattr(dead_letters, "_visit", lambda: nullcontext(visit))
    done = CliRunner().invoke(dead_letters.app, arguments, input=typed)
    return done.exit_code, done.stdout


def test_a_letter_of_no_known_lane_stays_when_all_are_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranger = letter(b"from elsewhere", lane=None)
    visit = Visit(stranger, letter(b"ours"))
    status, out = command(monkeypatch, visit, "replay", "--all", "--json")
    assert (status, json.loads(out)) == (
        1,
        {"replayed": ["0123456789ab"], "kept": ["0123456789ab"]},
    )
    assert (visit.left, visit.replayed) == ([stranger], [(b"ours", Lane.BULK)])


def test_what_came_since_the_question_is_not_purged(monkeypatch: pytest.MonkeyPatch) -> None:
    late = letter(b"late")
    visit = Visit(letter(b"old"), late, came_later=1)
    assert command(monkeypatch, visit, "purge", "--all", typed="y\n")[0] == 0
    assert visit.left == [late]


@pytest.mark.parametrize("arguments", [(), ("0123456789ab", "--all")])
def test_one_letter_or_all_must_be_chosen(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("replay", "purge"):
        assert command(monkeypatch, Visit(letter()), name, *arguments)[0] == 2
