"""Under which account the services run, and where their data and programs lie.

PostgreSQL refuses root. Started by root, the services run as `nobody`, and what that account
cannot reach inside a private folder (a clone below /root) is placed below /var/lib instead;
the permissions of folders around the stack's own are never changed.
"""

import hashlib
import os
import pwd
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.stack.private_files import replace_private
from infra.stack.supervisor.errors import StackError

_ACCOUNT = "nobody"
_SYSTEM_FOLDER = Path("/var/lib/product-images")
_OTHERS_READ_AND_ENTER = 0o005
_OTHERS_READ = 0o004
_OTHERS_ENTER = 0o001
_EVERYBODY_READS = 0o444
_EVERYBODY_ENTERS = 0o111


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account of the services (None: the one of this process) and their data folder."""

    uid: int | None
    gid: int | None
    data: Path

    def folder(self, name: str) -> Path:
        """Return a folder that only the services can enter."""
        path = self.data / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Hand a file or a folder to the services."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def write(self, path: Path, text: str) -> None:
        """Replace a file by one that only the services can read."""
        replace_private(path, text)
        self.give(path)

    def reachable(self, programs: Path, *beside: Path) -> Path:
        """Return where the services can run a program, or the programs of a folder.

        `beside` are folders that must lie next to it, such as its libraries.
        """
        if self.uid is None or _is_open(programs):
            return programs
        facts = f"{programs}:{programs.stat().st_mtime_ns}"
        version = hashlib.sha256(facts.encode()).hexdigest()[:12]
        home = _SYSTEM_FOLDER / "programs" / version
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        for original in (*beside, programs):  # the programs last: their presence says "complete"
            target = home / original.name
            if not target.exists():
                _place(original, target)
        return home / programs.name


def service_account(stack_directory: Path) -> ServiceAccount:
    """Choose the account and the data folder for a stack; creates the folder.

    Others may pass through the stack directory to the data when those are another account's, but
    not list it.
    """
    inside = stack_directory / "data"
    if os.geteuid() != 0:
        inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ServiceAccount(None, None, inside)
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError as exc:
        raise StackError(f"Started by root, the stack needs the account {_ACCOUNT}.") from exc
    around = stack_directory.resolve().parents
    if all(parent.stat().st_mode & _OTHERS_ENTER for parent in around):
        data = inside
        stack_directory.chmod(0o711)
    else:
        data = _SYSTEM_FOLDER / stack_name(stack_directory)
    data.mkdir(mode=0o711, parents=True, exist_ok=True)
    data.chmod(0o711)
    if data != inside:
        with suppress(FileExistsError):
            inside.symlink_to(data, target_is_directory=True)
    return ServiceAccount(entry.pw_uid, entry.pw_gid, data)


def stack_name(stack_directory: Path) -> str:
    """Return a short name that no other stack directory on this machine has."""
    return hashlib.sha256(str(stack_directory.resolve()).encode()).hexdigest()[:12]


def erase(stack_directory: Path) -> None:
    """Remove a stopped stack's directory and its data, wherever they are."""
    if os.geteuid() == 0:
        shutil.rmtree(_SYSTEM_FOLDER / stack_name(stack_directory), ignore_errors=True)
    shutil.rmtree(stack_directory, ignore_errors=True)


def _is_open(path: Path) -> bool:
    resolved = path.resolve()
    if resolved.stat().st_mode & _OTHERS_READ_AND_ENTER != _OTHERS_READ_AND_ENTER:
        return False
    return all(parent.stat().st_mode & _OTHERS_ENTER for parent in resolved.parents)


def _place(original: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    if original.is_dir():
        shutil.copytree(original, draft, copy_function=_link_or_copy)
        for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
    else:
        _link_or_copy(str(original), str(draft))
    with suppress(OSError):  # another stack was faster
        draft.rename(target)


def _link_or_copy(source: str, target: str) -> None:
    mode = Path(source).stat().st_mode
    if mode & _OTHERS_READ:
        with suppress(OSError):
            os.link(source, target)  # the same bytes under a reachable name, at no cost
            return
    shutil.copy2(source, target)
    Path(target).chmod(mode | _EVERYBODY_READS | (_EVERYBODY_ENTERS if mode & 0o100 else 0))
