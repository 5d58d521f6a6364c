"""The command line as its users have it: a process, its two outputs and its exit status."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = Path(sys.executable).with_name("product-images")
_KEPT = ("PATH", "HOME", "PYTHONPATH")  # no variable of ours comes from outside
_SECONDS = 60


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The only thing on standard output, read as JSON."""
        return json.loads(self.out)


def run(directory: Path, *arguments: str, typed: str = "", **environment: str) -> Done:
    """Run a command in a directory; `typed` is what stands on its standard input."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        [str(_PROGRAM), *arguments],
        cwd=directory,
        env={**kept, **environment},
        input=typed,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
