"""The object store that S3_ENDPOINT names, or the local stack's, for commands that look into it."""

from api.cli.local_stack import running_stack
from infra.objectstore import ObjectStore
from infra.settings.sections import StackSettings, StoreSettings


def open_store() -> ObjectStore:
    """Return the store; it connects when it is first used."""
    stack = StackSettings.load()
    if stack.s3_endpoint is not None:
        return ObjectStore(StoreSettings.load())
    running = running_stack(stack, instead_of="S3_ENDPOINT")
    settings = StoreSettings.load(
        endpoint=running.s3_endpoint,
        access_key=running.s3_access_key,
        secret_key=running.s3_secret_key,
        bucket=running.s3_bucket,
    )
    return ObjectStore(settings)
