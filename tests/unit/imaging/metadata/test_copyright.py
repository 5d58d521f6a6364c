"""Whose picture it is stays in the file on demand, that a machine made it always; nothing else."""

import struct
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tasks.imaging.checks.frame_count import Length
from tasks.imaging.decode.source import Original
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.metadata.copyright import read_notice
from tasks.imaging.metadata.iptc import by_lines_and_notice
from tasks.imaging.metadata.xmp import XmpRefused, creators_and_rights, digital_source_type
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Encoding, Fit, FixedQuality, Preset
from tests.unit.imaging.support.odd import heic
from tests.unit.imaging.support.pictures import LIMITS, encoded, photo

ARTIST, COPYRIGHT = "Jane Doe", "© 2025 A Supplier — all rights reserved"
WEB = packaged_presets().named("web")
KEEPING = replace(WEB, keep_copyright=True)


def telling(**more: object) -> Image.Exif:
    """Return EXIF data with a name, a right, a camera, a comment and a place."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = ARTIST
    exif[ExifTags.Base.Copyright] = COPYRIGHT.encode()
    exif[ExifTags.Base.Make] = "A camera"
    exif[ExifTags.Base.ImageDescription] = "At home"
    exif[ExifTags.Base.Orientation] = 6
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.UserComment] = b"secret"
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (60.0, 23.0, 33.0)
    return exif


def exif_of(directory: Path, preset: Preset, data: bytes) -> list[Image.Exif]:
    source = directory / "source"
    source.write_bytes(data)
    found = []
    for each in render(source, directory, preset, limits=LIMITS).variants:
        with Image.open(each.path) as image:
            found.append(image.getexif())
    return found


def text(value: object) -> str:
    """Return what a reader that knows UTF-8 shows."""
    assert isinstance(value, str)
    return value.encode("latin-1").decode()


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("fit", Fit)
def test_artist_and_copyright_are_kept_on_demand_and_nothing_else(
    tmp_path: Path, written: str, fit: Fit
) -> None:
    data = encoded(photo(120, 90), written, exif=telling())
    box = packaged_presets().named("thumbnail").boxes[1:]
    preset = replace(KEEPING, fit=fit, boxes=box, sharpen=0.5)
    for exif in exif_of(tmp_path, preset, data):
        assert set(exif) == {ExifTags.Base.Artist, ExifTags.Base.Copyright}
        assert text(exif[ExifTags.Base.Artist]) == ARTIST
        assert text(exif[ExifTags.Base.Copyright]) == COPYRIGHT
        for group in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
            assert not exif.get_ifd(group)


def test_a_picture_laid_on_its_ground_keeps_them_as_well(tmp_path: Path) -> None:
    half = photo(120, 90).convert("RGBA")
    half.putalpha(120)
    for exif in exif_of(tmp_path, KEEPING, encoded(half, "PNG", exif=telling())):
        assert text(exif[ExifTags.Base.Artist]) == ARTIST


def test_without_demand_nothing_is_kept(tmp_path: Path) -> None:
    data = encoded(photo(120, 90), "JPEG", exif=telling())
    assert not any(dict(exif) for exif in exif_of(tmp_path, WEB, data))


def test_a_picture_that_names_nobody_has_no_exif_data(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "A camera"
    data = encoded(photo(120, 90), "JPEG", exif=exif)
    assert not any(dict(found) for found in exif_of(tmp_path, KEEPING, data))


def test_a_whole_licence_and_control_characters_do_not_pass() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "A\nB\x07C" + "ß" * 5000
    data = encoded(photo(20, 20), "JPEG", exif=exif)
    original = Original(data, ImageFormat.JPEG, "", Length())
    with Image.open(BytesIO(data)) as image:
        credit = Image.Exif()
        credit.load(read_notice(image, original, names=True).exif)
    kept = credit[ExifTags.Base.Copyright]
    assert kept.startswith("ABC")
    assert len(kept) <= 500


def test_damaged_exif_data_do_not_cost_the_picture(tmp_path: Path) -> None:
    data = encoded(photo(120, 90), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert len(exif_of(tmp_path, KEEPING, data)) == 2


def iptc(*entries: tuple[int, bytes]) -> bytes:
    """Return IPTC-IIM entries of the application record."""
    return b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in entries
    )


def with_iptc(jpeg: bytes, data: bytes) -> bytes:
    """Return a JPEG with the data in the segment that Photoshop writes."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)
    body = b"Photoshop 3.0\0" + resource
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def xmp(creators: str, rights: str, *, doctype: str = "") -> bytes:
    """Return an XMP packet with items of both lists."""
    return f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>{doctype}
<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description>
<dc:title><r:Alt><r:li>At home</r:li></r:Alt></dc:title>
<dc:creator><r:Seq>{creators}</r:Seq></dc:creator><dc:rights><r:Alt>{rights}</r:Alt></dc:rights>
</r:Description></r:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


PACKET = xmp(f"<r:li>{ARTIST}</r:li>", f"<r:li>{COPYRIGHT}</r:li><r:li>Alle Rechte</r:li>")
NAMES = {ExifTags.Base.Artist: ARTIST, ExifTags.Base.Copyright: COPYRIGHT}


def credit_of(directory: Path, data: bytes) -> list[dict[int, str]]:
    """Return what each variant says."""
    return [
        {tag: text(value) for tag, value in exif.items()}
        for exif in exif_of(directory, KEEPING, data)
    ]


def png_with_xmp(packet: bytes, *, packed: bool) -> bytes:
    notes = PngInfo()
    notes.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=packed)
    return encoded(photo(120, 90), "PNG", pnginfo=notes)


SOURCES = {
    "JPEG, IPTC": with_iptc(
        encoded(photo(120, 90), "JPEG"),
        iptc((105, b"At home"), (80, ARTIST.encode()), (116, COPYRIGHT.encode())),
    ),
    "JPEG, IPTC in Latin-1": with_iptc(
        encoded(photo(120, 90), "JPEG"),
        iptc((80, ARTIST.encode()), (116, COPYRIGHT.replace("—", "ü").encode("latin-1"))),
    ),
    "JPEG, XMP": encoded(photo(120, 90), "JPEG", xmp=PACKET),
    "WEBP, XMP": encoded(photo(120, 90), "WEBP", xmp=PACKET),
    "AVIF, XMP": encoded(photo(120, 90), "AVIF", xmp=PACKET),
    "TIFF, XMP": encoded(photo(120, 90), "TIFF", tiffinfo={700: PACKET}),
    "TIFF, IPTC": encoded(
        photo(120, 90),
        "TIFF",
        tiffinfo={33723: iptc((80, ARTIST.encode()), (116, COPYRIGHT.encode()))},
    ),
    "PNG, XMP": png_with_xmp(PACKET, packed=False),
    "PNG, packed XMP": png_with_xmp(PACKET, packed=True),
}


@pytest.mark.parametrize("source", SOURCES)
def test_names_of_agencies_are_kept_on_demand_and_nothing_else(tmp_path: Path, source: str) -> None:
    wanted = {
        tag: name.replace("—", "ü") if "Latin" in source else name for tag, name in NAMES.items()
    }
    assert credit_of(tmp_path, SOURCES[source]) == [wanted, wanted]
    for path in tmp_path.glob("w*"):
        assert b"At home" not in path.read_bytes()


def test_a_heic_from_an_agency_keeps_its_names(tmp_path: Path) -> None:
    assert credit_of(tmp_path, heic(photo(128, 96), xmp=PACKET)) == [NAMES, NAMES]


@pytest.mark.parametrize("prefix", [b"Exif\0\0", b""])
def test_a_heic_from_a_phone_keeps_its_names_and_neither_place_nor_camera(
    tmp_path: Path, prefix: bytes
) -> None:
    data = heic(photo(128, 96), exif=prefix + telling().tobytes().removeprefix(b"Exif\0\0"))
    assert b"A camera" in data
    for exif in exif_of(tmp_path, KEEPING, data):
        assert {tag: text(value) for tag, value in exif.items()} == NAMES
        assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert not any(dict(exif) for exif in exif_of(tmp_path, WEB, data))


def test_an_avif_keeps_its_names_as_well(tmp_path: Path) -> None:
    exif = telling()
    del exif[ExifTags.Base.Orientation]  # Pillow would write it and the names anew, in ASCII
    for found in exif_of(tmp_path, KEEPING, encoded(photo(120, 90), "AVIF", exif=exif.tobytes())):
        assert {tag: text(value) for tag, value in found.items()} == NAMES


@pytest.mark.parametrize("damaged", [b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0", b"\0"])
def test_damaged_exif_data_do_not_cost_a_heic_its_names_in_xmp(
    tmp_path: Path, damaged: bytes
) -> None:
    data = heic(photo(128, 96), exif=damaged, xmp=PACKET)
    assert credit_of(tmp_path, data) == [NAMES, NAMES]


def test_exif_goes_before_iptc_and_iptc_before_xmp_for_each_name(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "By EXIF"
    jpeg = encoded(photo(120, 90), "JPEG", exif=exif, xmp=PACKET)
    both = with_iptc(jpeg, iptc((80, b"By IPTC")))
    wanted = {ExifTags.Base.Artist: "By EXIF", ExifTags.Base.Copyright: COPYRIGHT}
    assert credit_of(tmp_path, both)[0] == wanted
    assert credit_of(tmp_path, with_iptc(jpeg, iptc((116, b"By IPTC"))))[0] == {
        ExifTags.Base.Artist: "By EXIF",
        ExifTags.Base.Copyright: "By IPTC",
    }


def test_several_makers_stand_in_one_line() -> None:
    assert by_lines_and_notice(iptc((80, b"A"), (80, b"B"))) == (["A", "B"], "")
    assert creators_and_rights(xmp("<r:li>A</r:li><r:li>B</r:li>", "")) == (["A", "B"], "")


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
FETCHING = '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "packet",
    [
        xmp("<r:li>&b;</r:li>", "", doctype=LAUGHS),
        xmp("<r:li>&b;</r:li>", "", doctype=FETCHING),
        xmp("<r:li>A</r:li>" * 50_000, ""),
        PACKET[:-60],
        b"\xff\xfe\0",
        b"",
    ],
)
def test_a_packet_that_means_harm_says_nothing_and_costs_nothing(
    tmp_path: Path, packet: bytes
) -> None:
    with pytest.raises(XmpRefused):
        creators_and_rights(packet)
    data = encoded(photo(120, 90), "WEBP", xmp=packet)
    assert credit_of(tmp_path, data) == [{}, {}]


def test_a_packet_that_unpacks_without_end_says_nothing(tmp_path: Path) -> None:
    bomb = png_with_xmp(PACKET + b" " * 5_000_000, packed=True)
    assert credit_of(tmp_path, bomb) == [{}, {}]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_cut_list_of_entries_says_what_is_whole(cut: int) -> None:
    data = iptc((80, b"Jane Doe"), (116, b"2025 A Supplier"))
    names, notice = by_lines_and_notice(data[:-cut])
    assert names in ([], ["Jane Doe"])
    assert notice == ""


@given(st.binary(max_size=300))
def test_any_bytes_can_be_taken_for_names(data: bytes) -> None:
    by_lines_and_notice(data)
    with suppress(XmpRefused):
        creators_and_rights(data)


def test_names_without_demand_are_not_kept(tmp_path: Path) -> None:
    assert not any(dict(exif) for exif in exif_of(tmp_path, WEB, SOURCES["JPEG, IPTC"]))


GENERATED = "trainedAlgorithmicMedia"
OF_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
# An element, an attribute of the description, an address: all three are in use.
MARKS = (
    "<d:Description><e:DigitalSourceType>{0}</e:DigitalSourceType></d:Description>",
    '<d:Description e:DigitalSourceType="{0}"/>',
    '<d:Description><e:DigitalSourceType d:resource="{0}"/></d:Description>',
)


def marked(form: str, value: str = OF_IPTC + GENERATED) -> bytes:
    """Return a packet that says how the image came to be, and where somebody lives."""
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:e="{EXTENSION}"'
        ' xmlns:d="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><d:RDF>'
        f'{form.format(value)}<d:Description x:home="At home"/></d:RDF></x:xmpmeta>'
    ).encode()


def packets_of(directory: Path, preset: Preset, data: bytes) -> list[bytes]:
    source = directory / "source"
    source.write_bytes(data)
    found = []
    for each in render(source, directory, preset, limits=LIMITS).variants:
        with Image.open(each.path) as image:
            image.load()
            packet = image.info.get("xmp", image.info.get("XML:com.adobe.xmp", b""))
            found.append(packet.encode() if isinstance(packet, str) else packet)
    return found


@pytest.mark.parametrize("form", MARKS)
def test_the_mark_of_a_generated_picture_is_kept_by_default(tmp_path: Path, form: str) -> None:
    data = encoded(photo(120, 90), "JPEG", xmp=marked(form))
    packets = packets_of(tmp_path, WEB, data)
    assert [digital_source_type(packet) for packet in packets] == [GENERATED, GENERATED]
    for path in tmp_path.glob("w*"):
        assert b"At home" not in path.read_bytes()


@pytest.mark.parametrize("written", ["JPEG", "WEBP", "AVIF", "PNG"])
def test_every_format_that_is_read_or_written_keeps_the_mark(tmp_path: Path, written: str) -> None:
    packet = marked(MARKS[0])
    cut_out = photo(120, 90).convert("RGBA")
    cut_out.putalpha(Image.radial_gradient("L").resize((120, 90)))
    data = encoded(photo(120, 90), written, xmp=packet)
    if written == "PNG":
        notes = PngInfo()
        notes.add_itxt("XML:com.adobe.xmp", packet.decode())
        data = encoded(cut_out, "PNG", pnginfo=notes)
    png = Encoding(ImageFormat.PNG, FixedQuality(100))
    preset = replace(WEB, encodings=(*WEB.encodings, png), boxes=WEB.boxes[-1:])
    packets = packets_of(tmp_path, preset, data)
    assert {digital_source_type(packet) for packet in packets} == {GENERATED}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Jane Doe",
        "https://evil.example/newscodes/digitalsourcetype/x",
        OF_IPTC + "a" * 100,
        OF_IPTC + "x&quot;/&gt;&lt;script",
    ],
)
def test_what_is_not_a_word_of_the_list_is_no_mark(tmp_path: Path, value: str) -> None:
    data = encoded(photo(120, 90), "JPEG", xmp=marked(MARKS[0], value))
    assert packets_of(tmp_path, WEB, data) == [b"", b""]
