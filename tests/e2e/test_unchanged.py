"""The same URL sent again: asked for changes, and nothing made that is there already."""

import pytest
from sqlalchemy import text

from infra.db.engine import Database
from tests.pictures import PictureServer, photo
from tests.support.pixel_work import PixelWork
from tests.waiting import eventually
from tests.world import World

PATH = "/versioned.jpg"


def rows(database: Database) -> list[int]:
    """Return how many originals and variants there are."""
    with database.transaction() as session:
        return [
            int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in ("originals", "variants")
        ]


def test_a_source_that_says_not_modified_is_not_downloaded_and_its_image_is_unchanged(
    world: World, pictures: PictureServer, database: Database
) -> None:
    pictures.bodies[PATH], pictures.etags[PATH] = photo(seed=1101), '"v1"'
    first = world.finished(world.post(pictures.url(PATH), sku="UNCHANGED-1")["job_id"])
    before = rows(database)

    again = world.finished(world.post(pictures.url(PATH), sku="UNCHANGED-1")["job_id"])

    assert [image["outcome"] for image in first["images"]] == ["created"]
    assert [image["outcome"] for image in again["images"]] == ["unchanged"]
    assert again["images"][0]["variants"] == first["images"][0]["variants"]
    assert pictures.unchanged[PATH] == 1
    assert rows(database) == before


@pytest.mark.thorough
def test_a_source_that_changed_is_made_anew_and_asked_with_its_new_name(
    world: World, pictures: PictureServer
) -> None:
    outcomes = []
    for seed, etag in ((1102, '"v1"'), (1103, '"v2"'), (1103, '"v2"')):
        pictures.bodies[PATH], pictures.etags[PATH] = photo(seed=seed), etag
        job = world.finished(world.post(pictures.url(PATH), sku="UNCHANGED-2")["job_id"])
        outcomes.append(job["images"][0]["outcome"])

    assert outcomes == ["created", "created", "unchanged"]
    assert pictures.unchanged[PATH] == 1


@pytest.mark.thorough
def test_a_source_without_validators_is_downloaded_and_found_unchanged(
    world: World, pictures: PictureServer, database: Database
) -> None:
    url = pictures.photo(1104)
    world.finished(world.post(url, sku="UNCHANGED-3")["job_id"])
    before = rows(database)

    again = world.finished(world.post(url, sku="UNCHANGED-3")["job_id"])

    assert again["images"][0]["outcome"] == "unchanged"
    assert sum(pictures.requests.values()) == 2
    assert rows(database) == before


def test_a_url_that_several_jobs_bring_at_once_is_asked_once_and_encoded_once(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.url(PATH)
    pictures.bodies[PATH] = photo(3000, 2000, seed=1105)
    work = PixelWork(world.stack.part("worker-1").pid)
    accepted = [world.post(url, sku="AT-ONCE-0")]
    working = work.wait()
    working.suspend()  # the first job has fetched, and is not done before the others have begun
    accepted += [world.post(url, sku=f"AT-ONCE-{number}") for number in range(1, 5)]

    def running() -> bool:
        states = [world.call("GET", f"/jobs/{job['job_id']}").json()["state"] for job in accepted]
        return set(states) == {"running"}

    eventually(running, "all jobs run")
    working.resume()
    images = [world.finished(job["job_id"])["images"][0] for job in accepted]

    assert pictures.requests[PATH] == 1
    assert sorted(image["outcome"] for image in images) == ["created", *["deduplicated"] * 4]
    assert len({str(image["variants"]) for image in images}) == 1
