"""The sections of what operators see and keep: logs and backups."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from infra.settings.sections import Section


class LogSettings(Section):
    """What every process logs, and in which form."""

    model_config = SettingsConfigDict(env_prefix="LOG_")

    format: Literal["console", "json"] = Field("console", description="for people or programs")
    level: Literal["debug", "info", "warning", "error"] = "info"


class BackupSettings(Section):
    """The store of a backup in a bucket, where it is not the system's own."""

    model_config = SettingsConfigDict(env_prefix="BACKUP_S3_")

    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    region: str | None = None
