"""Settings of what runs by itself: alarms, reprocessing at night, the collection of garbage."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from infra.settings.section import Section
from infra.settings.values import Count, NotNegative, Positive


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
