"""The quick-run form of the product flow's deployment."""

from typing import Any

import pytest

from tests.pictures import PictureServer, photo
from tests.support.prefect_hands import deployment, ended, quick_run
from tests.world import World

_NO_JOB = "00000000-0000-7000-8000-000000000000"


def jobs_of(world: World, sku: str) -> list[Any]:
    jobs: list[Any] = world.call("GET", "/jobs", params={"sku": sku}).json()["jobs"]
    return jobs


def test_a_quick_run_with_urls_is_a_job_like_a_posted_one(
    world: World, pictures: PictureServer
) -> None:
    urls = [pictures.photo(5400), pictures.photo(5401)]

    run = ended(world, quick_run(world, image_urls=urls, sku="QUICK-1")["id"])
    (head,) = jobs_of(world, "QUICK-1")
    job = world.job(head["id"])

    assert (run["state"]["type"], run["run_count"]) == ("COMPLETED", 1)
    assert (job["state"], job["attempts"], job["flow_run_id"]) == ("ready", 1, run["id"])
    assert [image["source_url"] for image in job["images"]] == urls
    assert all(len(image["variants"]) == 8 for image in job["images"])
    assert run["name"] == "QUICK-1 · 2 images"
    assert run["parameters"] == {"job_id": job["id"]}  # queries of URLs may be signed
    assert {"sku:QUICK-1", "lane:interactive"} <= set(run["tags"])
    wanted = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    (report,) = world.prefect("POST", "/artifacts/filter", wanted)
    assert report["data"].count("[open](") == 16


def test_a_quick_run_with_a_job_id_makes_what_failed_in_that_job(
    world: World, pictures: PictureServer
) -> None:
    late = pictures.url("/quick-late.jpg")
    job = world.finished(world.post(pictures.photo(5410), late)["job_id"])
    world.ended_run(job)
    pictures.bodies["/quick-late.jpg"] = photo(seed=5411)

    run = ended(world, quick_run(world, job_id=job["id"])["id"])
    again = world.job(job["id"])

    assert job["state"] == "partial"
    assert run["state"]["type"] == "COMPLETED"
    assert (again["state"], again["flow_run_id"]) == ("ready", run["id"])
    assert again["images"][0] == job["images"][0]
    assert pictures.requests["/photo/5410.jpg"] == 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        pytest.param(
            {"image_urls": ["http://example.com/a"], "preset": "posters"},
            "There is no preset named 'posters'; known are marketplace, moving, thumbnail, web.",
            id="unknown_preset",
        ),
        pytest.param(
            {"image_urls": ["ftp://example.com/a.jpg"]},
            "The URL must start with http:// or https://.",
            id="ftp",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            {},
            "Give either image_urls, for a new job, or the job_id of an old one.",
            id="nothing",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            {"job_id": _NO_JOB},
            f"There is no job {_NO_JOB}.",
            id="unknown_job",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_quick_run_that_cannot_be_understood_fails_with_a_sentence_and_makes_no_job(
    world: World, request: pytest.FixtureRequest, parameters: dict[str, Any], words: str
) -> None:
    sku = f"QUICK-BAD-{request.node.callspec.id}"

    run = ended(world, quick_run(world, **parameters, sku=sku)["id"])

    assert run["state"]["type"] == "FAILED"
    assert words in run["state"]["message"]
    assert jobs_of(world, sku) == []


def test_the_form_explains_each_of_its_fields(world: World) -> None:
    fields = deployment(world)["parameter_openapi_schema"]["properties"]

    assert set(fields) == {"job_id", "image_urls", "sku", "preset"}
    for name, field in fields.items():
        assert field.get("description"), name
