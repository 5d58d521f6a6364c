"""What callers get of presets, and of what they would make of a file."""

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.jobs import Failure
from tasks.imaging.presets.model import Animated, Encoding, Fit, FixedQuality, Preset, TargetQuality
from tasks.imaging.web.placeholder import placeholder

MOST_DATA_BYTES = 20_000_000
"""How many bytes of variants one answer holds; later ones are told of without their data."""


class Size(BaseModel):
    """A size in pixels that an image may fill; a side that is null follows from the other."""

    width: int | None
    height: int | None


class Format(BaseModel):
    """A format, and how its quality is chosen; `value` is that quality, score or size."""

    format: str
    chosen_by: Literal["quality", "score", "bytes"]
    value: float


class ShownPreset(BaseModel):
    """What a preset makes of each image."""

    name: str
    revision: int
    fit: Fit = Field(description="how an image meets a size; none enlarges")
    sizes: list[Size] = Field(description="the widest first")
    formats: list[Format]
    background: str = Field(description="behind transparent parts where a format has none")
    focus: tuple[float, float] = Field(description="around which `cover` crops, from the top left")
    trims: bool = Field(description="whether a uniform border is cut off")
    animated: bool = Field(description="whether animations keep moving")

    @classmethod
    def of(cls, preset: Preset) -> "ShownPreset":
        """Show a preset."""
        red, green, blue = preset.background
        return cls(
            name=preset.name,
            revision=preset.revision,
            fit=preset.fit,
            sizes=[Size(width=box.width, height=box.height) for box in preset.boxes],
            formats=[_format(encoding) for encoding in preset.encodings],
            background=f"#{red:02x}{green:02x}{blue:02x}",
            focus=preset.focus,
            trims=preset.trim is not None,
            animated=isinstance(preset.animation, Animated),
        )


def _format(encoding: Encoding) -> Format:
    quality, name = encoding.quality, encoding.format.value
    if isinstance(quality, FixedQuality):
        return Format(format=name, chosen_by="quality", value=quality.quality)
    if isinstance(quality, TargetQuality):
        return Format(format=name, chosen_by="score", value=quality.score)
    return Format(format=name, chosen_by="bytes", value=quality.max_bytes)


class PresetList(BaseModel):
    """All presets, by name."""

    presets: list[ShownPreset]


class TriedSource(BaseModel):
    """The file as it was decoded; width and height after orientation."""

    format: str
    width: int
    height: int
    bytes: int
    frames: int


class TriedVariant(BaseModel):
    """What would be a variant; `data` is the picture itself in base64."""

    name: str
    format: str
    media_type: str
    width: int
    height: int
    bytes: int
    quality: int | None = Field(description="the encoder's number; null for a lossless file")
    score: float | None
    frames: int
    data: str | None = Field(description="null beyond 20 MB of all variants together")


class TriedPreset(BaseModel):
    """What one preset would make of the file, or why it would not."""

    preset: str
    error: Failure | None
    seconds: float | None
    source: TriedSource | None
    dominant_colour: str | None
    thumbhash: str | None
    placeholder: str | None
    variants: list[TriedVariant]


class TriedPresets(BaseModel):
    """The presets in the order in which they were named."""

    results: list[TriedPreset]

    @classmethod
    def of(cls, results: Iterable[dict[str, Any]], *, with_data: bool) -> "TriedPresets":
        """Show the results of a try-out, while the files that they name are there."""
        left = MOST_DATA_BYTES if with_data else 0
        shown = []
        for each in results:
            page, variants = each.get("page") or {}, []
            for variant in each.get("variants", ()):
                data = None
                if variant["bytes"] <= left:
                    left -= variant["bytes"]
                    data = b64encode(Path(variant["path"]).read_bytes()).decode()
                own = {name: variant[name] for name in TriedVariant.model_fields if name != "data"}
                variants.append(TriedVariant(**own, data=data))
            thumbhash = page.get("thumbhash")
            shown.append(
                TriedPreset(
                    preset=each["preset"],
                    error=each.get("error"),
                    seconds=each.get("seconds"),
                    source=each.get("source"),
                    dominant_colour=page.get("dominant_colour"),
                    thumbhash=thumbhash,
                    placeholder=None if thumbhash is None else placeholder(thumbhash),
                    variants=variants,
                )
            )
        return cls(results=shown)
