"""The operator's choice of source hosts: which may be fetched from, and which never.

An entry is a host, or `.example.com` (also `*.example.com`) for a domain with all names below it.
Whether an address is safe is decided elsewhere, and not softened here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from infra.contract.errors import ErrorCode, FetchRefused
from infra.fetch.safety.host import literal_address, normalised_host
from infra.fetch.safety.source_url import SourceUrl
from infra.settings.sections import SettingsError


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One entry: a normalised host, alone or with all names below it."""

    host: str
    with_names_below: bool = False

    def covers(self, host: str) -> bool:
        """Whether the normalised host is meant."""
        return host == self.host or (self.with_names_below and host.endswith(f".{self.host}"))


@dataclass(frozen=True, slots=True)
class HostLists:
    """Both lists; with no allowed host, every host that is not denied is allowed."""

    allowed: tuple[HostEntry, ...] = ()
    denied: tuple[HostEntry, ...] = ()

    @classmethod
    def parse(cls, allowed: Iterable[str], denied: Iterable[str]) -> "HostLists":
        """Read both lists; raise `SettingsError` naming the variable and the entry."""
        return cls(
            tuple(_entry("FETCH_ALLOWED_HOSTS", text) for text in allowed),
            tuple(_entry("FETCH_DENIED_HOSTS", text) for text in denied),
        )

    def check(self, url: SourceUrl) -> None:
        """Raise `FetchRefused` with the code `host_not_allowed` unless the URL's host may serve."""
        if any(entry.covers(url.host) for entry in self.denied):
            raise _refused(f"{url.host} is among the hosts that are never fetched from.")
        if self.allowed and not any(entry.covers(url.host) for entry in self.allowed):
            raise _refused(f"{url.host} is not among the hosts that may be fetched from.")


def _refused(detail: str) -> FetchRefused:
    return FetchRefused(ErrorCode.HOST_NOT_ALLOWED, detail)


def _entry(variable: str, text: str) -> HostEntry:
    name = text.removeprefix("*")
    is_suffix = name.startswith(".")
    try:
        bracketed = f"[{name}]" if ":" in name and not name.startswith("[") else name
        host = normalised_host(bracketed.removeprefix("."))
    except FetchRefused as exc:
        raise _malformed(variable, text) from exc
    if (name != text and not is_suffix) or (is_suffix and literal_address(host) is not None):
        raise _malformed(variable, text)
    return HostEntry(host, with_names_below=is_suffix)


def _malformed(variable: str, text: str) -> SettingsError:
    return SettingsError(
        f"{variable} is wrong: {text!r} is not a host without port, or a domain like .example.com."
    )
