"""A request is followed by its name: from the header to the worker's log and the run's."""

from tests.pictures import PictureServer
from tests.waiting import eventually
from tests.world import World


def test_a_request_s_name_is_in_the_worker_s_log_and_the_run_s(
    world: World, pictures: PictureServer
) -> None:
    name = "shop-7/followed"
    posted = world.call(
        "POST",
        "/process-image",
        json={"image_url": pictures.photo(9950)},
        headers={"X-Request-ID": name},
    )
    job = world.finished(posted.json()["job_id"])
    run = world.ended_run(job)

    def lines() -> list[str]:
        wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
        return [each["message"] for each in world.prefect("POST", "/logs/filter", wanted)]

    logged = world.stack.part("worker-1").log.read_text(errors="replace").splitlines()
    (recorded,) = [line for line in logged if "job recorded" in line and job["id"] in line]
    assert f"request_id={name}" in recorded
    eventually(
        lambda: any(f"request_id={name}" in line for line in lines()), "the run's log names it"
    )
