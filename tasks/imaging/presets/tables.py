"""What a presets file may hold: one pydantic model for each of its tables.

docs/presets.md explains every key. A `title` says what may be written, where bounds and words do
not say it. Error messages (`problems`) and docs/presets.schema.json (`schema`) come from here.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import (
    FIRST_FRAME,
    MANY,
    MAX_SIDE_PX,
    Animated,
    Animation,
    Box,
    ByteBudget,
    Chroma,
    Encoding,
    Fit,
    FixedQuality,
    Preset,
    TargetQuality,
    Trim,
    When,
)

FILE_VERSION = 1  # what `version` of a presets file must be; raise it when old files would break

_SIDES = f"sides from 1 to {MAX_SIDE_PX}"
# The same bounds for text: an editor checks a size by its schema, which compares no numbers there.
_SIDE = "0*(?:[1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-3])"
_ANIMATIONS = '"first-frame", "keep" or a table like { max_frames = 300, max_seconds = 30 }'


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _ordered(quality: int | TargetQuality | ByteBudget) -> int | TargetQuality | ByteBudget:
    if not isinstance(quality, int) and quality.low > quality.high:
        said = "is above high: write a whole number from 1 to {high}."
        raise PydanticCustomError("rule", said, {"key": "low", "high": quality.high})
    return quality


def _kind_of_quality(value: Any) -> str:
    if not isinstance(value, dict):
        return "number"
    return "ByteBudget" if "max_bytes" in value else "TargetQuality"


class _Quality(_Table):
    model_config = ConfigDict(title="a table like { quality = 80 }")

    quality: Annotated[
        Annotated[int, Field(ge=1, le=100), Tag("number")]
        | Annotated[TargetQuality, Tag("TargetQuality")]
        | Annotated[ByteBudget, Tag("ByteBudget")],
        Discriminator(_kind_of_quality),
        AfterValidator(_ordered),
    ] = Field(description="A number for every image, a score to reach, or a limit in bytes.")


class JpegTable(_Quality):
    """How JPEG files are written."""

    chroma: Chroma = Field(Chroma.AUTO, description="Whether each pixel keeps its own colour.")


class AvifTable(JpegTable):
    """How AVIF files are written."""

    effort: int | None = Field(None, ge=0, le=10, description="CPU against bytes: 10 is fast.")


class WebpTable(_Quality):
    """How WebP files are written."""

    effort: int | None = Field(None, ge=0, le=6, description="CPU against bytes: 0 is fast.")
    when: When = Field(When.ALWAYS, description="Of which images: all, or where it wins.")
    lossless_graphics: bool = Field(
        default=True, description="Drawings without loss where smaller."
    )


class PngTable(_Table):
    """How PNG files are written, always without loss."""

    model_config = ConfigDict(title="a table like { effort = 6 }")

    effort: int | None = Field(None, ge=0, le=9, description="CPU against bytes: 0 is fast.")


class FormatsTable(_Table):
    """One table for each format, in the order in which the files are listed."""

    model_config = ConfigDict(
        title="a table per format, like [presets.web.formats.webp]",
        json_schema_extra={"minProperties": 1},
    )

    avif: AvifTable | None = None
    webp: WebpTable | None = None
    jpeg: JpegTable | None = None
    png: PngTable | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> "FormatsTable":
        if not self.model_fields_set:
            names = ", ".join(type(self).model_fields)
            raise PydanticCustomError("rule", "is empty: name one of {names}.", {"names": names})
        return self

    def encoding(self, image_format: ImageFormat) -> Encoding:
        """Return how a format that is set is to be written."""
        table = getattr(self, image_format)
        quality = getattr(table, "quality", 100)
        return Encoding(
            format=image_format,
            quality=FixedQuality(quality) if isinstance(quality, int) else quality,
            effort=getattr(table, "effort", None),
            lossless_graphics=getattr(table, "lossless_graphics", True),
            chroma=getattr(table, "chroma", Chroma.AUTO),
            when=getattr(table, "when", When.ALWAYS),
        )


def _boxes(sizes: list[str] | list[int]) -> list[Box]:
    """Read widths, or texts like 800x600, 800x and x600."""
    sides = ([*str(size).split("x"), ""][:2] for size in sizes)
    return [Box(*(int(side) if side else None for side in pair)) for pair in sides]


def _sizes(sizes: Any, info: ValidationInfo) -> Any:
    if sizes is None:
        return None
    boxes, fit = _boxes(sizes), info.data.get("fit", Fit.INSIDE)
    if fit is not Fit.INSIDE and any(None in (box.width, box.height) for box in boxes):
        said = 'are open to one side; fit = "{fit}" needs boxes like "800x600".'
        raise PydanticCustomError("rule", said, {"fit": str(fit)})
    if len(set(boxes)) < len(boxes):
        raise PydanticCustomError("rule", "has the same size twice.")
    return sizes


def _widths_or_boxes(widths: Any, info: ValidationInfo) -> Any:
    boxes = info.data.get("boxes", ())  # empty: they are there, and wrong
    if widths is None and boxes is None:
        raise PydanticKnownError("missing")
    if widths is not None and boxes is not None:
        raise PydanticCustomError("rule", "and boxes exclude each other: write one of them.")
    return widths


def _with_cover(focus: list[float], info: ValidationInfo) -> list[float]:
    if info.data.get("fit", Fit.COVER) is not Fit.COVER:
        raise PydanticCustomError("rule", 'has no effect here: it goes with fit = "cover".')
    return focus


class PresetTable(_Table):
    """Which variants are made, and how."""

    model_config = ConfigDict(
        title="a table of the preset's keys",
        json_schema_extra={
            "oneOf": [{"required": ["widths"]}, {"required": ["boxes"]}],
            "dependencies": {
                "focus": {"properties": {"fit": {"const": "cover"}}, "required": ["fit"]}
            },
            "if": {
                "properties": {"fit": {"enum": ["cover", "pad", "stretch"]}},
                "required": ["fit"],
            },
            "then": {
                "required": ["boxes"],
                "properties": {"boxes": {"items": {"not": {"pattern": "^x|x$"}}}},
            },
        },
    )

    revision: int = Field(ge=1, le=MANY, description="Raise it with each change.")
    fit: Fit = Fit.INSIDE
    boxes: Annotated[
        list[Annotated[str, Field(pattern=f"^(?:{_SIDE}x(?:{_SIDE})?|x{_SIDE})$")]] | None,
        AfterValidator(_sizes),
    ] = Field(
        None,
        min_length=1,
        title=f'a list like ["2000x2000"], {_SIDES}',
        description="Instead of widths: width x height in pixels.",
        json_schema_extra={"uniqueItems": True},
    )
    widths: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]] | None,
        AfterValidator(_sizes),
        AfterValidator(_widths_or_boxes),
    ] = Field(
        None,
        validate_default=True,
        min_length=1,
        title=f"a list like [1600, 800], {_SIDES}",
        description="In pixels; heights follow from the image.",
        json_schema_extra={"uniqueItems": True},
    )
    focus: Annotated[list[Annotated[float, Field(ge=0, le=1)]], AfterValidator(_with_cover)] = (
        Field(
            [0.5, 0.5],
            min_length=2,
            max_length=2,
            title="two numbers from 0 to 1, like [0.5, 0.3]: from the left and from the top",
            description="What cover keeps in view.",
        )
    )
    background: str = Field(
        "#ffffff",
        pattern="^#[0-9a-fA-F]{6}$",
        title='a colour like "#ffffff"',
        description="Of pad, and under transparency.",
    )
    trim: Trim | None = Field(None, title="a table like { tolerance = 12, margin = 0.05 }")
    sharpen: float = Field(0.0, ge=0, le=1, description="Sharpening after each reduction.")
    keep_copyright: bool = Field(
        default=False, description="Keep the source's artist and copyright."
    )
    animation: Annotated[
        Annotated[Literal["first-frame", "keep"], Tag("word")]
        | Annotated[Animated, Tag("Animated")],
        Discriminator(lambda value: "Animated" if isinstance(value, dict) else "word"),
    ] = Field("first-frame", title=_ANIMATIONS, description="What becomes of animations.")
    drop_larger: bool = Field(
        default=True, description="Leave out what a simpler format makes smaller."
    )
    formats: FormatsTable

    def preset(self, name: str, formats: list[str]) -> Preset:
        """Return the preset, its encodings in the order of `formats`."""
        red, green, blue = bytes.fromhex(self.background[1:])
        x, y = self.focus
        return Preset(
            name=name,
            revision=self.revision,
            boxes=tuple(sorted(_boxes(self.boxes or self.widths or []), key=_widest_first)),
            encodings=tuple(self.formats.encoding(ImageFormat(each)) for each in formats),
            fit=self.fit,
            background=(red, green, blue),
            trim=self.trim,
            sharpen=self.sharpen,
            keep_copyright=self.keep_copyright,
            focus=(x, y),
            animation=self._animation(),
            drop_larger=self.drop_larger,
        )

    def _animation(self) -> Animation:
        if isinstance(self.animation, Animated):
            return self.animation
        return Animated() if self.animation == "keep" else FIRST_FRAME


def _widest_first(box: Box) -> tuple[int, int]:
    return -(box.width or 0), -(box.height or 0)


class PresetsFile(_Table):
    """The whole file."""

    model_config = ConfigDict(title="A presets file of product-images")

    version: int = Field(
        ge=FILE_VERSION, le=FILE_VERSION, title=f"{FILE_VERSION}, the form that is known here"
    )
    presets: dict[
        Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,59}$")],
        PresetTable,
    ] = Field(
        title="presets as tables like [presets.web]",
        json_schema_extra={"additionalProperties": False},
    )
