"""Prepares the bucket: `python -m infra.bucket`.

For a store whose bucket is not prepared otherwise. Creates it and makes the variants, and only
them, readable without credentials. Safe to repeat. Works with every store that knows S3's
bucket policies; the keys in use must be allowed to set them.
"""

import sys

import structlog

from infra.contract.errors import ServiceUnavailable
from infra.contract.object_keys import PUBLIC_PREFIX
from infra.logs import configure_logs
from infra.objectstore import ObjectStore
from infra.settings.sections import SettingsError, StoreSettings

log = structlog.get_logger(__name__)


def main() -> None:
    """Prepare the configured bucket, or say why not."""
    configure_logs()
    try:
        settings = StoreSettings.load()
        with ObjectStore(settings) as store:
            store.prepare(PUBLIC_PREFIX)
    except (SettingsError, ServiceUnavailable) as exc:
        sys.exit(str(exc))
    log.info("bucket is ready", bucket=settings.bucket, public=PUBLIC_PREFIX)


if __name__ == "__main__":
    main()
