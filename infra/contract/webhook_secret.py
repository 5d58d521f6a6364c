"""The secret that a receiver shares with us, in the spelling of Standard Webhooks.

It must not know who owns it, and it never appears in an error.
"""

import base64
import binascii
import secrets
from contextlib import suppress

_PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64
_NEW_BYTES = 32


def new_secret() -> str:
    """Return a fresh secret, `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode("ascii")


def require_secret(text: str) -> str:
    """Return the secret; raise `ValueError` unless it is `whsec_` and base64 of 24 to 64 bytes."""
    secret = b""
    with suppress(binascii.Error, ValueError):
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    if not text.startswith(_PREFIX) or not _MIN_BYTES <= len(secret) <= _MAX_BYTES:
        raise ValueError(f"must be {_PREFIX} and then {_MIN_BYTES} to {_MAX_BYTES} bytes in base64")
    return text
