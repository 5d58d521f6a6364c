"""The walkthrough of the API does what it says: its commands run, and print what it promises."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.pictures import PictureServer, photo
from tests.world import World

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_BLOCK = re.compile(r"^```(bash|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 120
_COMMANDS = {
    "bash": ("bash", "-euo", "pipefail", "-c"),
    "python": (sys.executable, "-c"),
}


def blocks(language: str) -> Sequence[str]:
    """Return the page's blocks of a language, in order."""
    return [text for kind, text in _BLOCK.findall(_PAGE.read_text("utf-8")) if kind == language]


def promised(text: str) -> str:
    """Return the pattern of an output: `…` alone in a line is any lines, else any characters."""
    lines = re.sub(r"^…\n", "(?s:.*)", re.escape(text).replace("\\\n", "\n"), flags=re.MULTILINE)
    return lines.replace("…", ".+")


@pytest.mark.parametrize("language", _COMMANDS)
def test_the_walkthrough_runs_and_prints_what_it_promises(
    world: World, pictures: PictureServer, tmp_path: Path, language: str
) -> None:
    picture = pictures.photo(1100)
    pictures.bodies["/photo/1100.jpg?view=back"] = photo(300, 200, seed=1101)
    here = Path(sys.executable).parent
    environment = {
        "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        "API": world.api,
        "PICTURE": picture,
    }

    done = subprocess.run(
        [*_COMMANDS[language], "\n".join(blocks(language))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(promised("".join(blocks("text"))), done.stdout), done.stdout


def test_an_output_that_was_not_promised_is_noticed() -> None:
    pattern = promised("queued\n…\nid: …\n")

    assert re.fullmatch(pattern, "queued\na\nb\nid: 7\n")
    assert re.fullmatch(pattern, "queued\nid: 7\n")
    for other in ("running\nid: 7\n", "queued\nid: \n", "queued\nid: 7\nmore\n"):
        assert not re.fullmatch(pattern, other)
