"""The only reader of the environment: frozen, validated sections.

A section is read by the process that needs it, so that a worker does not ask for the API's
variables. A bad value stops the process with the variable's name.
"""

import os
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.contract.webhook_secret import require_secret

ENV_FILE = ".env"
_MEBIBYTE = 1024 * 1024
_CONSOLE_SECRET_CHARACTERS = 32
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _entries(value: Any) -> Any:
    """Split a list that a variable names with commas."""
    if isinstance(value, str):
        return tuple(entry.strip() for entry in value.split(",") if entry.strip())
    return value


Entries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_entries)]


def _networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Require addresses and networks: a name, or `*`, would be trusted for what it does not say."""
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError as exc:
            raise ValueError(
                f"{entry!r} is not an address or network; write 10.0.0.5 or 10.0.0.0/8"
            ) from exc
    return entries


Networks = Annotated[Entries, AfterValidator(_networks)]


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it and says what to do."""


class Section(BaseSettings):
    """Common behaviour of all sections: frozen, from the environment, then from `.env`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def load(cls, env_file: str | None = ENV_FILE, **known: Any) -> Self:
        """Read the section; raise `SettingsError` naming each variable that is wrong.

        What is `known` already takes the place of its variable.
        """
        try:
            return cls(_env_file=env_file, **known)  # type: ignore[call-arg]  # pydantic-settings adds it
        except ValidationError as exc:
            prefix = str(cls.model_config.get("env_prefix", ""))
            lines = []
            for problem in exc.errors():
                loc = problem["loc"]
                variable = (prefix + str(loc[0])).upper() if loc else "settings"
                if problem["type"] == "missing":
                    lines.append(f"{variable} is not set. See .env.example for what it means.")
                else:
                    reason = problem["msg"].removeprefix("Value error, ")
                    lines.append(f"{variable} is wrong: {reason}.")  # the value may be a secret
            raise SettingsError("\n".join(lines)) from exc


class DatabaseSettings(Section):
    """PostgreSQL, the truth."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: str
    pool_size: Count = 20
    connect_timeout_seconds: Count = 5
    statement_timeout_seconds: Count = 30

    @field_validator("url")
    @classmethod
    def _psycopg2(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.split("+")[0] not in ("postgresql", "postgres"):
            raise ValueError("must look like postgresql://user:password@host:5432/database")
        return f"postgresql+psycopg2://{rest}"


class BrokerSettings(Section):
    """RabbitMQ, which delivers."""

    model_config = SettingsConfigDict(env_prefix="AMQP_")

    url: str
    heartbeat_seconds: Count = 30
    connect_timeout_seconds: Positive = 5
    confirm_timeout_seconds: Positive = 10
    reconnect_max_seconds: Positive = 5
    queue_prefix: str = "product-images"

    @field_validator("url")
    @classmethod
    def _amqp(cls, url: str) -> str:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError("must look like amqp://user:password@host:5672/%2F")
        return url


class StoreCredentials(StrEnum):
    """Where the store's credentials come from: from our settings, or from a role of the machine."""

    KEYS = "keys"
    ROLE = "role"


class StoreSettings(Section):
    """The S3 store of originals and variants."""

    model_config = SettingsConfigDict(env_prefix="S3_")

    endpoint: str = Field(description="host:port, or a URL whose scheme says whether TLS is used")
    credentials: StoreCredentials = StoreCredentials.KEYS
    access_key: Annotated[str, Field(validate_default=True)] = ""
    secret_key: Annotated[str, Field(validate_default=True)] = ""
    session_token: SecretStr | None = Field(default=None, description="of temporary keys")
    bucket: str = "product-images"
    prefix: str = Field(default="", description="begins every key: for a bucket that is shared")
    set_policy: bool = Field(
        default=True, description="make variants public; infra.bucket reads it"
    )
    region: str = "us-east-1"
    connect_timeout_seconds: Positive = 3
    read_timeout_seconds: Positive = 20
    pool_size: Count = 16

    @field_validator("access_key", "secret_key")
    @classmethod
    def _needed(cls, key: str, info: ValidationInfo) -> str:
        if not key and info.data.get("credentials") is StoreCredentials.KEYS:
            raise PydanticCustomError("missing", "needed")
        return key

    @field_validator("prefix")
    @classmethod
    def _as_folder(cls, prefix: str) -> str:
        return f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @field_validator("endpoint")
    @classmethod
    def _with_scheme(cls, endpoint: str) -> str:
        return endpoint.rstrip("/") if "://" in endpoint else f"http://{endpoint}"


class AssetSettings(Section):
    """How stored variants are addressed by browsers."""

    public_asset_url: str = Field(description="base of every variant's URL; no trailing slash")

    @field_validator("public_asset_url")
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")


class CacheSettings(Section):
    """Redis or Valkey, which may be lost at any time."""

    model_config = SettingsConfigDict(env_prefix="REDIS_")

    url: str
    timeout_seconds: Positive = 1


class OptionalCacheSettings(CacheSettings):
    """The same for processes that can do without."""

    url: str | None = None  # type: ignore[assignment]  # a missing one is no mistake here


class PrefectSettings(Section):
    """The Prefect server. Prefect's own client reads the same variables of its API."""

    model_config = SettingsConfigDict(env_prefix="PREFECT_")

    api_url: str
    api_auth_string: str = Field("", description="user:password that the server asks for")
    work_pool: str = "product-images"
    ui_url: str | None = Field(None, description="for links to runs; made from api_url")

    @property
    def pages(self) -> str:
        """Where people see Prefect's pages, without a slash at the end."""
        return (self.ui_url or self.api_url.rstrip("/").removesuffix("/api")).rstrip("/")


class RequestSettings(Section):
    """What one request may ask for, at the API as in Prefect's quick run."""

    model_config = SettingsConfigDict(env_prefix="API_")

    max_urls: Count = 100
    max_url_characters: Annotated[int, Field(ge=16, le=2600)] = 2048


class ApiSettings(RequestSettings, Section):
    """The HTTP API."""

    model_config = SettingsConfigDict(env_prefix="API_")

    host: str = "127.0.0.1"
    port: Port = 8080
    threads: Count = 10
    max_json_bytes: Count = 1_000_000
    max_file_bytes: Count = 50 * _MEBIBYTE
    max_upload_bytes: Count = Field(500 * _MEBIBYTE, description="all files of one request")
    max_form_fields: Count = Field(200, description="beside files; together max_json_bytes")
    max_header_bytes: Annotated[int, Field(ge=1024)] = 32_768
    max_connections: Count = 500
    max_connections_per_address: Count = Field(250, description="but of a trusted proxy")
    header_timeout_seconds: Positive = 10
    body_min_bytes_per_second: Annotated[int, Field(ge=0)] = Field(500, description="0: any")
    body_window_seconds: Positive = Field(10, description="over which the pace is looked at")
    write_timeout_seconds: Positive = 60
    idempotency_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 86_400
    rate_limit_per_minute: Annotated[int, Field(ge=0)] = Field(0, description="per key; 0: off")
    failed_keys_per_minute: Count = Field(60, description="per address, before the database")
    cors_origins: Entries = ()
    open: bool = Field(default=False, description="without keys, serve other machines too")
    trusted_proxies: Networks = ()
    events_heartbeat_seconds: Positive = 15
    events_listeners: Count = 200
    events_listeners_per_key: Count = Field(50, description="per address without a key")
    ready_probe_seconds: Positive = 5
    try_outs: Annotated[int, Field(ge=0)] = Field(1, description="at once; 0: none")


class ConsoleSettings(Section):
    """The console in the browser."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_")

    secret: SecretStr | None = Field(None, description="signs sessions; made from the store's")
    session_hours: Positive = 12

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _CONSOLE_SECRET_CHARACTERS:
            raise ValueError(f"must have at least {_CONSOLE_SECRET_CHARACTERS} characters")
        return secret


class ImportSettings(Section):
    """How large an imported file may be; `max_unpacked_bytes` is what an archive unpacks to."""

    model_config = SettingsConfigDict(env_prefix="IMPORT_")

    max_rows: Count = 100_000
    max_bytes: Count = 200 * _MEBIBYTE
    max_unpacked_bytes: Count = 1024 * _MEBIBYTE


class DispatchSettings(Section):
    """How committed jobs reach the broker."""

    model_config = SettingsConfigDict(env_prefix="DISPATCH_")

    batch_size: Count = 200
    poll_seconds: Positive = 1
    lost_after_seconds: Positive = 3600


class FetchSettings(Section):
    """How source URLs are fetched."""

    model_config = SettingsConfigDict(env_prefix="FETCH_")

    allowed_private_hosts: Entries = ()
    connect_timeout_seconds: Positive = 5
    read_timeout_seconds: Positive = 10
    total_timeout_seconds: Positive = 30
    max_bytes: Count = 50 * _MEBIBYTE
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    min_bytes_per_second: Annotated[int, Field(ge=0)] = Field(1000, description="0: any")
    threads: Count = 24
    allowed_hosts: Entries = ()
    denied_hosts: Entries = ()
    host_concurrency: Count = Field(4, description="by all workers together, as all of host_*")
    host_rate_per_second: Positive = 20
    host_backoff_seconds: Positive = 1
    host_backoff_max_seconds: Positive = 3600
    host_breaker_failures: Count = 10
    host_breaker_seconds: Positive = 30


class WebhookSettings(Section):
    """How job and batch ends are told to receivers; the secret signs for callback URLs."""

    model_config = SettingsConfigDict(env_prefix="WEBHOOK_")

    secret: Annotated[str, AfterValidator(require_secret)] | None = None
    threads: Count = 4
    timeout_seconds: Positive = 15
    first_retry_seconds: Positive = 5
    give_up_after_seconds: Positive = 86_400
    disable_after_seconds: Positive = Field(432_000, description="an endpoint that only fails")
    retention_days: Positive = Field(30, description="for deliveries that have ended")


class PresetSettings(Section):
    """What variants are made; the API and every worker have to read the same file."""

    model_config = SettingsConfigDict(env_prefix="PRESETS_")

    file: Path | None = Field(None, description="presets beside, or instead of, the package's")


class PixelSettings(Section):
    """The killable child processes that decode and encode."""

    model_config = SettingsConfigDict(env_prefix="PIXEL_")

    processes: Annotated[int, Field(ge=0)] = Field(0, description="0: one per CPU")
    timeout_seconds: Positive = Field(60, description="CPU time that one image may take")
    wall_seconds: Positive = Field(
        300, description="then the image is tried again later: its process got too little CPU time"
    )
    memory_bytes: Annotated[int, Field(ge=256 * _MEBIBYTE)] = 2048 * _MEBIBYTE
    max_pixels: Count = 50_000_000
    max_bytes: Count = 100 * _MEBIBYTE
    max_frames: Count = 1_000


class DecoderSettings(Section):
    """Which decoders are used that not every installation has or wants."""

    heic_enabled: bool = Field(default=False, description="needs the extra `heic`")


class JobSettings(Section):
    """How long a job may run, how it is held, and when it is given up."""

    model_config = SettingsConfigDict(env_prefix="JOB_")

    timeout_seconds: Positive = 600
    lease_seconds: Positive = 15
    max_attempts: Count = 5
    longest_park_seconds: Positive = Field(
        default=3600, description="a supplier's Retry-After beyond it is not waited for"
    )


class QueueSettings(Section):
    """How many jobs may wait."""

    model_config = SettingsConfigDict(env_prefix="JOBS_")

    max_queued: Annotated[int, Field(ge=0)] = Field(
        100_000, description="of one lane, interactive or bulk; 0: no bound"
    )


class BulkSettings(Section):
    """How the jobs of batches are packed into chunks."""

    model_config = SettingsConfigDict(env_prefix="BULK_")

    chunk_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        120, description="estimated work that one chunk may hold"
    )
    chunk_jobs: Annotated[int, Field(ge=1, le=1000)] = 50


class WorkerSettings(Section):
    """The worker: bridge consumer and warm runner."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    slots: Count = 8
    bulk_slots: Annotated[int, Field(ge=0)] = Field(0, description="0: two more than CPUs")
    shutdown_grace_seconds: Positive = 20
    ready_file: Path | None = Field(None, description="exists while the worker takes work")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="0: none")
    metrics_host: str = Field("127.0.0.1", description="the address that metrics are served on")
    directory: Path = Field(Path("/tmp"), description="where a job's files live while it runs")  # noqa: S108 - a default that the operator may move


class WorkerTimings(Section):
    """How soon the workers notice what was left behind; shorter asks the services more often."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    reaper_seconds: Positive = Field(10, description="between two looks for what was left behind")
    settling_seconds: Positive = Field(
        30, description="what changed less long ago may still be told by the worker that changed it"
    )
    cancel_look_seconds: Positive = Field(10, description="an event usually says so at once")
    batch_lease_seconds: Positive = 30


class ClientSettings(Section):
    """The command line as a client of the API."""

    api_url: str | None = Field(None, description="without it the local stack is asked")
    api_key: SecretStr | None = Field(None, description="needed once the API has keys")


class StackSettings(Section):
    """The local stack: ports, number of workers, and parts that run elsewhere."""

    api_port: Port = 8080
    prefect_port: Port = 4200
    workers: Count = 1
    stack_directory: Path = Path(".local")
    database_url: str | None = None
    amqp_url: str | None = None
    redis_url: str | None = None
    s3_endpoint: str | None = None
    prefect_api_url: str | None = None
    prefect_api_auth_string: str = Field("", description="asked for by the server of that URL")
    stack_samples: bool = Field(default=False, description="serve <stack_directory>/samples too")
    api_host: str = "127.0.0.1"
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_bucket: str = "product-images"
    public_asset_url: str | None = None
    fetch_allowed_private_hosts: str = ""
    prefect_api_database_connection_url: str | None = None


class FailureAlarmSettings(Section):
    """When the failure rate raises an alarm, and where Prefect sends it."""

    model_config = SettingsConfigDict(env_prefix="FAILURE_ALARM_")

    share: Annotated[float, Field(gt=0, le=1)] = 0.25
    min_jobs: Count = 20
    window_seconds: Positive = 3600
    repeat_seconds: Positive = 3600
    webhook_url: SecretStr | None = Field(default=None, description="read when deploying only")


class ReprocessSettings(Section):
    """How much the nightly schedule regenerates."""

    model_config = SettingsConfigDict(env_prefix="REPROCESS_")

    nightly_limit: Count = Field(20_000, description="images of one scheduled run")


class GarbageSettings(Section):
    """What the garbage collector leaves alone for how long."""

    model_config = SettingsConfigDict(env_prefix="GC_")

    grace_hours: Positive = Field(24, description="no object younger than this is ever removed")
    superseded_retention_days: NotNegative = 30
    original_retention_days: NotNegative = 30
    job_retention_days: NotNegative = Field(0, description="ended jobs and batches; 0: for ever")


def inherited_environment() -> dict[str, str]:
    """Return a copy of this process's variables, for the processes that it starts."""
    return dict(os.environ)


_PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"})


def forget_proxies() -> None:
    """Have no library of this process send calls between our own parts through a proxy.

    Images and webhooks never go through one: their addresses are checked by us.
    """
    for name in [name for name in os.environ if name.lower() in _PROXY_VARIABLES]:
        del os.environ[name]
