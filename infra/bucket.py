"""Prepares the bucket: `python -m infra.bucket`.

For a store whose bucket is not prepared otherwise. Creates it and, unless S3_SET_POLICY is false,
makes the variants, and only them, readable without credentials. Safe to repeat. Works with every
store that knows S3's bucket policies; the keys in use must be allowed to set them.
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
            if settings.set_policy:
                store.prepare(PUBLIC_PREFIX)
            else:
                store.create()
    except (SettingsError, ServiceUnavailable) as exc:
        sys.exit(str(exc))
    public = PUBLIC_PREFIX if settings.set_policy else "as its policy says"
    log.info("bucket is ready", bucket=settings.bucket, prefix=settings.prefix, public=public)


if __name__ == "__main__":
    main()
