"""Check the native decoders at the start of a process that decodes.

`python -m tasks.pixels.decoder_check` prints what is wrong, a line each, for processes
that do not load Pillow.
"""

import sys

import structlog

from infra.settings.sections import DecoderSettings, SettingsError
from tasks.imaging.decode.decoder_versions import loaded_libraries, problems

log = structlog.get_logger(__name__)


def require_safe_decoders(settings: DecoderSettings) -> DecoderSettings:
    """Return the settings; raise `SettingsError` unless every decoder may be used."""
    if found := problems(heic=settings.heic_enabled):
        raise SettingsError("\n".join(found))
    return settings


def read_decoders(settings: DecoderSettings) -> DecoderSettings:
    """Do what `require_safe_decoders` does, and log what is loaded.

    A library of the operating system that seems too old is logged, and used.
    """
    require_safe_decoders(settings)
    libraries = loaded_libraries(heic=settings.heic_enabled)
    log.info("decoders loaded", **{each.floor.name: each.version for each in libraries})
    for each in libraries:
        if each.is_too_old:
            log.warning(
                "a decoder of the operating system seems old; is the system up to date?",
                library=each.floor.name,
                version=each.version,
                oldest=each.floor.oldest,
                reason=each.floor.reason,
            )
    return settings


if __name__ == "__main__":
    sys.stdout.write("\n".join(problems(heic=DecoderSettings.load().heic_enabled)))
