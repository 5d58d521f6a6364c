"""The settings of a stack whose services are all its own, whatever the environment names."""

from pathlib import Path

from infra.settings.sections import StackSettings
from infra.stack.ports import free_port

BUCKET = "pictures"


def own_services(directory: Path) -> StackSettings:
    """Return the settings of a stack in this directory, on free ports, with an empty bucket."""
    return StackSettings(
        stack_directory=directory,
        api_port=free_port(),
        prefect_port=free_port(),
        stack_samples=False,
        database_url=None,
        amqp_url=None,
        redis_url=None,
        s3_endpoint=None,
        prefect_api_url=None,
        prefect_api_database_connection_url=None,
        s3_bucket=BUCKET,
    )
