"""What people search for in Prefect's UI: runs and task runs by tag, log lines by field."""

from collections.abc import Sequence
from typing import Any

from tests.pictures import PictureServer
from tests.waiting import eventually
from tests.world import World

STEPS = ("fetch", "compress", "store", "record")
_WRITTEN_SECONDS = 30.0  # the server writes logs and task runs in batches


def runs_tagged(world: World, *tags: str) -> list[str]:
    return [run["id"] for run in world.flow_runs(flow_runs={"tags": {"all_": list(tags)}})]


def log_lines(world: World, flow_run_id: str) -> Sequence[str]:
    wanted = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}}
    return [line["message"] for line in world.prefect("POST", "/logs/filter", wanted)]


def test_a_search_by_sku_lane_or_supplier_finds_the_run_and_its_task_runs(
    world: World, pictures: PictureServer
) -> None:
    accepted = world.post(pictures.photo(7100), sku="SEARCHED-1")
    job = world.finished(accepted["job_id"])
    run_id = job["flow_run_id"]

    assert runs_tagged(world, "sku:SEARCHED-1") == [run_id]
    assert runs_tagged(world, "sku:SEARCHED-1", "lane:interactive", "host:127.0.0.1") == [run_id]
    assert runs_tagged(world, "sku:SEARCHED-1", "lane:bulk") == []

    def task_names() -> Any:
        wanted = {"task_runs": {"tags": {"all_": ["sku:SEARCHED-1", "host:127.0.0.1"]}}}
        names = {run["name"] for run in world.prefect("POST", "/task_runs/filter", wanted)}
        return len(names) >= 4 and names

    shown = eventually(task_names, "the task runs are found", seconds=_WRITTEN_SECONDS)
    assert shown == {f"{step} · SEARCHED-1 · 1 image" for step in STEPS}


def test_log_lines_carry_the_fields_of_their_job(world: World, pictures: PictureServer) -> None:
    accepted = world.post(pictures.photo(7110), pictures.url("/absent.jpg"), sku="LOGGED-1")
    job = world.finished(accepted["job_id"])
    fields = f"job_id={job['id']} sku=LOGGED-1 lane=interactive attempt=1"

    def lines() -> Any:
        said = [line for line in log_lines(world, job["flow_run_id"]) if fields in line]
        return len(said) >= 2 and said

    said = eventually(lines, "the log is written", seconds=_WRITTEN_SECONDS)
    assert any(line.startswith("Image 0: created, 8 variants") for line in said)
    assert any(line.startswith("Image 1 failed: ") and "http_404" in line for line in said)


def test_the_page_of_a_run_shows_pictures_links_savings_and_scores(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(7120)
    job = world.finished(world.post(url, pictures.url("/gone.jpg"))["job_id"])
    world.ended_run(job)

    wanted = {"flow_runs": {"id": {"any_": [job["flow_run_id"]]}}}
    (report,) = world.prefect("POST", "/artifacts/filter", wanted)

    assert report["type"] == "markdown"
    for variant in job["images"][0]["variants"]:
        assert f"[open]({variant['url']})" in report["data"]
        assert f"{variant['bytes']:,}" in report["data"]
    assert f"({url})" in report["data"]
    assert "![image 0](" in report["data"]
    assert "`http_404`" in report["data"]
