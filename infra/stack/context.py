"""What every part of a local stack is built from: settings, folders, ports and passwords."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.settings.sections import StackSettings
from infra.stack.account import ServiceAccount, service_account
from infra.stack.credentials import Credentials, remembered_credentials
from infra.stack.ports import remembered_ports

_PORT_NAMES = (
    "postgres",
    "redis",
    "epmd",
    "rabbitmq",
    "rabbitmq-cluster",
    "s3",
    "s3-grpc",
    "s3-master",
    "s3-master-grpc",
    "s3-volume",
    "s3-volume-grpc",
    "s3-filer",
    "s3-filer-grpc",
    "samples",
)


@dataclass(frozen=True, slots=True)
class StackContext:
    """Where a stack stands; `inherited` is the environment that its own processes get."""

    settings: StackSettings
    directory: Path
    account: ServiceAccount
    ports: Mapping[str, int]
    credentials: Credentials
    inherited: Mapping[str, str]

    def service_environment(self, folder: Path) -> dict[str, str]:
        """Return the few variables that a service of ours needs; nothing of the operator's."""
        path = self.inherited.get("PATH", "")
        return {
            "PATH": f"{path}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }


def make_context(settings: StackSettings, inherited: Mapping[str, str]) -> StackContext:
    """Create the stack directory, or find what the last start left in it."""
    directory = settings.stack_directory.resolve()
    return StackContext(
        settings=settings,
        directory=directory,
        account=service_account(directory),
        ports=remembered_ports(
            directory / "ports.json", _PORT_NAMES, (settings.api_port, settings.prefect_port)
        ),
        credentials=remembered_credentials(directory / "credentials.json"),
        inherited=inherited,
    )
