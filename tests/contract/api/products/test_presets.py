"""`/presets`: what each makes, and what each would make of a picture, without storing anything."""

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from api.background import try_outs
from api.background.try_outs import TryOuts
from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.running import Api, problem
from tests.unit.imaging.support.pictures import encoded, huge_png, photo

_SECONDS = 180  # a process is started and pictures are made, on a busy machine


def tried(api: Api, content: bytes, *presets: str, **query: Any) -> requests.Response:
    return api.session.post(
        f"{api.url}/presets/try",
        files={"file": ("photo.jpg", content, "image/jpeg")},
        params={"preset": presets, **query},
        timeout=_SECONDS,
    )


def stored(rows: Database) -> int:
    with rows.transaction() as session:
        counted = "SELECT (SELECT count(*) FROM originals) + (SELECT count(*) FROM jobs)"
        return int(session.connection().exec_driver_sql(counted).scalar_one())


def test_each_preset_says_what_it_makes(api: Api) -> None:
    presets = {preset["name"]: preset for preset in api.get("/presets")["presets"]}

    assert list(presets) == sorted(presets)
    assert [size["width"] for size in presets["web"]["sizes"]] == [1600, 800, 400, 200]
    assert {each["format"] for each in presets["web"]["formats"]} == {
        "avif",
        "webp",
        "jpeg",
    }
    assert presets["marketplace"]["fit"] == "pad"
    assert presets["marketplace"]["background"] == "#ffffff"


def test_presets_are_tried_on_a_picture_and_nothing_is_stored(api: Api, rows: Database) -> None:
    content, before = encoded(photo(900, 600), "JPEG", quality=95), stored(rows)

    response = tried(api, content, "thumbnail", "marketplace")

    assert response.status_code == 200, response.text
    small, square = response.json()["results"]
    assert (small["preset"], square["preset"]) == ("thumbnail", "marketplace")
    assert small["source"] == {
        "format": "jpeg",
        "width": 900,
        "height": 600,
        "bytes": len(content),
        "frames": 1,
    }
    assert small["error"] is None
    assert small["placeholder"].startswith("data:image/")
    for variant in (*small["variants"], *square["variants"]):
        data = b64decode(variant["data"])
        assert len(data) == variant["bytes"]
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == (variant["width"], variant["height"])
    assert stored(rows) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"<html>no picture</html>", "unsupported_format"), (huge_png(100_000, 100_000), None)],
    ids=["text", "bomb"],
)
def test_a_picture_that_is_refused_says_why(api: Api, content: bytes, code: str | None) -> None:
    response = tried(api, content, "thumbnail", pictures=False)

    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["error"]["code"] == (code or "too_many_pixels")
    assert (result["variants"], result["source"]) == ([], None)


def test_a_try_out_that_makes_no_sense_is_refused(api: Api) -> None:
    content = encoded(photo(30, 20), "JPEG")
    problem(tried(api, content, "huge"), 422, "unknown_preset")
    problem(api.call("POST", "/presets/try", json={}), 422, "invalid_request")
    two = [("file", ("a.jpg", content)), ("file", ("b.jpg", content))]
    problem(api.call("POST", "/presets/try", files=two), 422, "invalid_request")
    problem(tried(api, content, *[f"p{number}" for number in range(11)]), 422, "invalid_request")


def test_a_key_that_reads_sees_presets_and_tries_none(stack: Stack) -> None:
    with keyed_api(stack) as serving:
        reader = bearer(serving.issue(Scope.READ))
        assert serving.api.call("GET", "/presets", headers=reader).status_code == 200
        refused = serving.api.call("POST", "/presets/try", files={"file": b"x"}, headers=reader)
        problem(refused, 403, "forbidden")


def test_more_try_outs_than_places_are_refused_and_one_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: list[str] = []
    few = TryOuts(1, seconds=0.5)

    def while_running(*_: object) -> list[Any]:
        with pytest.raises(ServiceUnavailable) as full:
            few.make(tmp_path, tmp_path, ["web"])
        inner.append(full.value.code)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(few, "_run", while_running)
        assert few.make(tmp_path, tmp_path, ["web"]) == []
    assert inner == [ErrorCode.TRY_OUTS_FULL]
    with pytest.raises(ServiceUnavailable):
        TryOuts(0).make(tmp_path, tmp_path, ["web"])

    monkeypatch.setattr(try_outs, "_COMMAND", ("sleep", "600"))
    with pytest.raises(Rejected) as ended:
        few._run(())
    assert (ended.value.status, ended.value.code) == (422, ErrorCode.DECODE_TIMEOUT)
