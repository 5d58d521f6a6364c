"""`/mappings` and `product-images mappings`: how a supplier's files are read, under a name."""

from pathlib import Path
from uuid import uuid4

from tests.commands import run
from tests.contract.api.support.importing import send, skus
from tests.contract.api.support.running import Api, problem

IMAGE = "https://supplier.example/a.jpg"


def test_a_saved_mapping_reads_the_files_of_its_supplier(api: Api) -> None:
    name, (sku,) = f"s-{uuid4()}", skus(1)
    reading = {"map": "Nr:sku,Bild:image_urls", "currency": "EUR", "columns": "strict"}
    saved = api.call("PUT", f"/mappings/{name}", json=reading)
    assert saved.status_code == 201, saved.text
    assert api.get(f"/mappings/{name}") == saved.json()
    assert (saved.json()["map"], saved.json()["profile"]) == ([reading["map"]], None)

    body = f"Nr;Bild;price;Extra\n{sku};{IMAGE};5;x\n"
    problem(send(api, body, mapping=name), 422, "bad_header")
    response = send(api, body, mapping=name, map="Extra:name")

    assert response.status_code == 202, response.text
    options = api.get(response.json()["status_url"])["options"]
    assert (options["mapping"], options["currency"]) == (name, "EUR")
    assert options["map"] == [reading["map"], "Extra:name"]
    preview = send(api, body, mapping=name, map="Extra:name", dry_run="true").json()["preview"]
    assert [(each["sku"], each["fields"]["currency"]) for each in preview] == [(sku, "EUR")]


def test_a_mapping_is_replaced_listed_and_deleted(api: Api) -> None:
    names = sorted(f"t-{uuid4()}" for _ in range(3))
    for name in names:
        api.call("PUT", f"/mappings/{name}", json={"profile": "shopify"})

    again = api.call("PUT", f"/mappings/{names[0]}", json={"map": ["a:sku"]})
    assert (again.status_code, again.json()["profile"], again.json()["map"]) == (
        200,
        None,
        ["a:sku"],
    )
    page = api.get("/mappings", limit=2, after=names[0])
    assert [each["name"] for each in page["mappings"]] == names[1:]
    assert page["next"] == f"/mappings?limit=2&after={names[2]}"
    assert api.call("DELETE", f"/mappings/{names[0]}").status_code == 204
    for method in ("GET", "DELETE"):
        problem(api.call(method, f"/mappings/{names[0]}"), 404, "not_found")
    problem(send(api, "sku\nA\n", mapping=names[0]), 422, "invalid_request")


def test_a_mapping_that_makes_no_sense_is_refused(api: Api) -> None:
    for reading in (
        {"map": ["Image Src"]},
        {"profile": "etsy"},
        {"currency": "Euro"},
        {"colums": "strict"},
        {"map": ["a\u0000:sku"]},
    ):
        problem(api.call("PUT", "/mappings/acme", json=reading), 422, "invalid_request")
    problem(api.call("PUT", "/mappings/acme", json={"base_url": "media"}), 422, "invalid_url")
    problem(api.call("PUT", "/mappings/a%20b", json={}), 422, "invalid_request")


def test_the_command_saves_shows_uses_and_deletes_a_mapping(api: Api, tmp_path: Path) -> None:
    name, (sku,) = f"u-{uuid4()}", skus(1)

    def command(*arguments: str) -> str:
        done = run(tmp_path, *arguments, API_URL=api.url)
        assert (done.status, done.err) == (0, "")
        return done.out

    shown = command("mappings", "set", name, "--map", "Nr:sku,Bild:image_urls", "--currency", "EUR")
    assert shown.splitlines() == [
        f"Mapping {name}:",
        "  map: Nr:sku,Bild:image_urls",
        "  columns: ignore",
        "  currency: EUR",
    ]
    assert command("mappings", "show", name) == shown
    assert f"{name}  recognised  Nr:sku,Bild:image_urls" in command(
        "mappings", "list", "--limit", "200"
    )
    (tmp_path / "acme.csv").write_text(f"Nr,Bild\n{sku},{IMAGE}\n")
    assert "1 rows, 0 of them" in command("import", "acme.csv", "--mapping", name)
    assert command("mappings", "delete", name) == f"Mapping {name} is deleted.\n"
