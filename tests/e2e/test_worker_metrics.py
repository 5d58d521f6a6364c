"""A worker's own page of metrics, after it has done a job."""

from pathlib import Path

from infra.stack.ports import free_port
from tests.pictures import PictureServer
from tests.support.own_workers import OwnWorker
from tests.waiting import eventually
from tests.world import World


def test_a_worker_serves_what_it_has_done(
    world: World, pictures: PictureServer, tmp_path: Path
) -> None:
    port = free_port()
    worker = OwnWorker(world.stack, tmp_path, "measured", WORKER_METRICS_PORT=str(port)).ready()
    posted = iter(range(9960, 9990))

    def page() -> str | None:
        """Post until one of the two workers that has a page has done a job."""
        world.finished(world.post(pictures.photo(next(posted)))["job_id"])
        text: str = world.call("GET", f"http://127.0.0.1:{port}/metrics").text
        done = 'product_images_worker_jobs_total{lane="interactive",state="ready"} 0.0'
        return None if done in text else text

    try:
        found = eventually(page, "the worker has done a job", every_seconds=0)
    finally:
        status = worker.stop()

    assert status == 0
    assert 'worker_images_total{code="",lane="interactive",outcome="created"}' in found
    for step in ("fetch", "compress", "store", "record"):
        assert f'step_duration_seconds_count{{lane="interactive",step="{step}"}}' in found
    assert 'product_images_worker_queue_wait_seconds_count{lane="interactive"}' in found
    assert 'product_images_worker_paused{reason="store"} 0.0' in found
    assert 'product_images_worker_pixel_processes{state="idle"}' in found
    assert 'deliveries_total{lane="interactive",redelivered="false"}' in found
