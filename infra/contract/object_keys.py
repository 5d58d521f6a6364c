"""Keys of stored objects. Content-addressed: writing one twice is harmless."""

import re
from dataclasses import dataclass

PUBLIC_PREFIX = "variants/"
"""What is public; all else is for the project's own processes."""

ORIGINAL_PREFIX = "originals/"

PROBE_PREFIX = "probes/"
"""What probes write and remove at once; a killed process may leave one behind."""

_ORIGINAL = re.compile(r"originals/(?P<sha256>[0-9a-f]{64})\.[a-z0-9]+", re.ASCII)
_VARIANT = re.compile(
    r"variants/(?P<sha256>[0-9a-f]{64})/(?P<fingerprint>[^/]+)/[^/]+\.[a-z0-9]+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Folder:
    """What belongs together: an original, or its variants under a policy."""

    sha256: str
    fingerprint: str | None = None

    @property
    def path(self) -> str:
        """Return the beginning that the keys of its objects share."""
        if self.fingerprint is None:
            return ORIGINAL_PREFIX + self.sha256
        return f"{PUBLIC_PREFIX}{self.sha256}/{self.fingerprint}"


def folder_of(key: str) -> Folder | None:
    """Return where an object lies, or None when its key has not the form of ours."""
    if original := _ORIGINAL.fullmatch(key):
        return Folder(original["sha256"])
    if variant := _VARIANT.fullmatch(key):
        return Folder(variant["sha256"], variant["fingerprint"])
    return None


def original_key(sha256: str, extension: str) -> str:
    """Return the key of a supplier's file; `extension` without the dot."""
    return f"{ORIGINAL_PREFIX}{sha256}.{extension}"


def variant_key(*, original_sha256: str, fingerprint: str, name: str, extension: str) -> str:
    """Return the key of a variant of an original under a policy."""
    return f"{PUBLIC_PREFIX}{original_sha256}/{fingerprint}/{name}.{extension}"


def asset_url(base_url: str, key: str) -> str:
    """Return the public URL of an object; `base_url` has no trailing slash."""
    return f"{base_url}/{key}"
