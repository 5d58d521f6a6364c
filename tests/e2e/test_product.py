"""A product's pictures, from the POST to variants in the store and a run in Prefect."""

import io
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from PIL import Image, ImageSequence

from tests.pictures import PictureServer, photo
from tests.unit.imaging.support.moving import animation, turning
from tests.waiting import eventually
from tests.world import World

NAMES = [f"w{width}-{form}" for width in (1600, 800, 400, 200) for form in ("avif", "jpeg")]


def test_a_posted_picture_becomes_verified_variants_that_anybody_can_fetch(
    world: World, pictures: PictureServer
) -> None:
    pictures.bodies["/big.jpg"] = photo(2000, 1500, seed=1001)

    accepted = world.post(pictures.url("/big.jpg"), sku="E2E-1")
    job = world.finished(accepted["job_id"])

    assert job["state"] == "ready"
    (image,) = job["images"]
    assert (image["state"], image["outcome"], image["error"]) == ("ready", "created", None)
    assert [variant["name"] for variant in image["variants"]] == NAMES
    for variant in image["variants"]:
        response = world.call("GET", variant["url"])
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert len(response.content) == variant["bytes"]
        with Image.open(io.BytesIO(response.content)) as picture:
            assert picture.size == (variant["width"], variant["height"])
            assert picture.format == variant["format"].upper()


def test_an_animation_stays_one_in_the_formats_that_can_move(
    world: World, pictures: PictureServer
) -> None:
    times = [100, 200, 400]
    pictures.bodies["/turning.gif"] = animation(turning(3), "GIF", duration=times)

    accepted = world.post(pictures.url("/turning.gif"), preset="moving", sku="E2E-GIF")
    job = world.finished(accepted["job_id"])

    assert job["state"] == "ready", job
    variants = job["images"][0]["variants"]
    moving = {f"w{width}-{form}": 3 for width in (120, 60) for form in ("avif", "webp")}
    frames = {variant["name"]: variant["frames"] for variant in variants}
    assert frames == {**moving, "w120-jpeg": 1, "w60-jpeg": 1}
    for variant in variants:
        response = world.call("GET", variant["url"])
        with Image.open(io.BytesIO(response.content)) as picture:
            assert picture.format == variant["format"].upper()
            assert picture.size == (variant["width"], variant["height"])
            shown = [each.info.get("duration") for each in loaded(picture)]
        assert shown == (times if variant["frames"] > 1 else [None]), variant["name"]


def loaded(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield the picture at each of its frames, decoded."""
    for frame in ImageSequence.Iterator(picture):
        frame.load()
        yield frame


def test_originals_are_not_public(world: World, pictures: PictureServer) -> None:
    job = world.finished(world.post(pictures.photo(1002))["job_id"])

    variant = job["images"][0]["variants"][0]["url"]
    base, _, rest = variant.partition("/variants/")
    original = f"{base}/originals/{rest.split('/')[0]}.jpg"

    assert world.call("GET", variant).status_code == 200
    assert world.call("GET", original).status_code == 403


def test_one_bad_url_among_three_costs_only_itself(world: World, pictures: PictureServer) -> None:
    missing = pictures.url("/missing.jpg")
    accepted = world.post(pictures.photo(1003), missing, pictures.photo(1004), sku="E2E-3")

    job = world.finished(accepted["job_id"])

    assert job["state"] == "partial"
    assert [image["state"] for image in job["images"]] == ["ready", "failed", "ready"]
    assert [image["position"] for image in job["images"]] == [0, 1, 2]
    failed = job["images"][1]
    assert failed["error"]["code"] == "http_404"
    assert failed["error"]["retryable"] is False
    assert "404" in failed["error"]["detail"]
    assert failed["variants"] == []
    run = world.ended_run(job)
    assert (run["state"]["type"], run["state"]["name"]) == ("COMPLETED", "Partial")


def test_a_fast_image_is_ready_while_its_job_waits_for_a_slow_supplier(
    world: World, pictures: PictureServer
) -> None:
    slow, fast = pictures.photo(1011), pictures.photo(1012)
    pictures.past_the_gate.add(urlsplit(fast).path)
    pictures.gate.clear()
    accepted = world.post(slow, fast, sku="E2E-11")

    def states() -> list[str]:
        job = world.call("GET", f"/jobs/{accepted['job_id']}").json()
        return [job["state"], *(image["state"] for image in job["images"])]

    eventually(lambda: states() == ["running", "processing", "ready"], "the fast image is ready")
    shown = world.call("GET", f"/products/{accepted['product_id']}").json()["images"][1]
    assert world.call("GET", shown["variants"][0]["url"]).status_code == 200

    pictures.gate.set()
    assert world.finished(accepted["job_id"])["state"] == "ready"


def test_the_product_shows_what_its_jobs_made(world: World, pictures: PictureServer) -> None:
    accepted = world.post(pictures.photo(1005), pictures.photo(1006), sku="E2E-5")
    world.finished(accepted["job_id"])

    product = world.call("GET", f"/products/{accepted['product_id']}").json()

    assert product["sku"] == "E2E-5"
    assert [image["source_url"] for image in product["images"]] == [
        pictures.photo(1005),
        pictures.photo(1006),
    ]
    for image in product["images"]:
        assert len(image["variants"]) == 8
        fallback = [variant for variant in image["variants"] if variant["format"] == "jpeg"]
        assert all(variant["url"] in image["picture"] for variant in fallback)
        assert re.fullmatch("#[0-9a-f]{6}", image["dominant_colour"])
        assert re.fullmatch("[0-9a-f]{16}", image["phash"])
        assert image["placeholder"].startswith("data:image/png;base64,")


def test_a_cut_out_stays_one_when_another_product_fills_the_same_bytes(
    world: World, pictures: PictureServer
) -> None:
    body = io.BytesIO()
    cut_out = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    cut_out.paste((200, 30, 30, 255), (100, 50, 300, 250))
    cut_out.save(body, "PNG")
    for path in ("/cut-out.png", "/cut-out-2.png"):
        pictures.bodies[path] = body.getvalue()
    first = world.finished(world.post(pictures.url("/cut-out.png"), sku="E2E-CUT")["job_id"])
    before = world.call("GET", f"/products/{first['product_id']}").json()

    other = world.post(pictures.url("/cut-out-2.png"), sku="E2E-CUT-2", preset="marketplace")
    second = world.finished(other["job_id"])

    (image,) = world.call("GET", f"/products/{first['product_id']}").json()["images"]
    (filled,) = world.call("GET", f"/products/{second['product_id']}").json()["images"]
    assert image == before["images"][0]
    assert "background" not in image["picture"]  # no blurred ground behind what is see-through
    assert "background" in filled["picture"]
    assert image["thumbhash"] != filled["thumbhash"]


def test_the_same_bytes_again_are_not_encoded_again(world: World, pictures: PictureServer) -> None:
    first = world.finished(world.post(pictures.photo(1007), sku="E2E-7")["job_id"])
    pictures.bodies["/copy.jpg"] = pictures.bodies["/photo/1007.jpg"]

    again = world.finished(world.post(pictures.photo(1007), sku="E2E-7")["job_id"])
    copied = world.finished(world.post(pictures.url("/copy.jpg"), sku="E2E-7b")["job_id"])

    assert again["images"][0]["outcome"] == "unchanged"
    assert copied["images"][0]["outcome"] == "deduplicated"
    assert again["product_id"] == first["product_id"]
    for job in (again, copied):
        assert job["images"][0]["variants"] == first["images"][0]["variants"]


def test_an_uploaded_file_is_processed_without_any_supplier(world: World) -> None:
    files = [("file", ("shoe.jpg", photo(900, 600, seed=1008), "image/jpeg"))]

    response = world.call("POST", "/process-image", files=files, data={"sku": "E2E-8"})
    assert response.status_code == 202
    job = world.finished(response.json()["job_id"])

    assert job["state"] == "ready"
    assert job["images"][0]["source_url"].startswith("upload:")
    assert {variant["width"] for variant in job["images"][0]["variants"]} == {900, 800, 400, 200}


def test_the_run_is_named_and_tagged_for_people_and_shows_a_table(
    world: World, pictures: PictureServer
) -> None:
    accepted = world.post(pictures.photo(1009), pictures.photo(1010), sku="E2E-9")
    job = world.finished(accepted["job_id"])
    run = world.ended_run(job)

    assert run["state"]["type"] == "COMPLETED"
    assert run["name"] == "E2E-9 · 2 images"
    assert {"sku:E2E-9", "lane:interactive"} <= set(run["tags"])

    def task_runs() -> list[tuple[str, str]]:
        wanted = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        tasks = world.prefect("POST", "/task_runs/filter", wanted)
        return sorted((task["name"].split()[0], task["state"]["type"]) for task in tasks)

    steps = [(step, "COMPLETED") for step in ("compress", "fetch", "record", "store")]
    eventually(lambda: task_runs() == steps, "the run shows its four steps completed")
    (artifact,) = world.prefect(
        "POST", "/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}}
    )
    assert artifact["type"] == "markdown"
    assert artifact["data"].count("### Image") == 2
    assert artifact["data"].count("[open](") == 16
