"""Product feeds in XML, and XML that is no feed or means harm."""

import pytest

from api.imports.formats.lines import MAX_RECORD_CHARACTERS
from api.imports.record import FileKind
from infra.contract.errors import ErrorCode, Rejected
from tests.unit.imports.reading import read

GOOGLE = "http://base.google.com/ns/1.0"
A = "https://a.example/x.jpg"
ITEM = f"<item><id>S-1</id><image_link>{A}</image_link></item>"
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + f"]><rss>{ITEM.replace('S-1', '&j;')}</rss>"
)


@pytest.mark.parametrize(
    "text",
    [
        f"<rss><channel>{ITEM}</channel></rss>",
        f'<?xml version="1.0" encoding="ISO-8859-1"?><rss>{ITEM}</rss>',
        f'<feed xmlns="http://www.w3.org/2005/Atom">{ITEM.replace("item", "entry")}</feed>',
        f'\ufeff<rss xmlns:g="{GOOGLE}">{ITEM.replace("image_link", "g:image_link")}</rss>',
        f"<rss><item><id>S-1</id><image_link>\n  {A}\n</image_link></item></rss>",
        f"<rss>{ITEM.replace('S-1', 'S&#45;1')}</rss>",
    ],
)
def test_every_spelling_of_a_feed_gives_the_same_product(text: str) -> None:
    for body in (
        text.encode(),
        text.lstrip("\ufeff").encode("utf-16") if "encoding" not in text else b"",
    ):
        if body:
            found = read(body)
            assert found.images == {"S-1": [A]}
            assert found.facts.kind is FileKind.FEED


def test_letters_are_read_in_the_encoding_that_the_feed_declares() -> None:
    for encoding in ("ISO-8859-1", "windows-1252", "windows-1251"):
        name = "Обувь" if encoding.endswith("1251") else "Häschen"
        item = f"<item><id>A</id><title>{name}</title></item>"
        text = f'<?xml version="1.0" encoding="{encoding}"?><rss>{item}</rss>'
        found = read(text.encode(encoding))
        assert found.products["A"]["fields"] == {"name": name}


def test_items_are_numbered_as_they_come() -> None:
    found = read(f"<rss>{ITEM}<item><title>x</title></item></rss>")
    assert [(p.line, p.column, p.code) for p in found.tally.problems] == [
        (2, "sku", "invalid_request")
    ]


def test_an_item_that_is_too_long_is_told_and_the_next_one_read() -> None:
    long = f"<item><id>A</id><title>{'x' * MAX_RECORD_CHARACTERS}</title></item>"
    found = read(f"<rss>{long}{ITEM}</rss>")
    assert [(p.line, p.code) for p in found.tally.problems] == [(1, "malformed_row")]
    assert list(found.products) == ["S-1"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "DOCTYPE"),
        ('<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss/>', "DOCTYPE"),
        (f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>{ITEM}</rss>', "DOCTYPE"),
        (f"<rss>{ITEM.replace('S-1', '&x;')}</rss>", "well-formed"),
        (f"<rss>{ITEM}", "well-formed"),
        ("<html><body>Not found</body></html>", "no <item>"),
        ("<" + "a" * 3_000_000, "tag or comment"),
        (f"<rss><!--{'x' * 3_000_000}-->{ITEM}</rss>", "tag or comment"),
        ("<a>" * 1_000, "nested"),
        ('<?xml version="1.0" encoding="nonsense"?><rss/>', "well-formed"),
    ],
)
def test_xml_that_is_no_feed_or_means_harm_is_refused(text: str, told: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(text)
    assert (refused.value.status, refused.value.code) == (422, ErrorCode.BAD_FILE)
    assert told in refused.value.detail
