"""The description of a running local stack: where everything is, in one file that others read.

`infra.stack` writes the file; what reads it works without that package. The keys are a contract.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from infra.settings.sections import SettingsError

FILE_NAME = "stack.json"


@dataclass(frozen=True, slots=True)
class StackDescription:
    """Addresses, credentials and process ids of a stack; `samples` is host:port or None.

    `prefect_auth_string` is `user:password`, or empty for a server that asks for nothing.
    """

    api: str
    prefect_ui: str
    prefect_api: str
    prefect_auth_string: str
    postgres_url: str
    amqp_url: str
    redis_url: str
    s3_endpoint: str
    s3_bucket: str
    s3_access_key: str
    s3_secret_key: str
    processes: Mapping[str, int] = field(default_factory=dict)
    samples: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a description; raise `SettingsError` when there is none that can be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except OSError as exc:
            raise SettingsError(f"No stack is described in {path}.") from exc
        except (ValueError, TypeError) as exc:
            raise SettingsError(f"{path} does not describe a stack.") from exc

    def as_json(self) -> str:
        """Return the text of the file. It holds passwords: only its owner may read it."""
        content = asdict(self)
        if self.samples is None:
            del content["samples"]
        return json.dumps(content, indent=2) + "\n"

    def with_processes(self, processes: Mapping[str, int]) -> Self:
        """Return the same stack with other process ids."""
        return replace(self, processes=dict(processes))

    def environment(self) -> dict[str, str]:
        """Return the variables that point any process of the project at this stack."""
        variables = {
            "DATABASE_URL": self.postgres_url,
            "AMQP_URL": self.amqp_url,
            "REDIS_URL": self.redis_url,
            "PREFECT_API_URL": self.prefect_api,
            "S3_ENDPOINT": self.s3_endpoint,
            "S3_BUCKET": self.s3_bucket,
            "S3_ACCESS_KEY": self.s3_access_key,
            "S3_SECRET_KEY": self.s3_secret_key,
            "PUBLIC_ASSET_URL": f"{self.s3_endpoint}/{self.s3_bucket}",
        }
        if self.prefect_auth_string:
            variables["PREFECT_API_AUTH_STRING"] = self.prefect_auth_string
        if self.samples:
            variables["FETCH_ALLOWED_PRIVATE_HOSTS"] = self.samples
        return variables
