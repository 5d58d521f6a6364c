"""What a decoder does that a picture took over: every way out of its process that we know.

Each function runs in a pixel process and says whether it came through.
"""

import contextlib
import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.models import Limits, Rendition
from tasks.imaging.pipeline import render
from tasks.imaging.presets.model import Preset

_SECRET = b"s3cret-of-the-worker"
_TOO_MUCH = 3 * 1024**3
_X86_64 = os.uname().machine == "x86_64"


def read_own_environment() -> bool:
    own = Path("/proc/self/environ").read_bytes()
    return _SECRET in own or _SECRET.decode() in "".join(os.environ.values())


def read_environment_of(pid: int) -> bool:
    return _SECRET in Path(f"/proc/{pid}/environ").read_bytes()


def read_environment_of_parent() -> bool:
    return bool(Path(f"/proc/{os.getppid()}/environ").read_bytes())


def read_memory_of(pid: int) -> bool:
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        return memory.readable()


def list_processes() -> bool:
    return bool(list(Path("/proc").iterdir()))


def read_file(path: str) -> bool:
    return bool(Path(path).read_bytes())


def list_folder(path: str) -> bool:
    return any(Path(path).iterdir())


def write_file(path: str) -> bool:
    return Path(path).write_text("owned") > 0


def write_beside() -> bool:
    return Path("../beside").write_text("owned") > 0


def remove_file(path: str) -> bool:
    Path(path).unlink()
    return True


def change_mode(path: str) -> bool:
    Path(path).chmod(0o777)
    return True


def touch(path: str) -> bool:
    os.utime(path)
    return True


def link_outside(path: str) -> bool:
    Path("link").symlink_to(path)
    return True


def make_folder() -> bool:
    Path("folder").mkdir()
    return True


def connect(port: int) -> bool:
    with socket.socket() as connecting:
        connecting.connect(("127.0.0.1", port))
    return True


def open_sockets() -> bool:
    opened = False
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            with contextlib.suppress(OSError):
                socket.socket(family, kind).close()
                opened = True
    with contextlib.suppress(OSError):
        socket.socketpair()
        opened = True
    return opened


def run_program() -> bool:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def replace_itself() -> bool:
    os.execv("/bin/true", ["true"])  # it would end without an answer
    return True


def fork() -> bool:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def trace(pid: int) -> bool:
    return _call(101, 117, 16, pid, 0, 0)  # PTRACE_ATTACH


def read_foreign_memory(pid: int) -> bool:
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    return _call(310, 270, pid, vector, 1, vector, 1, 0)


def kill(pid: int) -> bool:
    os.kill(pid, signal.SIGKILL)
    return True


def kill_through_descriptor(pid: int) -> bool:
    return _call(424, 424, os.pidfd_open(pid), signal.SIGKILL, None, 0)


def kill_through_pipe(pid: int) -> bool:
    """Have the kernel send the signal of a pipe's readiness to somebody else."""
    reading, writing = os.pipe()
    fcntl.fcntl(reading, 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writing, b"x")
    return True


def kill_everybody() -> bool:
    os.kill(-1, signal.SIGKILL)
    return True


def become_root() -> bool:
    os.setresuid(0, 0, 0)
    return True


def mount() -> bool:
    return _call(165, 40, b"none", b".", b"tmpfs", 0, None)


def unshare() -> bool:
    return _call(272, 97, 0x10000000)  # CLONE_NEWUSER


def use_io_uring() -> bool:
    return _call(425, 425, 8, ctypes.create_string_buffer(120))


def type_into_the_terminal() -> bool:
    return _call(16, 29, 0, 0x5412, b"x")  # TIOCSTI


def outlive_the_worker() -> bool:
    return _call(157, 167, 1, 0, 0, 0, 0)  # PR_SET_PDEATHSIG


def write_big_file() -> bool:
    with Path("big").open("wb") as file:
        os.ftruncate(file.fileno(), _TOO_MUCH)
    return True


def raise_limits() -> bool:
    memory = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (memory * 2, memory * 2))
    return True


def take_memory() -> bool:
    mmap.mmap(-1, _TOO_MUCH).close()
    return True


def open_many_files() -> bool:
    held = [Path("/dev/null").open("rb") for _ in range(200)]  # noqa: SIM115 - that is the point
    return len(held) == 200


def start_many_threads() -> bool:
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, daemon=True) for _ in range(2000)]
    try:
        for thread in threads:
            thread.start()
    finally:
        end.set()
    return True


def _call(number: int, number_on_arm: int, *arguments: object) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(number if _X86_64 else number_on_arm, *arguments)) >= 0


def comes_through(attempt: Callable[..., bool], arguments: tuple[object, ...]) -> bool:
    """Whether an attempt succeeded; an error is a no."""
    try:
        return attempt(*arguments)
    except (OSError, RuntimeError, ValueError, MemoryError):
        return False


def answer_raw(data: bytes, *, length: int | None = None) -> None:
    """Write to the worker what no sound process writes, and wait to be killed."""
    os.write(3, (len(data) if length is None else length).to_bytes(8, "little") + data)
    time.sleep(1000)


def refuse(detail: str) -> None:
    raise ImageRefused(ErrorCode.CORRUPT, detail)


def render_and_lie(source: Path, directory: Path, preset: Preset, *, lie: str) -> Rendition:
    """Make the variants, then change the answer or the files as the expression `lie` says."""
    made = render(source, directory, preset, limits=Limits(max_pixels=50_000_000))
    first, *rest = made.variants
    known = {"made": made, "first": first, "rest": rest, "os": os, "Path": Path}
    changed: Rendition = eval(f"__import__('dataclasses') and ({lie})", {**known, **_tools()})
    return changed


def _tools() -> dict[str, object]:
    from dataclasses import replace

    def with_first(made: Rendition, **changes: object) -> Rendition:
        first, *rest = made.variants
        return replace(made, variants=(replace(first, **changes), *rest))

    def swap_file(made: Rendition, make: Callable[[str], object]) -> Rendition:
        name = str(made.variants[0].path)
        Path(name).unlink()
        make(name)
        return made

    return {"replace": replace, "with_first": with_first, "swap_file": swap_file}
