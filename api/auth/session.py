"""The console's session: a signed cookie that names an API key's id, never the key.

Nothing is stored: each process of the API signs and checks with the same secret. A session ends at
its time, when its key is revoked or expires, and when the person signs out in this browser.
"""

import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.types import Scope

from infra.settings.sections import ConsoleSettings, StoreSettings
from tasks.keys.form import ProvedKey

CONSOLE_PATH = "/console"
STATIC_PATH = f"{CONSOLE_PATH}/static/"
SIGN_IN_PATH = f"{CONSOLE_PATH}/sign-in"
SIGN_OUT_PATH = f"{CONSOLE_PATH}/sign-out"
COOKIE = "product_images_console"

_PURPOSE = b"product-images console session"
_NOBODY = "-"
_NONCE_BYTES = 18
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session; `key_id` is None before signing in, and while no key is needed.

    `text` is the cookie's value, `csrf` what each form of the session sends along.
    """

    key_id: str | None
    text: str
    csrf: str

    @property
    def proved(self) -> ProvedKey | None:
        """The key that was shown when the session began."""
        return None if self.key_id is None else ProvedKey(self.key_id)


class Sessions:
    """Begins and recognises sessions."""

    def __init__(self, settings: ConsoleSettings, store: StoreSettings) -> None:
        chosen = settings.secret and settings.secret.get_secret_value()
        # Every process of an installation knows the store's secret, and nobody else does.
        secret = chosen or store.secret_key
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
        self.seconds = round(settings.session_hours * _SECONDS_PER_HOUR)

    def begin(self, key_id: str | None = None) -> Session:
        """Return a new session."""
        ends_at = int(time.time()) + self.seconds
        content = f"{key_id or _NOBODY}.{ends_at}.{secrets.token_urlsafe(_NONCE_BYTES)}"
        return self._session(key_id, f"{content}.{self._sign('session', content)}")

    def read(self, text: str) -> Session | None:
        """Return the session of a cookie, or None when it was not signed here or has ended."""
        content, _, signature = text.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", content).encode()):
            return None
        key_id, ends_at, _ = content.split(".", 2)
        if time.time() >= int(ends_at):
            return None
        return self._session(None if key_id == _NOBODY else key_id, text)

    def of(self, connection: Scope) -> Session | None:
        """Return the session that a request shows, if it is one."""
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(Headers(scope=connection).get("cookie", ""))
        except CookieError:
            return None
        morsel = cookie.get(COOKIE)
        return None if morsel is None else self.read(morsel.value)

    def _session(self, key_id: str | None, text: str) -> Session:
        return Session(key_id, text, csrf=self._sign("form", text))

    def _sign(self, purpose: str, content: str) -> str:
        return hmac.new(self._key, f"{purpose} {content}".encode(), sha256).hexdigest()


def is_console(path: str) -> bool:
    """Whether a path is one of the console's, where sessions count."""
    return path == CONSOLE_PATH or path.startswith(f"{CONSOLE_PATH}/")
