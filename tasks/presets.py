"""Read the presets at the start of a process that offers or makes variants.

The API and every worker have to read the same file; each logs what it read.
"""

import structlog

from infra.settings.sections import PresetSettings, SettingsError
from tasks.imaging.presets.catalogue import Presets, PresetsInvalid, load_presets

log = structlog.get_logger(__name__)


def read_presets(settings: PresetSettings) -> Presets:
    """Return the package's presets and the operator's; raise `SettingsError` naming what is wrong.

    The message says where each mistake is and what would be right.
    """
    try:
        presets = load_presets(settings.file)
    except PresetsInvalid as exc:
        raise SettingsError(f"PRESETS_FILE is wrong:\n{exc}") from exc
    revisions = {name: presets.named(name).revision for name in presets}
    log.info("presets read", file=str(settings.file or "of the package"), revisions=revisions)
    return presets
