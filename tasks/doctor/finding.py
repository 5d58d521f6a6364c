"""What one check found, and what it looks at. Knows no check."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.db.engine import Database
from infra.objectstore import ObjectStore
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
    WebhookSettings,
    WorkerSettings,
    WorkerTimings,
)
from tasks.imaging.presets.catalogue import Presets


class Level(StrEnum):
    """How a check ended, the best first."""

    OK = "ok"
    WARNING = "warning"  # works, and needs a look
    BROKEN = "broken"  # something that must hold does not
    UNKNOWN = "unknown"  # a part did not answer, so that it could not be checked


# The statuses that monitoring systems expect of their plugins.
_STATUS = {Level.OK: 0, Level.WARNING: 1, Level.BROKEN: 2, Level.UNKNOWN: 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: what is, and what to do; `repaired` says what was mended."""

    level: Level
    detail: str
    advice: str = ""
    repaired: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A finding under the name of its check."""

    check: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """The settings of all processes, as this environment has them."""

    api: ApiSettings
    assets: AssetSettings
    broker: BrokerSettings
    cache: OptionalCacheSettings
    database: DatabaseSettings
    decoders: DecoderSettings
    dispatch: DispatchSettings
    fetch: FetchSettings
    garbage: GarbageSettings
    job: JobSettings
    pixels: PixelSettings
    prefect: PrefectSettings
    timings: WorkerTimings
    webhooks: WebhookSettings
    worker: WorkerSettings


@dataclass(frozen=True, slots=True)
class System:
    """The system that is checked. `everything`: all objects, not `sample_size` of them.

    `repair` allows the checks to mend what can be mended without loss.
    """

    database: Database
    store: ObjectStore
    settings: SystemSettings
    presets: Presets
    repair: bool = False
    everything: bool = False
    sample_size: int = 200


def ok(detail: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(Level.OK, detail)


def exit_status(diagnoses: Sequence[Diagnosis]) -> int:
    """Return 0 when all is well, 1 for warnings, 2 when something is broken, 3 when unknown.

    What was repaired is well again; broken counts more than unknown.
    """
    levels = {each.finding.level for each in diagnoses}
    for level in (Level.BROKEN, Level.UNKNOWN, Level.WARNING):
        if level in levels:
            return _STATUS[level]
    return _STATUS[Level.OK]
