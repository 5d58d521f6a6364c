"""Reads a source URL once, strictly, so that no second parser can read it differently.

What comes out is pure ASCII and in one spelling: equal URLs have equal texts. It must not know
which addresses are allowed; that is decided when the host is resolved. It imports fast, because
the API checks the URLs of a request with it.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from infra.fetch.safety.host import bad_url, normalised_host

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_CHARACTERS = 2048

_MAX_PORT = 65535
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\\]")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?(#.*)?",
    re.ASCII | re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(:(?P<port>[0-9]{0,5}))?", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)

# What stands for itself, as browsers have it; an existing % is kept, so that nothing is
# encoded twice and signed URLs stay as they are.
_KEPT_IN_PATH = "%/!$&'()*+,;=:@[]|"
_KEPT_IN_QUERY = "%/!$&()*+,;=:@[]|?^`{}"


@dataclass(frozen=True, slots=True)
class SourceUrl:
    """A usable http(s) URL in its parts; `host` as `normalised_host` gives it."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None = None

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: the value of a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query: what the request line names."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def text(self) -> str:
        """The whole URL, normalised, pure ASCII, without fragment."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def __str__(self) -> str:
        return self.text

    def join(self, reference: str, *, max_characters: int = MAX_CHARACTERS) -> "SourceUrl":
        """Return the URL that a redirect from here names; raise `FetchRefused`."""
        origin = f"{self.scheme}://{self.authority}"
        if _SCHEME.match(reference):
            absolute = reference
        elif reference.startswith("//"):
            absolute = f"{self.scheme}:{reference}"
        elif reference.startswith("/"):
            absolute = origin + reference
        elif reference.startswith("?"):
            absolute = origin + self.path + reference
        elif not reference or reference.startswith("#"):
            absolute = self.text
        else:
            absolute = f"{origin}{self.path.rpartition('/')[0]}/{reference}"
        return parse_source_url(absolute, max_characters=max_characters)


def parse_source_url(text: str, *, max_characters: int = MAX_CHARACTERS) -> SourceUrl:
    """Read a URL; raise `FetchRefused` with the code `bad_url` when it is not usable.

    The limit holds for the text as given and as normalised, which may be longer. Plain spaces
    in path and query are encoded, as browsers do; other white space is refused.
    """
    if len(text) > max_characters:
        raise bad_url(f"The URL is longer than {max_characters} characters.")
    if _FORBIDDEN.search(text):
        raise bad_url("The URL contains a backslash or a character that cannot be printed.")
    if text != text.strip():
        raise bad_url("The URL starts or ends with white space.")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise bad_url("The URL must start with http:// or https://.")
    if "@" in parts["authority"]:
        raise bad_url("The URL must not contain a user name or password.")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise bad_url("The URL's host or port is not valid.")
    scheme = parts["scheme"].lower()
    port = int(authority["port"] or DEFAULT_PORTS[scheme])
    if not 1 <= port <= _MAX_PORT:
        raise bad_url(f"The URL's port is not between 1 and {_MAX_PORT}.")
    host = normalised_host(authority["host"])
    query = None if parts["query"] is None else quote(parts["query"], safe=_KEPT_IN_QUERY)
    path = quote(_without_dots(parts["path"] or "/"), safe=_KEPT_IN_PATH)
    url = SourceUrl(scheme, host, port, path=path, query=query)
    if len(url.text) > max_characters:
        raise bad_url(f"The URL in ASCII is longer than {max_characters} characters.")
    return url


def _without_dots(path: str) -> str:
    """Resolve `.` and `..`, as every client does before it asks."""
    kept: list[str] = []
    *folders, last = path.split("/")[1:]
    for segment in (*folders, "" if last in (".", "..") else last):
        if segment != ".":
            kept.append(segment)
        if segment == "..":
            del kept[-2:]
    if last == "..":
        del kept[-2:-1]
    return "/" + "/".join(kept)
