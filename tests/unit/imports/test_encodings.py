"""Files in every encoding that suppliers write, and those that are broken."""

import codecs

import pytest

from api.imports.formats.encoding import Encoding
from infra.contract.errors import ErrorCode, Rejected
from tests.unit.imports.reading import read

TEXT = "sku;name\r\nS-1;Häschen für 5 €\r\n"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT.encode(), Encoding.UTF_8),
        (TEXT.encode("utf-8-sig"), Encoding.UTF_8),
        (TEXT.encode("utf-16"), Encoding.UTF_16),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), Encoding.UTF_16),
        (TEXT.encode("utf-16-le"), Encoding.UTF_16),
        (TEXT.encode("utf-16-be"), Encoding.UTF_16),
        (TEXT.encode("cp1252"), Encoding.WINDOWS_1252),
    ],
)
def test_a_text_is_the_same_in_every_encoding(body: bytes, encoding: Encoding) -> None:
    found = read(body)

    assert found.products["S-1"]["fields"] == {"name": "Häschen für 5 €"}
    assert found.facts.encoding == encoding
    is_guessed = encoding is Encoding.WINDOWS_1252
    assert any("Windows-1252" in told for told in found.facts.remarks()) is is_guessed


def test_a_large_file_is_decoded_piece_by_piece() -> None:
    rows = "".join(f"S-{number};{'ä' * 300}\n" for number in range(5_000))
    for encoding in ("utf-8", "utf-16", "cp1252"):
        found = read(f"sku;name\n{rows}".encode(encoding))
        assert found.tally.products == 5_000, encoding
        assert found.products["S-4999"]["fields"]["name"] == "ä" * 300, encoding


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sku,name\nS-1,Häschen\n".encode() + b"S-2,\xff\n", "Line 3"),
        (b"sku,name\nS-1,\x81\n", "from line 2"),
        (codecs.BOM_UTF16_LE + b"s\x00k", "UTF-16"),
        ("sku\nA\n".encode("utf-16") + b"\x00\xd8\x00", "UTF-16"),
    ],
)
def test_broken_bytes_are_refused_with_the_line(body: bytes, told: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(body)
    assert (refused.value.status, refused.value.code) in (
        (422, ErrorCode.BAD_ENCODING),
        (422, ErrorCode.BAD_HEADER),
    )
    assert told in refused.value.detail
