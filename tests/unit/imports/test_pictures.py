"""ZIP archives of pictures: names that say whose they are, and archives that mean harm."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.imports.columns import FileRules
from api.imports.pictures import parse_pattern
from api.imports.read import open_reader
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ImportSettings
from tasks.submission.uploads import Upload
from tests.amount import amount
from tests.unit.imports.reading import LIMITS, read
from tests.unit.imports.test_fuzzed_files import must_be_read_or_refused
from tests.unit.imports.workbooks import packed

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"


def source(body: bytes) -> str:
    return f"upload:{hashlib.sha256(body).hexdigest()}"


def files(*names: str) -> dict[str, bytes]:
    return {name: JPEG + name.encode() for name in names}


def images(archive: Mapping[str, bytes], **rules: Any) -> dict[str, list[str]]:
    """Return the names of the pictures of each product."""
    found = read(packed(archive), **rules)
    assert found.tally.problems == ()
    return {
        sku: [image["file"] for image in content["images"]]
        for sku, content in found.products.items()
    }


def problems(archive: bytes, **more: Any) -> list[tuple[str | None, str, str]]:
    return [(p.column, p.code, p.detail) for p in read(archive, **more).tally.problems]


def test_names_say_which_product_and_in_which_order() -> None:
    names = ["B_1.png", "A_10.jpg", "A_2.JPG", "x/A_B_0.webp", "C/2.jpg", "shop/C/1.jpg"]
    assert images(files(*names)) == {
        "A": ["A_2.JPG", "A_10.jpg"],
        "A_B": ["x/A_B_0.webp"],
        "B": ["B_1.png"],
        "C": ["shop/C/1.jpg", "C/2.jpg"],
    }


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("{sku}_{n}.jpg", "A_1.JPG", ("A", 1)),
        ("{sku}_{n}.jpg", "A_1.png", None),
        ("{sku}-{n}", "SHOE-42-3.jpg", ("SHOE-42", 3)),
        ("{sku}", "SHOE-42.jpg", ("SHOE-42", 0)),
        ("{sku}", "4.2.jpg", ("4.2", 0)),
        ("{sku}/*", "SHOE/front left.jpg", ("SHOE", 0)),
        ("{sku}/{n}_*", "SHOE/2_back.jpg", ("SHOE", 2)),
        ("img_{n}_{sku}.*", "img_7_A.jpg", ("A", 7)),
        ("{sku}/{n}.jpg", "1.jpg", None),
        ("{sku}(1).jpg", "A(1).jpg", ("A", 0)),
    ],
)
def test_a_pattern_is_written_as_names_are(
    pattern: str, name: str, found: tuple[str, int] | None
) -> None:
    assert parse_pattern(pattern).match(name) == found


@pytest.mark.parametrize(
    "pattern", ["", "{n}.jpg", "{sku}{sku}", "{sku}_{x}", "{sku}\\d", "***{sku}"]
)
def test_a_pattern_that_names_no_product_is_refused(pattern: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_pattern(pattern)
    assert refused.value.code == ErrorCode.INVALID_REQUEST


def test_what_systems_leave_behind_is_skipped_and_told() -> None:
    litter = files("__MACOSX/._A_1.jpg", ".DS_Store", "x/Thumbs.db", "x/._A_2.jpg")
    found = read(packed({**files("A_1.jpg"), **litter, "folder/": b""}))
    assert (found.tally.rows, found.tally.accepted) == (1, 1)
    assert found.facts.remarks() == ["4 files that a system left behind were skipped."]


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("../A_1.jpg", JPEG, "leads out of the archive"),
        ("/A_1.jpg", JPEG, "leads out of the archive"),
        ("x/../../A_1.jpg", JPEG, "leads out of the archive"),
        ("C:/A_1.jpg", JPEG, "leads out of the archive"),
        ("x\\A_1.jpg", JPEG, "leads out of the archive"),
        ("x" * 501 + "/A_1.jpg", JPEG, "leads out of the archive"),
        ("picture.jpg", JPEG, "is not like {sku}_{n} or {sku}/{n}"),
        (f"{'s' * 201}_1.jpg", JPEG, "is no sku"),
        ("A_1.zip", packed({"A_1.jpg": JPEG}), "archive within the archive"),
        ("A_1.jpg", packed({"A_1.jpg": JPEG}), "archive within the archive"),
        ("A_1.jpg", b"\x1f\x8b\x08", "archive within the archive"),
        ("A_1.jpg", b"<html>", "not an image"),
        ("A_1.jpg", b"", "not an image"),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_with_its_name(
    name: str, body: bytes, told: str
) -> None:
    ((column, _, detail),) = problems(packed({"B_1.png": PNG, name: body}))
    assert column == name[-500:]
    assert told in detail


def test_links_repeated_names_and_encrypted_files_are_refused() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("A_1.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("B_1.jpg", JPEG)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("B_1.jpg", PNG)
    told = [detail for _, _, detail in problems(file.getvalue())]
    assert told == ["It is a link, not a picture.", "The archive has two files of this name."]

    body = bytearray(packed({"A_1.jpg": JPEG}))
    body[6] |= 1  # the file's own header, and the one in the directory
    body[body.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(body)).detail


def refusal(body: bytes, **more: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        read(body, **more)
    assert (refused.value.status, refused.value.code) == (422, ErrorCode.BAD_FILE)
    return refused.value


def test_bombs_are_not_unpacked() -> None:
    imports = ImportSettings.model_validate({"max_unpacked_bytes": 1_000_000})
    bomb = packed({f"A_{n}.jpg": JPEG + bytes(400_000) for n in range(3)})
    assert len(bomb) < 5_000
    assert "unpacks to more" in refusal(bomb, limits=replace(LIMITS, imports=imports)).detail

    api = LIMITS.api.model_copy(update={"max_file_bytes": 300_000})
    ((_, code, _), *_) = problems(bomb, limits=replace(LIMITS, api=api))
    assert code == ErrorCode.TOO_MANY_BYTES
    lying = bytearray(packed({"A_1.jpg": JPEG + bytes(400_000)}))
    place = lying.index(b"PK\x01\x02") + 24
    lying[place : place + 4] = (10).to_bytes(4, "little")
    must_be_read_or_refused(bytes(lying))


def test_equal_pictures_are_stored_once_and_a_refused_one_never(tmp_path: Path) -> None:
    archive = {"A_1.jpg": JPEG, "A_2.jpg": JPEG, "B_1.jpg": JPEG, "B_2.png": PNG, "C_1.jpg": b"x"}
    stored = []

    def keep(path: Path, place: int) -> Upload:
        stored.append((place, path.read_bytes()))
        return Upload("0" * 64, "k", "jpeg", "image/jpeg", 1)

    with open_reader(BytesIO(packed(archive)), None, FileRules(), limits=LIMITS) as reader:
        list(reader.rows())
        assert reader.pictures is not None
        assert len(reader.pictures.store(keep)) == 2
    assert stored == [(1, JPEG), (4, PNG)]
    assert read(packed(archive)).images == {"A": [source(JPEG)], "B": [source(JPEG), source(PNG)]}


WHOLE = packed({**files("A_1.jpg", "A_2.jpg", "B/1.jpg"), "x.txt": b"x"})


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8))
@settings(max_examples=amount(500), deadline=None)
def test_an_archive_with_some_bytes_changed(changes: list[tuple[int, int]]) -> None:
    body = bytearray(WHOLE)
    for place, value in changes:
        body[place] = value
    must_be_read_or_refused(bytes(body))
