"""The settings of a whole system, from the environment or the local stack, for checks of it."""

from typing import Any

from api.cli.local_stack import running_stack
from infra.settings.sections import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FetchSettings,
    GarbageSettings,
    JobSettings,
    OptionalCacheSettings,
    PixelSettings,
    PrefectSettings,
    Section,
    StackSettings,
    StoreSettings,
    WebhookSettings,
    WorkerSettings,
    WorkerTimings,
)
from tasks.doctor.finding import SystemSettings

# The variable that says where a part is, and what belongs to it.
_PARTS: dict[str, tuple[type[Section], tuple[str, ...]]] = {
    "DATABASE_URL": (DatabaseSettings, ()),
    "AMQP_URL": (BrokerSettings, ()),
    "S3_ENDPOINT": (StoreSettings, ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET")),
    "PREFECT_API_URL": (PrefectSettings, ("PREFECT_API_AUTH_STRING",)),
    "PUBLIC_ASSET_URL": (AssetSettings, ()),
}


def read_system() -> tuple[SystemSettings, StoreSettings]:
    """Return the settings of all processes, and those of the store.

    A part that no variable names is the local stack's. Raises `SettingsError`.
    """
    stack = StackSettings.load()
    unnamed = [name for name in _PARTS if not getattr(stack, name.lower())]
    local = running_stack(stack, instead_of=unnamed[0]).environment() if unnamed else {}
    read: dict[str, Any] = {}
    for name, (section, more) in _PARTS.items():
        prefix = str(section.model_config.get("env_prefix", ""))
        known = [each for each in (name, *more) if name in unnamed and each in local]
        fields = {each.removeprefix(prefix).lower(): local[each] for each in known}
        read[name] = section.load(**fields)
    cache = {"url": local["REDIS_URL"]} if unnamed and not stack.redis_url else {}
    settings = SystemSettings(
        api=ApiSettings.load(),
        assets=read["PUBLIC_ASSET_URL"],
        broker=read["AMQP_URL"],
        cache=OptionalCacheSettings.load(**cache),
        database=read["DATABASE_URL"],
        decoders=DecoderSettings.load(),
        dispatch=DispatchSettings.load(),
        fetch=FetchSettings.load(),
        garbage=GarbageSettings.load(),
        job=JobSettings.load(),
        pixels=PixelSettings.load(),
        prefect=read["PREFECT_API_URL"],
        timings=WorkerTimings.load(),
        webhooks=WebhookSettings.load(),
        worker=WorkerSettings.load(),
    )
    return settings, read["S3_ENDPOINT"]
