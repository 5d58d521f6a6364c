"""Says at the start of the API, in one line, who may call it."""

import structlog

from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Database
from infra.loopback import is_loopback
from infra.settings.sections import ApiSettings
from tasks.keys.grant import keys_exist

log = structlog.get_logger(__name__)


def announce_access(database: Database, settings: ApiSettings) -> None:
    """Log the line; without the database too, whose absence stops no start."""
    host, advice = settings.host, "product-images keys create --name NAME --scope write"
    try:
        guarded = keys_exist(database)
    except ServiceUnavailable as exc:
        log.warning("access is decided when the database answers", host=host, code=exc.code)
        return
    if guarded:
        log.info("API keys are required", host=host)
    elif not settings.open:
        log.info(
            "no API key exists: open to callers on this machine only",
            host=host,
            advice=advice,
        )
    elif is_loopback(host):
        log.info("no API key exists and API_OPEN is set: open to all on this address", host=host)
    else:
        log.warning(
            "no API key exists and API_OPEN is set: open to all callers who reach API_HOST",
            host=host,
            advice=advice,
        )
