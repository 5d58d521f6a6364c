"""How the fetch tests fetch: small limits, one file, and nothing left after a failure."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from infra.contract.errors import ProductImagesError
from infra.fetch.fetcher import Fetched, Fetcher
from infra.settings.sections import FetchSettings
from tests.integration.fetch.hostile_server import Answer, HostileServer

Serve = Callable[[Mapping[str, Answer]], HostileServer]


def settings(**changes: object) -> FetchSettings:
    """Return limits that only a test of theirs reaches, with loopback open."""
    limits: dict[str, object] = {
        "allowed_private_hosts": ("127.0.0.1",),
        "connect_timeout_seconds": 20,
        "read_timeout_seconds": 20,
        "total_timeout_seconds": 20,
        "max_bytes": 200_000,
        "max_redirects": 3,
    }
    return FetchSettings.model_validate(limits | changes)


class Fetches:
    """Fetches into one file with a fetcher that the test may replace."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.fetcher = Fetcher(settings())

    def __call__(self, url: str) -> Fetched:
        return self.fetcher.fetch(url, self.target)

    def failure(self, url: str) -> ProductImagesError:
        """Return the error that the fetch must end with; nothing may be left of it."""
        with pytest.raises(ProductImagesError) as caught:
            self(url)
        assert not self.target.exists()
        return caught.value
