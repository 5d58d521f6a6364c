"""The rows of a file between reading and writing: in temporary files, ready for COPY.

So a file is read once with flat memory, nothing is written before all of it was read, and the
transaction that writes it is short. Rows of one product are merged in their order, however far
apart they stand: of each row only its place in the file and the next row of its product stay in
memory.
"""

import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from infra.contract.errors import ErrorCode
from infra.db.copy import copy_line
from tasks.imports.row import BadRow, GoodRow, Row, RowProblem

MAX_PROBLEMS = 100
MAX_PREVIEW = 5
COLUMNS = ("batch_id", "line", "sku", "content", "error_code", "error_detail")
_MAX_DETAIL_CHARACTERS = 2_000
_DIGEST_BYTES = 12  # a mark of a product, so that long names cost no more memory than short ones
_LAST = -1


@dataclass(frozen=True, slots=True)
class Preview:
    """A product as it would be written; `line` is where its first row begins."""

    line: int
    sku: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a file holds: rows, how many of them are good and bad, and what the good ones make.

    `problems` and `preview` are the first ones.
    """

    rows: int
    accepted: int
    rejected: int
    products: int
    jobs: int
    problems: tuple[RowProblem, ...]
    preview: tuple[Preview, ...] = ()


@dataclass(slots=True)
class _Kept:
    """A row as it waits: a good one has content, a bad one an error."""

    line: int
    sku: str | None
    group: str | None
    content: str | None
    code: str | None = None
    detail: str | None = None


class Spool:
    """Takes rows, merges them, then gives them back as lines.

    Use it in a `with`: leaving it deletes them. `images` is how many a product may have at once.
    """

    def __init__(self, batch_id: UUID, *, images: int = 100) -> None:
        self.batch_id = batch_id
        self._images = images
        self._file = TemporaryFile(prefix="product-images-import-", buffering=1 << 16)  # noqa: SIM115 - closed by __exit__
        self._merged = TemporaryFile(prefix="product-images-import-", buffering=1 << 16)  # noqa: SIM115 - closed by __exit__
        self._places = array("Q")  # of each row in the file, in bytes
        self._next = array("l")  # the next row of the same product
        self._firsts: dict[bytes, int] = {}
        self._lasts: dict[int, int] = {}  # by the first row, of products with several
        self._written_bytes = 0
        self._problems: list[RowProblem] = []
        self._preview: list[Preview] = []
        self._accepted = self._rejected = self._products = self._jobs = 0
        self._has_groups = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._merged.close()

    def add(self, row: Row) -> None:
        """Keep one row."""
        if isinstance(row, BadRow):
            self._tell(row.problems)
            told = (f"{p.column}: {p.detail}" if p.column else p.detail for p in row.problems)
            detail = " ".join(told).replace("\x00", "")[:_MAX_DETAIL_CHARACTERS]
            kept = _Kept(row.line, row.sku, row.group, None, row.problems[0].code, detail)
        else:
            kept = _Kept(row.line, row.sku, row.group, json.dumps(row.content))
        number = len(self._places)
        self._places.append(self._written_bytes)
        self._next.append(_LAST)
        values = (kept.line, kept.sku, kept.group, kept.content, kept.code, kept.detail)
        self._written_bytes += self._file.write(json.dumps(values).encode() + b"\n")
        self._has_groups = self._has_groups or row.group is not None
        # A bad row without a group says nothing about other rows; one of a group may have its sku.
        if isinstance(row, GoodRow) or row.group is not None:
            first = self._firsts.setdefault(_mark(row.sku, row.group), number)
            if first != number:
                self._next[self._lasts.get(first, first)] = number
                self._lasts[first] = number

    def merge(self) -> Tally:
        """Merge the rows of each product; return what the file holds. Call it once, at the end."""
        self._file.flush()
        follows = bytearray(len(self._places))
        for number in self._next:
            if number != _LAST:
                follows[number] = 1
        skus: dict[bytes, int] = {}
        for number in range(len(self._places)):
            if not follows[number]:
                self._merge_rows(self._rows_from(number), skus)
        self._merged.flush()
        return self.tally

    @property
    def tally(self) -> Tally:
        """Count what was merged."""
        return Tally(
            rows=len(self._places),
            accepted=self._accepted,
            rejected=self._rejected,
            products=self._products,
            jobs=self._jobs,
            problems=tuple(sorted(self._problems, key=lambda problem: problem.line)),
            preview=tuple(self._preview),
        )

    def lines(self) -> Iterator[bytes]:
        """Yield all rows, merged, from the first one on."""
        self._merged.seek(0)
        yield from self._merged

    def _rows_from(self, number: int) -> list[_Kept]:
        """Return a row and those of its product that follow."""
        rows = []
        while number != _LAST:
            self._file.seek(self._places[number])
            rows.append(_Kept(*json.loads(self._file.readline())))
            number = self._next[number]
        return rows

    def _merge_rows(self, rows: list[_Kept], skus: dict[bytes, int]) -> None:
        """Write the product of these rows, and the bad ones among them."""
        sku = next((row.sku for row in rows if row.sku), rows[0].group)
        for row in rows:
            if row.content is None:
                self._reject(row)
        good = [row for row in rows if row.content is not None]
        if not good:
            return
        if self._has_groups:
            line = skus.setdefault(_mark(sku, None), good[0].line)
            if line != good[0].line:
                told = f"The sku {(sku or '')[:60]!r} names another product, in line {line}."
                for row in good:
                    self._refuse(row, sku, code=ErrorCode.DUPLICATE_SKU, detail=told)
                return
        if len(good) == 1:
            self._accept(_Kept(good[0].line, sku, None, good[0].content), rows=1)
            return
        merged, taken = json.loads(good[0].content or ""), 1
        for row in good[1:]:
            if _merge_into(merged, json.loads(row.content or ""), self._images):
                taken += 1
            else:
                told = f"The rows of this product have more than {self._images} images together."
                self._refuse(row, sku, code=ErrorCode.TOO_MANY_URLS, detail=told)
        merged["rows"] = taken
        self._accept(_Kept(good[0].line, sku, None, json.dumps(merged)), rows=taken)

    def _accept(self, row: _Kept, *, rows: int) -> None:
        content = row.content or "{}"
        self._accepted += rows
        self._products += 1
        self._jobs += '"images": []' not in content or bool(json.loads(content)["images"])
        if len(self._preview) < MAX_PREVIEW:
            self._preview.append(Preview(row.line, row.sku or "", json.loads(content)))
        self._write(row)

    def _refuse(self, row: _Kept, sku: str | None, *, code: ErrorCode, detail: str) -> None:
        """Reject a row that was good by itself."""
        self._tell((RowProblem(row.line, None, code, detail),))
        self._reject(_Kept(row.line, sku, None, None, code, detail))

    def _reject(self, row: _Kept) -> None:
        self._rejected += 1
        self._write(row)

    def _tell(self, problems: tuple[RowProblem, ...]) -> None:
        self._problems += problems[: MAX_PROBLEMS - len(self._problems)]

    def _write(self, row: _Kept) -> None:
        values = (str(self.batch_id), str(row.line), row.sku, row.content, row.code, row.detail)
        self._merged.write(copy_line(values))


def _mark(sku: str | None, group: str | None) -> bytes:
    """Return a mark of the product that a row belongs to."""
    name = f"s{sku}" if group is None else f"g{group}"
    return blake2b(name.encode(), digest_size=_DIGEST_BYTES).digest()


def _merge_into(merged: dict[str, Any], more: dict[str, Any], most: int) -> bool:
    """Add what a later row says and earlier ones did not; False when that is too many images."""
    images = {image["url"]: image for image in merged["images"]}
    for image in more["images"]:
        known = images.setdefault(image["url"], image)
        if "alt" in image:
            known.setdefault("alt", image["alt"])
    if len(images) > most:
        return False
    merged["images"] = list(images.values())
    merged["fields"] = more["fields"] | merged["fields"]
    metadata = more.get("metadata", {}) | merged.get("metadata", {})
    if metadata:
        merged["metadata"] = metadata
    return True
