"""Reads an imported file from its first byte to its last, once, with flat memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from api.imports.build import RowRules, row_of
from api.imports.columns import Columns, FileRules
from api.imports.formats.archive import SIGNATURE, open_archive
from api.imports.formats.csv_records import csv_records
from api.imports.formats.encoding import Encoding, as_utf8
from api.imports.formats.feed_records import feed_records
from api.imports.formats.ndjson_records import ndjson_records
from api.imports.formats.xlsx_records import xlsx_records
from api.imports.formats.xml_events import refused
from api.imports.pictures import PictureRules, Pictures, parse_pattern
from api.imports.record import FileFacts, FileKind, Record
from api.schemas.batches import ReadColumn, ReadFile
from api.schemas.submissions import UrlRules
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ApiSettings, ImportSettings
from tasks.imports.row import BadRow, Row

_MAX_IGNORED = 200
_BOM = b"\xef\xbb\xbf"
_OLE = b"\xd0\xcf\x11\xe0"
_GZIP = b"\x1f\x8b"
_XML_BEGINS = (b"<", "<".encode("utf-16-le"), "<".encode("utf-16-be"))
_NOT_UTF8 = (
    "The file is not UTF-8 and was read as Windows-1252. Check letters such as ä, é and € in the "
    "preview; save the file as UTF-8 if they are wrong."
)
_NO_CURRENCY = "Prices are not read, as the file names no currency. Send currency=EUR, for example."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold."""

    api: ApiSettings
    imports: ImportSettings
    rules: UrlRules
    heic: bool = False


class FileReader:
    """A file whose format is known; `facts` are complete once all of its rows were read."""

    def __init__(
        self, file: BinaryIO, facts: FileFacts, rules: FileRules, *, limits: Limits
    ) -> None:
        self.facts = facts
        self.pictures: Pictures | None = None
        """The pictures of an archive, None for a file with records."""
        self._file, self._rules, self._limits = file, rules, limits
        if facts.kind is FileKind.ZIP:
            picture_rules = PictureRules(
                pattern=parse_pattern(rules.pattern),
                max_file_bytes=limits.api.max_file_bytes,
                max_unpacked_bytes=limits.imports.max_unpacked_bytes,
                heic=limits.heic,
            )
            self.pictures = Pictures(file, picture_rules, facts)
            facts.pattern = picture_rules.pattern.shown

    def rows(self) -> Iterator[Row]:
        """Yield every row in the order of the file.

        Raises `Rejected` (422) for what makes the whole file useless: its encoding, its header,
        more rows than allowed, or none.
        """
        most, count = self._limits.imports.max_rows, 0
        above: str | None = None
        lost_prices = False
        rules: RowRules | None = None
        records = self._records() if self.pictures is None else self.pictures.rows()
        for record in records:
            count += 1
            if count > most:
                raise _wrong_number(f"The file has more than {most} rows. Import it in parts.")
            if not isinstance(record, Record):
                yield record
                continue
            columns = self.facts.columns
            if columns.continues:
                record, above = _continued(record, above)  # noqa: PLW2901 - the same record, complete
            if rules is None:
                has_profile = columns.profile is not None
                rules = RowRules(self._limits.api, self._limits.rules, self._rules, has_profile)
            lost_prices = lost_prices or (rules.has_profile and _loses_price(record, self._rules))
            yield row_of(record, rules)
        if lost_prices:
            self.facts.warnings.append(_NO_CURRENCY)
        if not count:
            raise _wrong_number("The file has no rows.")

    def shown(self) -> ReadFile:
        """Return what is known of the file, after all of its rows were read."""
        facts, columns = self.facts, self.facts.columns
        return ReadFile(
            format=facts.kind,
            encoding=facts.encoding,
            delimiter=facts.delimiter,
            sheet=facts.sheet,
            pattern=facts.pattern,
            profile=None if columns.profile is None else columns.profile.name,
            columns=[ReadColumn(column=name, field=field) for name, field in columns.read.items()],
            ignored_columns=list(columns.ignored)[:_MAX_IGNORED],
            warnings=facts.remarks(),
        )

    def _records(self) -> Iterator[Record | BadRow]:
        file, rules, facts = self._file, self._rules, self.facts
        if facts.kind is FileKind.XLSX:
            most = self._limits.imports.max_unpacked_bytes
            return xlsx_records(file, rules, facts, max_unpacked_bytes=most)
        if facts.kind is FileKind.FEED:
            return feed_records(file, rules, facts)
        read = ndjson_records if facts.kind is FileKind.NDJSON else csv_records
        return read(file, rules, facts)


@contextmanager
def open_reader(
    file: BinaryIO, told: FileKind | None, rules: FileRules, *, limits: Limits
) -> Iterator[FileReader]:
    """Yield a reader for a file; its bytes say what it is, else `told`, what its sender says.

    Raises `Rejected` (422) for a kind of file that is not read.
    """
    file.seek(0)
    begins = file.read(512)
    file.seek(0)
    if begins.startswith(_OLE):
        raise refused("It is an old or protected Excel file. Save it as .xlsx without password.")
    if begins.startswith(_GZIP):
        raise refused("The file is packed with gzip. Send it unpacked.")
    columns = Columns(rules)
    if begins.startswith(SIGNATURE):
        with open_archive(file, limits.imports.max_unpacked_bytes) as archive:
            is_workbook = any(info.filename.startswith("xl/") for info in archive.files)
        kind = FileKind.XLSX if is_workbook else FileKind.ZIP
        yield FileReader(file, FileFacts(kind, columns), rules, limits=limits)
        return
    begins = begins.removeprefix(_BOM).removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if begins.lstrip().startswith(_XML_BEGINS):
        yield FileReader(file, FileFacts(FileKind.FEED, columns), rules, limits=limits)
        return
    decoded = as_utf8(file)
    try:
        if told not in (FileKind.CSV, FileKind.NDJSON):
            is_json = decoded.file.read(64).removeprefix(_BOM).lstrip().startswith(b"{")
            decoded.file.seek(0)
            told = FileKind.NDJSON if is_json else FileKind.CSV
        facts = FileFacts(told, columns, encoding=decoded.encoding)
        if decoded.encoding is Encoding.WINDOWS_1252:
            facts.warnings.append(_NOT_UTF8)
        yield FileReader(decoded.file, facts, rules, limits=limits)
    finally:
        if decoded.file is not file:
            decoded.file.close()


def _continued(record: Record, above: str | None) -> tuple[Record, str | None]:
    """Give a record without sku that of the one above it."""
    sku = record.values.get("sku")
    if sku is not None and str(sku).strip():
        return record, str(sku)
    if above is None:
        return record, None
    return Record(record.line, {**record.values, "sku": above}, record.names), above


def _loses_price(record: Record, rules: FileRules) -> bool:
    price = record.values.get("price")
    told = rules.currency is not None or "currency" in record.values
    return price is not None and not told and not any(map(str.isalpha, str(price)))


def _wrong_number(detail: str) -> Rejected:
    return Rejected(422, ErrorCode.TOO_MANY_ROWS, detail)
