"""Files and folders of the stack that only their owner can read: they hold passwords and data."""

import os
import stat
from pathlib import Path
from typing import IO, Literal

_OTHERS_ALL = 0o077


def private_directory(path: Path) -> Path:
    """Create a folder that only its owner can read, or make one of ours so; return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS_ALL and path.stat().st_uid == os.geteuid():
        path.chmod(mode & ~_OTHERS_ALL)
    return path


def open_private(path: Path, mode: Literal["a", "w"]) -> IO[str]:
    """Open a file to append or to overwrite; only its owner can read it from then on."""
    begin = os.O_APPEND if mode == "a" else os.O_TRUNC
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | begin, 0o600)
    if os.fstat(descriptor).st_uid == os.geteuid():  # one of an earlier version, readable by all
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, mode)


def replace_private(path: Path, text: str) -> None:
    """Replace a file in one step by one that only its owner can read."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
