"""The daily summary, run from its deployment: an artifact whose versions stack up."""

from datetime import UTC, datetime
from typing import Any

from tests.pictures import PictureServer
from tests.waiting import eventually
from tests.world import FINAL_RUN, World


def summarised(world: World, **parameters: str) -> Any:
    """Run the deployment and return the run at its end."""
    found = world.prefect("GET", "/deployments/name/daily-summary/daily-summary")
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    run = world.prefect("POST", f"/deployments/{found['id']}/create_flow_run", body)

    def look() -> Any:
        seen = world.flow_run(run["id"])
        return seen if seen["state"]["type"] in FINAL_RUN else None

    return eventually(look, "the summary has ended", seconds=90)


def test_a_day_is_summed_up_under_one_key(world: World, pictures: PictureServer) -> None:
    job = world.finished(world.post(pictures.photo(7200), pictures.url("/no.jpg"))["job_id"])
    day = datetime.fromisoformat(job["finished_at"]).astimezone(UTC).date().isoformat()

    runs = [summarised(world, day=day) for _ in range(2)]

    assert [run["state"]["type"] for run in runs] == ["COMPLETED"] * 2
    wanted = {"artifacts": {"key": {"any_": ["daily-summary"]}}}
    versions = world.prefect("POST", "/artifacts/filter", wanted)
    assert {run["id"] for run in runs} <= {version["flow_run_id"] for version in versions}
    latest = world.prefect("GET", "/artifacts/daily-summary/latest")
    assert f"# {day} (UTC)" in latest["data"]
    assert "| interactive |" in latest["data"]
    assert "`http_404`" in latest["data"]


def test_a_day_that_is_none_fails_with_what_to_write(world: World) -> None:
    run = summarised(world, day="tomorrow")

    assert run["state"]["type"] == "FAILED"
    assert "write it like 2026-01-31" in run["state"]["message"]
