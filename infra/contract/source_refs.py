"""How an image's source is written: a normalised URL, or a reference to an uploaded file."""

_UPLOAD_SCHEME = "upload:"


def upload_source(sha256: str) -> str:
    """Return the `source_url` of an uploaded file."""
    return _UPLOAD_SCHEME + sha256


def uploaded_sha256(source_url: str) -> str | None:
    """Return the SHA-256 of the uploaded file, or None when the source is a URL."""
    if not source_url.startswith(_UPLOAD_SCHEME):
        return None
    return source_url.removeprefix(_UPLOAD_SCHEME)


def without_query(source: str) -> str:
    """Return a source as it is shown to who may not use it: a query often holds a signature."""
    address, separator, _ = source.partition("?")
    return f"{address}?…" if separator else source
