"""Whatever bytes are imported: each file is read, or refused with a sentence."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.imports.record import FileKind
from infra.contract.errors import Rejected
from tests.amount import amount
from tests.unit.imports.reading import read
from tests.unit.imports.test_feed import ITEM
from tests.unit.imports.test_xlsx import HEADER
from tests.unit.imports.workbooks import sheet_of, text_cell

TRIES = settings(max_examples=amount(500), deadline=None)
BEGINNINGS = (b"", b"sku,name\n", b'{"sku": ', b"<rss><item>", b"PK\x03\x04", b"\xff\xfes\x00")
SNIPPETS = st.sampled_from(
    [
        ",",
        ";",
        "\t",
        "|",
        '"',
        "\n",
        "\r\n",
        "sku",
        "image_urls",
        "https://a.example/x",
        "\x00",
        "é",
        "\ud800",
    ]
)
CSV = st.lists(SNIPPETS | st.text(max_size=5), max_size=60).map("".join)
XLSX = sheet_of(HEADER + f'<row r="2">{text_cell("A2", "S-1")}<c r="B2"><v>1.5</v></c></row>')


def must_be_read_or_refused(body: bytes, kind: FileKind | None = None, **rules: Any) -> None:
    try:
        found = read(body, kind, **rules)
    except Rejected as exc:
        refusal = (exc.status, exc.detail[-1])
    else:
        refusal = None
        tally = found.tally
        assert tally.accepted + tally.rejected == tally.rows == len(found.rows)
        assert len({line[1] for line in found.lines}) == len(found.lines)
        skus = [line[2] for line in found.lines if line[3] != "\\N"]
        assert len(set(skus)) == len(skus) == tally.products
    assert refusal in (None, (422, "."), (422, "?"))


@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300), st.sampled_from([None, *FileKind]))
@TRIES
def test_any_bytes(beginning: bytes, rest: bytes, kind: FileKind | None) -> None:
    must_be_read_or_refused(beginning + rest, kind)


@given(
    CSV, st.sampled_from(["utf-8", "utf-16", "cp1252"]), st.sampled_from([{}, {"name": "group"}])
)
@TRIES
def test_any_table(text: str, encoding: str, mapping: dict[str, str]) -> None:
    must_be_read_or_refused(f"sku,name\n{text}".encode(encoding, "replace"), mapping=mapping)


@given(st.lists(st.tuples(st.integers(0, len(XLSX) - 1), st.integers(0, 255)), max_size=8))
@TRIES
def test_a_workbook_with_some_bytes_changed(changes: list[tuple[int, int]]) -> None:
    body = bytearray(XLSX)
    for place, value in changes:
        body[place] = value
    must_be_read_or_refused(bytes(body))


@given(st.text(alphabet="<>/&;ritem c\"='!-[]A1234567890sv\x00é", max_size=200))
@TRIES
def test_any_markup(text: str) -> None:
    must_be_read_or_refused(f"<rss>{ITEM}{text}</rss>".encode())
    must_be_read_or_refused(sheet_of(HEADER + text))
