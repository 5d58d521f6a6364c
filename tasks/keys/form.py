"""How a key looks: `pi_<id>_<secret><checksum>`. Knows no database.

The id is public and names the key in lists. The secret has 256 bits from the system's generator.
The checksum (CRC-32, in base 62) tells a mistyped or cut key from a real one without asking
anybody, and lets scanners of leaked secrets recognise ours.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass
from hashlib import sha256

from infra.db.models.keys import KEY_ID_CHARACTERS

_ID_ALPHABET = string.digits + string.ascii_lowercase
_ALPHABET = string.digits + string.ascii_letters
_SECRET_CHARACTERS = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_CHARACTERS = 6  # 62 ** 6 > 2 ** 32
_ID = f"[0-9a-z]{{{KEY_ID_CHARACTERS}}}"
_FORM = re.compile(
    rf"(?P<checked>pi_(?P<id>{_ID})_[0-9A-Za-z]{{{_SECRET_CHARACTERS}}})"
    rf"(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_CHARACTERS}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A well-formed key as the database knows it: nothing here opens anything."""

    id: str
    hash: str


@dataclass(frozen=True, slots=True)
class ProvedKey:
    """A key that its holder has shown before: a signed session names its id."""

    id: str


Credential = PresentedKey | ProvedKey


def new_key() -> str:
    """Return a fresh key; this is the only time that its text exists."""
    identity = "".join(secrets.choice(_ID_ALPHABET) for _ in range(KEY_ID_CHARACTERS))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))
    checked = f"pi_{identity}_{secret}"
    return checked + _checksum(checked)


def parse_key(text: str) -> PresentedKey | None:
    """Return the key's id and hash, or None when the text cannot be a key.

    SHA-256 once, without salt or stretching: those slow down guessing of passwords, and nobody
    guesses 256 random bits. A slow hash would only make every request slower.
    """
    match = _FORM.fullmatch(text)
    if match is None or _checksum(match["checked"]) != match["checksum"]:
        return None
    return PresentedKey(id=match["id"], hash=sha256(text.encode()).hexdigest())


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
