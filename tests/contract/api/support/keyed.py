"""An API on a database of its own, where a test may make keys without shutting the others out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from api.resources import ApiConfiguration
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tasks.keys.change import IssuedKey, create_key
from tests.contract.api.support.running import Api, changed, configuration, running_api
from tests.integration.database.fresh import tabled_database


@dataclass(frozen=True)
class Keyed:
    """The API, and what it works with."""

    api: Api
    database: Database
    configured: ApiConfiguration

    def issue(self, scope: Scope) -> IssuedKey:
        """Make a key."""
        return create_key(self.database, name=f"{scope} of a test", scope=scope)


def bearer(key: IssuedKey | str) -> dict[str, str]:
    """Return the header that shows a key."""
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key.text}"}


@contextmanager
def keyed_api(stack: Stack, **sections: Mapping[str, object]) -> Iterator[Keyed]:
    """Serve on an empty, migrated database, alone; `sections` replace settings."""
    with tabled_database(stack.description.postgres_url) as url:
        configured = changed(configuration(stack.description, url), **sections)
        with (
            Database(DatabaseSettings(url=configured.database.url)) as database,
            running_api(configured) as serving,
        ):
            yield Keyed(serving, database, configured)
