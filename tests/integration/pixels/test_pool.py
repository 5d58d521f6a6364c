"""The pixel pool against the worst that pictures and people do to its processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed
from infra.contract.states import Lane
from infra.settings.sections import PixelSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.pixels import process
from tasks.pixels.pool import PixelPool
from tasks.pixels.process import Child
from tests.pictures import SAMPLE
from tests.waiting import eventually

WEB = packaged_presets().named("web")
DEADLINE_SECONDS = 20.0
FOREVER = range(10**12)  # summing it keeps a child busy in C code

SUICIDE = "__import__('os')._exit(9)"
HEAVY = ("prefect", "sqlalchemy", "pika", "minio", "redis", "fastapi", "pydantic", "structlog")


@pytest.fixture
def pool() -> Iterator[PixelPool]:
    with PixelPool(PixelSettings(processes=1)) as opened:
        yield opened


def test_an_interactive_call_is_next_though_fifty_bulk_calls_wait(pool: PixelPool) -> None:
    busy = start_endless(pool)
    order: list[str] = []
    waiting = [pool.submit(os.getpid, lane=Lane.BULK) for _ in range(50)]
    for each in waiting:
        each.add_done_callback(lambda _: order.append("bulk"))
    urgent = pool.submit(os.getpid)
    urgent.add_done_callback(lambda _: order.append("interactive"))
    assert pool.keeps_interactive_waiting

    busy.cancel()
    waiting[-1].result(DEADLINE_SECONDS)

    assert order[0] == "interactive"
    assert not pool.keeps_interactive_waiting


def is_gone(pid: int) -> bool:
    """Whether a process ended; one that nobody collected yet counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


def child_of(pool: PixelPool) -> int:
    return pool.submit(os.getpid).result(DEADLINE_SECONDS)


def start_endless(pool: PixelPool) -> Future[object]:
    """Return when a child is in the middle of work that never ends."""
    folder = folder_of(pool)
    call: Future[object] = pool.submit(eval, "(open('begun', 'w').close(), sum(range(10**12)))")
    eventually((folder / "begun").exists, "the call has begun", every_seconds=0.01)
    return call


def folder_of(pool: PixelPool) -> Path:
    """Return the folder that the only child works in."""
    return Path(pool.submit(os.getcwd).result(DEADLINE_SECONDS))


def test_a_picture_is_rendered_from_an_event_loop(pool: PixelPool, tmp_path: Path) -> None:
    rendition = asyncio.run(pool.render(SAMPLE, tmp_path, WEB))
    assert len(rendition.variants) == 8
    for each in rendition.variants:
        assert sha256(each.path.read_bytes()).hexdigest() == each.sha256


def test_a_refusal_arrives_with_its_code(pool: PixelPool, tmp_path: Path) -> None:
    source = tmp_path / "page.jpg"
    source.write_bytes(b"<html>")
    with pytest.raises(ImageRefused) as caught:
        asyncio.run(pool.render(source, tmp_path, WEB))
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT


def test_the_limit_of_pixels_comes_from_the_settings(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    Image.new("RGB", (100, 100)).save(source)
    with (
        PixelPool(PixelSettings(processes=1, max_pixels=9_999)) as pool,
        pytest.raises(ImageRefused) as caught,
    ):
        asyncio.run(pool.render(source, tmp_path, WEB))
    assert caught.value.code == ErrorCode.TOO_MANY_PIXELS


def test_a_child_killed_in_the_middle_costs_its_own_call_only(pool: PixelPool) -> None:
    pid = child_of(pool)
    doomed = start_endless(pool)
    waiting = pool.submit(os.getpid)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(PixelsFailed) as caught:
        doomed.result(DEADLINE_SECONDS)
    assert caught.value.code == ErrorCode.DECODER_CRASHED
    assert waiting.result(DEADLINE_SECONDS) != pid


def test_a_child_killed_while_idle_costs_no_call(pool: PixelPool) -> None:
    pid = child_of(pool)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: is_gone(pid), "the process is gone")
    assert child_of(pool) != pid


def test_a_call_without_end_is_killed_at_its_timeout_and_not_worth_a_retry() -> None:
    with PixelPool(PixelSettings(processes=1, timeout_seconds=0.3)) as pool:
        pid = child_of(pool)
        with pytest.raises(ImageRefused) as caught:
            pool.submit(sum, FOREVER).result(DEADLINE_SECONDS)
        assert caught.value.code == ErrorCode.DECODE_TIMEOUT
        assert not caught.value.retryable
        eventually(lambda: is_gone(pid), "the process is gone")
        assert child_of(pool) != pid


def test_a_call_that_gets_no_cpu_time_is_worth_a_retry_however_long_it_took() -> None:
    settings = PixelSettings(processes=1, timeout_seconds=0.2, wall_seconds=1.5)
    with PixelPool(settings) as pool:
        pid = child_of(pool)
        starved = pool.submit(time.sleep, 1000)
        os.kill(pid, signal.SIGSTOP)  # as a machine does that has no time for it
        began = time.monotonic()
        with pytest.raises(PixelsFailed) as caught:
            starved.result(DEADLINE_SECONDS)
        assert caught.value.retryable
        assert time.monotonic() - began > 1, "longer than its CPU time"
        eventually(lambda: is_gone(pid), "the process is gone")
        assert child_of(pool) != pid


def test_a_call_that_burns_its_cpu_time_is_refused_long_before_the_clock_says_so() -> None:
    settings = PixelSettings(processes=1, timeout_seconds=0.2, wall_seconds=1000)
    with PixelPool(settings) as pool, pytest.raises(ImageRefused) as caught:
        pool.submit(sum, FOREVER).result(DEADLINE_SECONDS)
    assert caught.value.code == ErrorCode.DECODE_TIMEOUT


def test_waiting_takes_no_cpu_time() -> None:
    with PixelPool(PixelSettings(processes=1, timeout_seconds=0.2)) as pool:
        pool.submit(time.sleep, 0.6).result(DEADLINE_SECONDS)


def test_the_kernel_ends_a_call_of_which_nobody_measures_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Child, "_cpu_seconds", lambda self: None)  # of another process: Linux only
    with PixelPool(PixelSettings(processes=1, timeout_seconds=0.1)) as pool:
        with pytest.raises(ImageRefused) as caught:
            pool.submit(sum, FOREVER).result(10 * DEADLINE_SECONDS)  # CPU seconds, busy or not
        assert caught.value.code == ErrorCode.DECODE_TIMEOUT
        assert child_of(pool)


def test_a_child_is_replaced_before_its_lifetime_of_cpu_time_ends_within_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_LIFE", 0.01)  # of 60 s: then one second
    with PixelPool(PixelSettings(processes=1)) as pool:
        first = child_of(pool)
        for _ in range(200):
            pool.submit(sum, range(500_000)).result(DEADLINE_SECONDS)
            if child_of(pool) != first:
                return
    pytest.fail("it was never replaced")


@pytest.mark.parametrize("place", ["is_gone", "ask", "bury"])
def test_a_surprise_costs_its_call_and_never_a_place_in_the_pool(
    pool: PixelPool, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    child_of(pool)
    surprises = iter([RuntimeError("can't start new thread")])
    real = getattr(Child, place)

    def surprising(child: Child, *arguments: object) -> object:
        answer = real(child, *arguments) if place != "ask" else None
        for surprise in surprises:
            raise surprise
        return answer if place != "ask" else real(child, *arguments)

    monkeypatch.setattr(Child, place, surprising)
    with pytest.raises(PixelsFailed):
        pool.submit(eval, SUICIDE).result(DEADLINE_SECONDS)
    assert child_of(pool), "the pool has its process again"


def test_a_value_that_cannot_be_sent_costs_its_call_only(pool: PixelPool) -> None:
    with pytest.raises(PixelsFailed):
        pool.submit(lambda: None).result(DEADLINE_SECONDS)
    assert child_of(pool)


def test_waiting_for_a_free_child_does_not_count_against_the_timeout() -> None:
    with PixelPool(PixelSettings(processes=1, timeout_seconds=0.4)) as pool:
        calls = [pool.submit(time.sleep, 0.15) for _ in range(5)]
        for call in calls:
            call.result(DEADLINE_SECONDS)


def test_a_picture_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "large.png"
    Image.new("RGB", (7000, 7000)).save(source, compress_level=1)
    with PixelPool(PixelSettings(processes=1, memory_bytes=256 * 1024**2)) as pool:
        pid = child_of(pool)
        with pytest.raises(ImageRefused) as caught:
            asyncio.run(pool.render(source, tmp_path, WEB))
        assert caught.value.code == ErrorCode.OUT_OF_MEMORY
        assert child_of(pool) == pid, "running out of memory is survived"


def test_a_pool_outlives_many_dead_children() -> None:
    with PixelPool(PixelSettings(processes=2)) as pool:
        calls = [
            pool.submit(eval, SUICIDE if number % 3 == 1 else str(number)) for number in range(50)
        ]
        for number, call in enumerate(calls):
            if number % 3 == 1:
                with pytest.raises(PixelsFailed):
                    call.result(DEADLINE_SECONDS)
            else:
                assert call.result(DEADLINE_SECONDS) == number


def test_cancelling_the_awaiting_task_kills_the_work(pool: PixelPool, tmp_path: Path) -> None:
    pid, folder = child_of(pool), folder_of(pool)

    async def cancel_in_the_middle() -> None:
        task = asyncio.create_task(pool.render(SAMPLE, tmp_path, WEB))
        await asyncio.to_thread(eventually, lambda: any(folder.glob("*.avif")), "it has begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_the_middle())
    eventually(lambda: is_gone(pid), "the process is gone")
    assert child_of(pool) != pid
    assert not any(tmp_path.iterdir())
    assert not folder.exists(), "what a killed child wrote is removed"


def test_cancelling_a_waiting_call_costs_no_child(pool: PixelPool) -> None:
    pid = child_of(pool)
    release = folder_of(pool) / "release"
    os.mkfifo(release, 0o644)
    running = pool.submit(Path.read_text, Path("release"))
    waiting = pool.submit(sum, FOREVER)
    assert waiting.cancel()
    release.write_text("go on")
    assert running.result(DEADLINE_SECONDS) == "go on"
    assert child_of(pool) == pid


def test_children_leave_ctrl_c_and_a_service_stop_to_their_parent(pool: PixelPool) -> None:
    pid = child_of(pool)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    os.kill(pool.submit(os.getppid).result(), signal.SIGTERM)  # the group includes this one, too
    assert child_of(pool) == pid


def test_a_fork_server_that_was_killed_is_replaced(pool: PixelPool) -> None:
    for _ in range(10):
        server, pid = pool.submit(os.getppid).result(), child_of(pool)
        os.kill(server, signal.SIGKILL)
        eventually(lambda pid=pid: is_gone(pid), "its processes die with it")
        assert child_of(pool) != pid


def test_children_import_nothing_heavy(pool: PixelPool) -> None:
    loaded: list[str] = pool.submit(eval, "list(__import__('sys').modules)").result()
    assert "tasks.imaging.pipeline" in loaded
    assert not {name.partition(".")[0] for name in loaded}.intersection(HEAVY)


def test_children_are_limited_and_leave_no_core(pool: PixelPool) -> None:
    code = (
        "(lambda r: (r.getrlimit(r.RLIMIT_AS), r.getrlimit(r.RLIMIT_CORE)))(__import__('resource'))"
    )
    memory = PixelSettings(processes=1).memory_bytes
    assert pool.submit(eval, code).result() == [[memory, memory], [0, 0]]


def test_the_first_call_does_not_pay_for_the_start() -> None:
    with PixelPool(PixelSettings(processes=2)) as pool:
        children = {child.pid for child in psutil.Process().children(recursive=True)}
        code = "'tasks.imaging.pipeline' in __import__('sys').modules"
        assert pool.submit(eval, code).result()
        assert child_of(pool) in children


def test_leaving_the_pool_kills_what_still_works_and_answers_every_call(tmp_path: Path) -> None:
    with PixelPool(PixelSettings(processes=1)) as pool:
        pid = child_of(pool)
        running = start_endless(pool)
        waiting = pool.submit(os.getpid)
    assert is_gone(pid)
    with pytest.raises(PixelsFailed):
        running.result(0)
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(RuntimeError):
        pool.submit(os.getpid)


def test_a_pool_whose_children_cannot_start_says_so() -> None:
    senseless = PixelSettings.model_construct(processes=1, memory_bytes="none", max_pixels=1)
    with pytest.raises(PixelsFailed), PixelPool(senseless):
        pass


ORPHANING = """
import os, psutil, sys
from infra.settings.sections import PixelSettings
from infra.contract.states import Lane
from tasks.pixels.pool import PixelPool
from tasks.pixels import process
from tasks.pixels.process import Child
from tests.waiting import eventually

def main():
    with PixelPool(PixelSettings(processes=2)) as pool:
        pids = set()
        while len(pids) < 2:
            pids.add(pool.submit(os.getpid).result())
        call = pool.submit(sum, range(10**12))
        pids.add(psutil.Process(min(pids)).ppid())
        sys.stdout.write(" ".join(map(str, pids)) + "\\n")
        sys.stdout.flush()
        call.result()

if __name__ == "__main__":
    main()
"""


def test_children_do_not_outlive_a_killed_parent_idle_or_at_work(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(ORPHANING)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 3, "two children and the server that forked them"
    eventually(lambda: all(is_gone(pid) for pid in children), "all are gone")
