"""A look at the bucket past the adapter: which objects exist."""

from urllib.parse import urlsplit

from minio import Minio

from infra.contract.object_keys import PROBE_PREFIX
from infra.stack_description import StackDescription


def stored_keys(stack: StackDescription) -> frozenset[str]:
    """Return the keys of all objects but those by which the store is probed."""
    client = Minio(
        urlsplit(stack.s3_endpoint).netloc,
        access_key=stack.s3_access_key,
        secret_key=stack.s3_secret_key,
        secure=False,
    )
    listed = client.list_objects(stack.s3_bucket, recursive=True)
    keys = (str(each.object_name) for each in listed)
    return frozenset(key for key in keys if not key.startswith(PROBE_PREFIX))
