"""Reads a multipart form while it arrives, with a bound on its fields and on each file."""

from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from infra.contract.errors import ErrorCode, Rejected


@dataclass(frozen=True, slots=True)
class FormLimits:
    """What a form may hold: `field_bytes` all fields together, `file_bytes` each file."""

    files: int
    file_bytes: int
    fields: int
    field_bytes: int


class _BoundedParser(MultiPartParser):
    """Refuses what is too large before it is kept, in memory or on disk."""

    def __init__(self, request: Request, limits: FormLimits) -> None:
        super().__init__(
            request.headers,
            request.stream(),
            max_files=limits.files,
            max_fields=limits.fields,
            max_part_size=limits.field_bytes,
        )
        self._limits = limits
        self._field_bytes = 0
        self._file_bytes = 0

    def on_part_begin(self) -> None:
        """Begin a field or a file."""
        super().on_part_begin()
        self._file_bytes = 0

    def on_headers_finished(self) -> None:
        """Count the names, which are kept as well."""
        super().on_headers_finished()
        if self._current_part.file is None:
            self._count_field(len(self._current_part.field_name.encode()))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a field or a file. Raises `Rejected` (413)."""
        upload = self._current_part.file
        if upload is None:
            self._count_field(end - start)
        else:
            self._file_bytes += end - start
            if self._file_bytes > self._limits.file_bytes:
                raise _too_large(
                    f"{(upload.filename or '')[:200]!r} has more than the "
                    f"{self._limits.file_bytes} bytes that are allowed for a file."
                )
        super().on_part_data(data, start, end)

    def _count_field(self, size: int) -> None:
        self._field_bytes += size
        most = self._limits.field_bytes
        if self._field_bytes > most:
            raise _too_large(f"The form's fields have more than {most} bytes together.")


async def read_form(request: Request, limits: FormLimits) -> FormData:
    """Return the form, which has to be closed. Raises `Rejected` (400, 413)."""
    try:
        return await _BoundedParser(request, limits).parse()
    except MultiPartException as exc:
        raise Rejected(400, ErrorCode.INVALID_REQUEST, f"Broken form: {exc.message}.") from exc


def _too_large(detail: str) -> Rejected:
    return Rejected(413, ErrorCode.BODY_TOO_LARGE, detail)
