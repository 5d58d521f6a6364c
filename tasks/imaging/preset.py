"""What is made of a source: widths, encodings and a background, under a name.

It must not know how pixels are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from infra.errors import ErrorCode, PermanentError
from tasks.imaging.sniff import ImageFormat


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to write a variant.

    `quality` is the encoder's own scale, 0 to 100. `effort` is the encoder's own scale of CPU
    against bytes; None where the encoder has no such choice.
    """

    format: ImageFormat
    quality: int
    effort: int | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A named policy. `revision` goes up when the policy changes; `background` is RGB."""

    name: str
    revision: int
    widths: tuple[int, ...]
    encodings: tuple[Encoding, ...]
    background: tuple[int, int, int] = (255, 255, 255)


# Effort 2 of WebP: over photographs of 1,600 px it needs 2.1 to 2.6 times less CPU than the
# encoder's default 4 and costs 3 to 5 % more bytes. The encoder is two thirds of all work here,
# so this doubles what a machine gets done. Effort 1 saves little more CPU and costs 10 to 15 %.
_WEB = Preset(
    name="web",
    revision=1,
    widths=(1600, 800, 400, 200),
    encodings=(
        Encoding(ImageFormat.WEBP, quality=80, effort=2),
        Encoding(ImageFormat.JPEG, quality=80),
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({_WEB.name: _WEB})


def preset_named(name: str) -> Preset:
    """Look a preset up; raise `PermanentError` (unknown_preset) when there is none."""
    try:
        return PRESETS[name]
    except KeyError as exc:
        raise PermanentError(
            ErrorCode.UNKNOWN_PRESET,
            f"There is no preset named {name!r}; known are {', '.join(sorted(PRESETS))}.",
        ) from exc
