"""An API for each module, on one database of its own where no worker changes anything."""

from collections.abc import Iterator

import pytest

from api.background import decoder_probe
from api.background.decoder_probe import DecoderProbe
from api.resources import ApiConfiguration
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tests.contract.api.support.running import Api, changed, configuration, running_api
from tests.integration.database.fresh import tabled_database

MAX_FILE_BYTES = 300_000
MAX_UPLOAD_BYTES = 700_000


@pytest.fixture(scope="session", autouse=True)
def _decoders_asked_once() -> Iterator[None]:
    """Every API asks a process of its own, which loads Pillow: all of the suite get one answer."""
    known: dict[str, str] = {}
    ask = DecoderProbe._run

    def remembered(probe: DecoderProbe) -> str:
        question = repr((decoder_probe._CHECK, probe._environment))
        if question not in known:
            known[question] = ask(probe)
        return known[question]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DecoderProbe, "_run", remembered)
        yield


@pytest.fixture(scope="session")
def configured(stack: Stack) -> Iterator[ApiConfiguration]:
    """The configuration of the suite's API; small limits where large ones cost time."""
    with tabled_database(stack.description.postgres_url) as url:
        limits = {"max_file_bytes": MAX_FILE_BYTES, "max_upload_bytes": MAX_UPLOAD_BYTES}
        yield changed(configuration(stack.description, url), api=limits)


@pytest.fixture(scope="module")
def api(configured: ApiConfiguration) -> Iterator[Api]:
    """It ends with its module: its threads would go on delivering, and log, beside other tests."""
    with running_api(configured) as serving:
        yield serving


@pytest.fixture
def rows(configured: ApiConfiguration) -> Iterator[Database]:
    """The API's database, for putting jobs into states."""
    with Database(DatabaseSettings(url=configured.database.url)) as opened:
        yield opened
