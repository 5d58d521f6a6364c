"""A decoder that a picture took over gets nowhere: a "subverted decoder" tries each way out."""

import asyncio
import contextlib
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import structlog

from flows.runtime.resources import _tell_confinement
from infra.contract.errors import ImageRefused, PixelsFailed
from infra.contract.states import Lane
from infra.settings.sections import PixelSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Animated, Box
from tasks.pixels import seccomp
from tasks.pixels.pool import PixelPool, _Rendering
from tests.integration.pixels import subverted
from tests.integration.pixels.fuzzing import sources
from tests.integration.pixels.subverted import answer_raw, comes_through, render_and_lie
from tests.pictures import photo
from tests.waiting import eventually

WEB = packaged_presets().named("web")
SECRET = "s3cret-of-the-worker"
DEADLINE_SECONDS = 60.0
ROOT = Path(__file__).parents[3]
SETTINGS = PixelSettings(processes=1)


@pytest.fixture(scope="module")
def pool() -> Iterator[PixelPool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"postgresql://user:{SECRET}@host/db")
        patch.setenv("S3_SECRET_KEY", SECRET)
        with PixelPool(SETTINGS, modules=(subverted.__name__,)) as opened:
            yield opened


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.jpg"
    path.write_bytes(photo(820, 160))  # of four widths, and few pixels
    return path


@pytest.fixture
def victim() -> Iterator[int]:
    """A process of the worker's own user, with a credential in its environment."""
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"]
    environment = {**os.environ, "S3_SECRET_KEY": SECRET}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        assert process.poll() is None, "it lives"
        process.kill()


def attempt(pool: PixelPool, way: Callable[..., bool], *arguments: object) -> bool:
    call = pool.submit(comes_through, way, arguments, answer=bool)
    return call.result(DEADLINE_SECONDS)


def test_every_measure_holds_on_this_system_and_the_worker_logs_them(pool: PixelPool) -> None:
    measures = {
        "own_user": os.geteuid() == 0,
        "no_new_privileges": True,
        "system_calls_denied": True,
        "network_denied": True,
        "files_denied": True,
    }
    assert pool.confinement == measures
    with structlog.testing.capture_logs() as lines:
        _tell_confinement(pool)
    (line,) = lines
    assert line["event"] == "pixel processes confined"
    assert measures.items() <= line.items()


def test_a_child_is_of_no_user_that_anything_else_belongs_to(pool: PixelPool) -> None:
    if os.geteuid() == 0:
        user = pool.submit(os.getuid).result(DEADLINE_SECONDS)
        assert user >= 61_184
        assert not [each for each in psutil.process_iter(["uids"]) if _is_other(each, user, pool)]
    assert pool.submit(os.getgroups).result(DEADLINE_SECONDS) == (
        [] if os.geteuid() == 0 else os.getgroups()
    )


def _is_other(process: psutil.Process, user: int, pool: PixelPool) -> bool:
    own = pool.submit(os.getpid).result(DEADLINE_SECONDS)
    return process.info["uids"].real == user and process.pid != own


def test_no_credential_is_in_a_childs_environment_nor_in_its_servers(pool: PixelPool) -> None:
    child, server = (pool.submit(f).result(DEADLINE_SECONDS) for f in (os.getpid, os.getppid))
    assert not attempt(pool, subverted.read_own_environment)
    for pid in (child, server):
        block = Path(f"/proc/{pid}/environ").read_bytes()
        assert SECRET.encode() not in block
        names = {each.partition(b"=")[0] for each in block.split(b"\0") if each}
        assert names <= {
            *(b"LANG", b"LC_ALL", b"LC_CTYPE", b"LD_LIBRARY_PATH", b"TZ"),
            *(b"PYTHONPATH", b"PYTHONDONTWRITEBYTECODE", b"OPENBLAS_NUM_THREADS"),
            b"OMP_NUM_THREADS",
        }


ON_PROCESSES = [
    subverted.read_environment_of,
    subverted.read_memory_of,
    subverted.trace,
    subverted.read_foreign_memory,
    subverted.kill,
    subverted.kill_through_descriptor,
    subverted.kill_through_pipe,
]


@pytest.mark.parametrize("way", ON_PROCESSES)
def test_another_process_is_neither_read_nor_killed(
    pool: PixelPool, victim: int, way: Callable[..., bool]
) -> None:
    assert not attempt(pool, way, victim)
    server = pool.submit(os.getppid).result(DEADLINE_SECONDS)
    assert not attempt(pool, way, server)
    assert psutil.pid_exists(server)


ALONE = [
    subverted.read_environment_of_parent,
    subverted.list_processes,
    subverted.open_sockets,
    subverted.run_program,
    subverted.replace_itself,
    subverted.fork,
    subverted.kill_everybody,
    subverted.become_root,
    subverted.mount,
    subverted.unshare,
    subverted.use_io_uring,
    subverted.type_into_the_terminal,
    subverted.outlive_the_worker,
    subverted.write_beside,
    subverted.make_folder,
    subverted.write_big_file,
    subverted.raise_limits,
    subverted.take_memory,
    subverted.open_many_files,
]


@pytest.mark.parametrize("way", ALONE)
def test_a_way_out_is_closed_and_the_process_goes_on(
    pool: PixelPool, way: Callable[..., bool]
) -> None:
    pid = pool.submit(os.getpid).result(DEADLINE_SECONDS)
    assert not attempt(pool, way)
    assert pool.submit(os.getpid).result(DEADLINE_SECONDS) == pid


def test_thousands_of_threads_are_not_to_be_had(pool: PixelPool) -> None:
    assert not attempt(pool, subverted.start_many_threads)


def test_no_service_on_loopback_is_reached(pool: PixelPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert subverted.connect(port), "it is there"
        assert not attempt(pool, subverted.connect, port)


def test_nothing_outside_the_folder_is_read_or_changed(pool: PixelPool, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    stack = tmp_path / ".local" / "stack.json"
    stack.parent.mkdir(mode=0o777)
    for path in (stack, tmp_path / ".env"):
        path.write_text(SECRET)
        path.chmod(0o666)
        for way in (
            subverted.read_file,
            subverted.write_file,
            subverted.remove_file,
            subverted.change_mode,
            subverted.touch,
            subverted.link_outside,
        ):
            assert not attempt(pool, way, str(path)), way
        assert path.read_text() == SECRET
    for way in (subverted.read_file, subverted.write_file):
        assert not attempt(pool, way, str(ROOT / "pyproject.toml"))
    assert not attempt(pool, subverted.list_folder, str(ROOT))
    assert not attempt(pool, subverted.list_folder, "/")
    assert not attempt(pool, subverted.list_folder, "..")
    assert not attempt(pool, subverted.write_file, str(tmp_path / "new"))
    assert not attempt(pool, subverted.read_file, "/etc/passwd")


class Harmful:
    """Writes a file where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.target, "owned"))


def answers(target: Path) -> dict[str, bytes]:
    good = {"value": 1}
    return {
        "a pickle that writes a file": pickle.dumps(Harmful(target)),
        "no JSON": b"{",
        "not UTF-8": b'{"value": "\xff"}',
        "deep JSON": b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a list": b"[1]",
        "both": json.dumps({**good, "error": {}}).encode(),
        "nothing": b"",
        "another type": b'{"value": "1"}',
        "not a number": b'{"value": NaN}',
        "an error without a code": b'{"error": {}}',
        "an error that no picture has": json.dumps(
            {"error": {"code": "unauthorized", "detail": "x", "retryable": False}}
        ).encode(),
    }


@pytest.mark.parametrize("kind", answers(Path()))
def test_an_answer_that_is_no_data_costs_its_process_and_nothing_else(
    pool: PixelPool, tmp_path: Path, kind: str
) -> None:
    pid = pool.submit(os.getpid).result(DEADLINE_SECONDS)
    target = tmp_path / "owned"
    with pytest.raises(PixelsFailed):
        pool.submit(answer_raw, answers(target)[kind], answer=int).result(DEADLINE_SECONDS)
    assert not target.exists()
    assert pool.submit(os.getpid).result(DEADLINE_SECONDS) != pid


def test_an_endless_answer_is_not_read(pool: PixelPool) -> None:
    with pytest.raises(PixelsFailed):
        pool.submit(partial(answer_raw, length=1 << 60), b"x").result(DEADLINE_SECONDS)


def test_an_answer_that_stops_in_the_middle_holds_nothing_up() -> None:
    settings = PixelSettings(processes=1, wall_seconds=1)
    with PixelPool(settings, modules=(subverted.__name__,)) as pool:
        with pytest.raises(PixelsFailed):
            pool.submit(partial(answer_raw, length=100), b"{").result(DEADLINE_SECONDS)
        assert pool.submit(os.getpid).result(DEADLINE_SECONDS)


def test_what_an_error_says_is_short_and_printable(pool: PixelPool) -> None:
    detail = "\x1b[2J\n" + "x" * 10_000
    with pytest.raises(ImageRefused) as caught:
        pool.submit(subverted.refuse, detail).result(DEADLINE_SECONDS)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) <= 500


LIES = {
    "another original's hash": "replace(made, source=replace(made.source, sha256='0' * 64))",
    "another length": "replace(made, source=replace(made.source, bytes=1))",
    "another format": "replace(made, source=replace(made.source, format='png'))",
    "another media type": "replace(made, source=replace(made.source, media_type='text/html'))",
    "a size without end": "replace(made, source=replace(made.source, width=10**12))",
    "another policy": "replace(made, fingerprint='../../x')",
    "a colour that is markup": (
        "replace(made, page=replace(made.page, dominant_colour='\"><script>'))"
    ),
    "a hash that is markup": "replace(made, page=replace(made.page, thumbhash='\"><script>'))",
    "no variants": "replace(made, variants=())",
    "a variant twice": "replace(made, variants=(*made.variants, first))",
    "a name with a path": "with_first(made, name='../../escaped', path='../../escaped.webp')",
    "an absolute path": "with_first(made, path='/etc/passwd')",
    "a path of another file": "with_first(made, path='source')",
    "another extension": "with_first(made, extension='html')",
    "another media type of a variant": "with_first(made, media_type='text/html')",
    "another hash": "with_first(made, sha256='0' * 64)",
    "more bytes": "with_first(made, bytes=first.bytes + 1)",
    "fewer bytes": "with_first(made, bytes=first.bytes - 1)",
    "no file": "swap_file(made, lambda name: None)",
    "a pipe": "swap_file(made, lambda name: os.mkfifo(name))",
    "a page instead of a picture": (
        "swap_file(made, lambda name: Path(name).write_bytes(b'<html>' * 1000))"
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_rendition_that_lies_is_not_believed(
    pool: PixelPool, sample: Path, tmp_path: Path, lie: str
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    function = partial(render_and_lie, lie=LIES[lie])
    order = _Rendering(function, (Path(), WEB), source=sample, directory=tmp_path)
    with pytest.raises(PixelsFailed):
        pool._put(order, Lane.INTERACTIVE).result(DEADLINE_SECONDS)
    assert not {"escaped.webp", "source"} & {path.name for path in tmp_path.iterdir()} - before
    assert not (tmp_path.parent.parent / "escaped.webp").exists()


def test_the_truth_is_believed(pool: PixelPool, sample: Path, tmp_path: Path) -> None:
    function = partial(render_and_lie, lie="made")
    order = _Rendering(function, (Path(), WEB), source=sample, directory=tmp_path)
    made = pool._put(order, Lane.INTERACTIVE).result(DEADLINE_SECONDS)
    assert len(made.variants) == 8


def test_after_all_that_a_picture_is_made_as_ever(
    pool: PixelPool, sample: Path, tmp_path: Path
) -> None:
    rendition = asyncio.run(pool.render(sample, tmp_path, WEB))
    assert {path.name for path in tmp_path.iterdir()} == {
        each.path.name for each in rendition.variants
    }
    assert pool.submit(os.listdir).result(DEADLINE_SECONDS) == [], "the folder is emptied"


def test_what_a_killed_worker_left_behind_is_removed(tmp_path: Path) -> None:
    abandoned = tmp_path / "product-images-pixels-abandoned"
    (abandoned / "one").mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    with PixelPool(SETTINGS, directory=tmp_path) as first:
        (mine,) = tmp_path.iterdir()
        os.utime(mine, (0, 0))
        assert not abandoned.exists()
        with PixelPool(SETTINGS, directory=tmp_path):
            assert first.submit(os.getpid).result(DEADLINE_SECONDS)
            assert mine.exists(), "another worker lives in it"
    eventually(lambda: not any(tmp_path.iterdir()), "nothing is left")


def test_a_system_without_these_measures_works_and_says_so(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = tmp_path / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text(
        "import os, platform\nplatform.machine = lambda: 'riscv64'\n"
        "import tasks.pixels.confine as c\n"
        "c.confine_files = lambda *a: 0\nc._become_own_user = lambda b: False\n"
    )
    monkeypatch.syspath_prepend(str(without))
    with PixelPool(SETTINGS) as pool:
        assert pool.confinement == {
            "own_user": False,
            "no_new_privileges": True,
            "system_calls_denied": False,
            "network_denied": False,
            "files_denied": False,
        }
        target = tmp_path / "variants"
        target.mkdir()
        assert len(asyncio.run(pool.render(sample, target, WEB)).variants) == 8


@pytest.mark.parametrize(("architecture", "column"), seccomp._ARCHITECTURES.values())
def test_every_jump_of_the_filter_ends_inside_it(architecture: int, column: int) -> None:
    code = list(struct.iter_unpack("=HBBI", seccomp._assembled(architecture, column)))
    for place, (operation, if_true, if_false, _) in enumerate(code):
        if operation in (seccomp._EQUAL, seccomp._AT_LEAST, seccomp._ANY_BIT):
            assert place + 1 + max(if_true, if_false) < len(code)
    assert code[-1] == (seccomp._RETURN, 0, 0, seccomp._ALLOW)


def test_pictures_of_every_format_load_nothing_that_was_not_loaded_before(tmp_path: Path) -> None:
    names = "sorted(__import__('sys').modules)"
    keeping_all = replace(WEB, keep_copyright=True, animation=Animated(), boxes=(Box(width=30),))
    files = sources()
    with PixelPool(SETTINGS) as fresh:
        before = set(fresh.submit(eval, names).result(DEADLINE_SECONDS))
        for number, data in enumerate([*files.all, *files.moving]):
            source, target = tmp_path / f"{number}.bin", tmp_path / str(number)
            source.write_bytes(data)
            target.mkdir()
            with contextlib.suppress(ImageRefused):  # HEIC, where it is not accepted
                asyncio.run(fresh.render(source, target, keeping_all))
        after = set(fresh.submit(eval, names).result(DEADLINE_SECONDS))
    assert after - before == set()
