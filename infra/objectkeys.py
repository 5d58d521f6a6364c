"""Keys of stored objects. Content-addressed: writing one twice is harmless."""

PUBLIC_PREFIX = "variants/"
"""What everybody may read; all else is for the project's own processes."""


def original_key(sha256: str, extension: str) -> str:
    """Return the key of a supplier's file; `extension` without the dot."""
    return f"originals/{sha256}.{extension}"


def variant_key(*, original_sha256: str, fingerprint: str, name: str, extension: str) -> str:
    """Return the key of a variant of an original under a policy."""
    return f"{PUBLIC_PREFIX}{original_sha256}/{fingerprint}/{name}.{extension}"


def asset_url(base_url: str, key: str) -> str:
    """Return the public URL of an object; `base_url` has no trailing slash."""
    return f"{base_url}/{key}"
