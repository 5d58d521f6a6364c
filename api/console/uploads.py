"""Keeps the file of a form for as long as a use case needs it."""

from pathlib import Path
from shutil import copyfileobj

from starlette.datastructures import FormData, UploadFile


def kept_file(form: FormData, directory: Path) -> Path | None:
    """Copy the form's file into a directory; return None when no file was chosen."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return None
    file = directory / "0"
    with file.open("wb") as target:
        copyfileobj(upload.file, target)
    return file
