"""The project speaks of itself alone: a reader needs no tracker and nobody's machine."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.support.source import PACKAGES, ROOT, Violation, hold

FOLDERS = (*PACKAGES, "tests", "docs", ".ci", ".github")
SUFFIXES = {".cfg", ".example", ".ini", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
NAMES = {"Dockerfile", "Makefile", "run"}  # texts without a suffix

# A pattern, and what to write instead.
WORDS = {
    re.compile(r"(?<![\w&#/])#\d{1,2}\b(?!\d)"): "a number of a tracker: say what it was about",
    re.compile(r"\b(issue|ticket|milestone|PR) #?\d+", re.IGNORECASE): "say what it was about",
    re.compile(r"\b(TODO|FIXME)\b"): "finish it, or describe the limit as a fact",
    re.compile(r"(?<![\w/])/(home|Users)/\w+/"): "a path of one machine: make it relative",
}


def stray_words(path: str, text: str) -> Iterator[Violation]:
    """Lines with a word that does not belong."""
    for number, line in enumerate(text.splitlines(), 1):
        for word, advice in WORDS.items():
            if match := word.search(line):
                yield Violation(path, number, f"{match.group()!r}: {advice}.")


def _texts() -> Iterator[Path]:
    found = [*ROOT.iterdir(), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    this_file = Path(__file__).resolve()  # its own examples are the words it looks for
    for path in found:
        is_text = path.suffix in SUFFIXES or path.name in NAMES
        if is_text and path.is_file() and path != this_file:
            yield path


def test_code_and_documents_speak_of_the_project_alone() -> None:
    texts = ((str(p.relative_to(ROOT)), p.read_text(encoding="utf-8")) for p in _texts())
    hold(violation for path, text in texts for violation in stray_words(path, text))


def test_a_stray_word_is_found() -> None:
    for line in (
        "# see #12",
        "Fixes (#7).",
        "as issue 4 says",
        "PR #31",
        "# TODO: later",
        "open('/home/ann/x.jpg')",
    ):
        assert len(list(stray_words("x.py", f"fine\n{line}"))) >= 1, line


def test_colours_anchors_and_plain_numbers_pass() -> None:
    for line in ("#ff8800", "#101010", "docs/api.md#12-errors", "&#39;", "an issue of 3 pixels"):
        assert list(stray_words("x.py", line)) == [], line
