"""What of a pixel process's answer is believed: facts of the right types, within their bounds.

An image that took its process over can say anything. So names, addresses and hashes are compared
with what the worker knows or computes itself; what is left to the process is how its own image
looks. Anything else ends as `Untrue`, and the process with it.
"""

import json
import math
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed
from tasks.imaging.formats.detect import HEADER_BYTES, sniff
from tasks.imaging.models import Rendition, VariantFile
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.imaging.presets.model import Preset
from tasks.pixels.folder import Copied, Folder

_CODES = frozenset(
    {
        ErrorCode.UNSUPPORTED_FORMAT,
        ErrorCode.TOO_MANY_BYTES,
        ErrorCode.TOO_MANY_PIXELS,
        ErrorCode.TOO_MANY_FRAMES,
        ErrorCode.TRUNCATED,
        ErrorCode.CORRUPT,
        ErrorCode.OUT_OF_MEMORY,
        ErrorCode.INTERNAL_ERROR,
    }
)
_DETAIL_CHARACTERS = 500
_VARIANTS = 1_000
_SIDE_PX = 1 << 20
_VARIANT_BYTES = 1 << 30
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_PHASH = re.compile(r"[0-9a-f]{16}")
_THUMBHASH = re.compile(r"[A-Za-z0-9+/]{4,60}={0,2}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Untrue(Exception):
    """A pixel process answered what no sound one does; the message says what."""


class _Error(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    code: str
    detail: str
    retryable: bool


def read_answer(answer: bytes, expected: Any) -> Any:
    """Return the value of an answer, of the `expected` type; raise its error, or `Untrue`.

    The error is an `ImageRefused` or a `PixelsFailed`.
    """
    try:
        data = json.loads(answer, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise Untrue("the answer is no JSON") from exc
    if not isinstance(data, dict) or len(data) != 1:
        raise Untrue("the answer holds neither one value nor one error")
    try:
        if "error" in data:
            error = _Error.model_validate(data["error"])
        else:
            return _adapter(expected).validate_json(json.dumps(data["value"]), strict=True)
    except (ValidationError, KeyError, ValueError, RecursionError) as exc:
        raise Untrue("the answer is not of the expected type") from exc
    if error.code not in _CODES:
        raise Untrue("the answer has an error code that no picture has")
    kind = PixelsFailed if error.retryable else ImageRefused
    raise kind(error.code, _UNPRINTABLE.sub(" ", error.detail)[:_DETAIL_CHARACTERS])


@lru_cache
def _adapter(expected: Any) -> TypeAdapter[Any]:
    return TypeAdapter(expected)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def receive_rendition(
    answer: bytes, folder: Folder, *, source: Copied, preset: Preset, directory: Path
) -> Rendition:
    """Check a rendition and copy its files from the process's folder to `directory`.

    Raises what `read_answer` does, and `OSError` where a file cannot be taken.
    """
    rendition: Rendition = read_answer(answer, Rendition)
    facts, page = rendition.source, rendition.page
    _require(facts.sha256 == source.sha256 and facts.bytes == source.length, "its source's bytes")
    _require(facts.format is sniff(source.head), "its source's format")
    _require(facts.media_type == facts.format.media_type, "its source's media type")
    _require(_is_size(facts.width, facts.height), "its source's size")
    _require(1 <= facts.orientation <= 8, "its source's orientation")
    _require(facts.frames >= 1 and _is_amount(facts.seconds), "its source's frames")
    _require(_COLOUR.fullmatch(page.dominant_colour), "its dominant colour")
    _require(_PHASH.fullmatch(page.phash), "its perceptual hash")
    _require(_THUMBHASH.fullmatch(page.thumbhash), "its ThumbHash")
    _require(_is_amount(rendition.cpu_seconds), "its CPU time")
    _require(rendition.fingerprint == policy_fingerprint(preset), "its policy")
    names = [variant.name for variant in rendition.variants]
    _require(0 < len(names) <= _VARIANTS and len({*names}) == len(names), "its variants' names")
    for variant in rendition.variants:
        _check_variant(variant, preset)
    taken = tuple(_take(variant, folder, directory) for variant in rendition.variants)
    return replace(rendition, variants=taken)


def _check_variant(variant: VariantFile, preset: Preset) -> None:
    _require(_NAME.fullmatch(variant.name), "a variant's name")
    _require(variant.format in {each.format for each in preset.encodings}, "a variant's format")
    _require(variant.extension == variant.format.extension, "a variant's extension")
    _require(variant.media_type == variant.format.media_type, "a variant's media type")
    _require(str(variant.path) == f"{variant.name}.{variant.extension}", "a variant's path")
    _require(_is_size(variant.width, variant.height), "a variant's size")
    _require(0 < variant.bytes <= _VARIANT_BYTES, "a variant's length")
    _require(variant.quality is None or 0 <= variant.quality <= 100, "a variant's quality")
    _require(variant.score is None or abs(variant.score) <= 1000, "a variant's score")
    _require(variant.frames >= 1 and _is_amount(variant.seconds), "a variant's frames")
    _require(_is_amount(variant.cpu_seconds), "a variant's CPU time")


def _take(variant: VariantFile, folder: Folder, directory: Path) -> VariantFile:
    target = directory / variant.path.name
    copied = folder.take(target.name, target, max_bytes=variant.bytes, head_bytes=HEADER_BYTES)
    is_whole = copied.length == variant.bytes and copied.sha256 == variant.sha256
    _require(is_whole, "a variant's bytes")
    _require(sniff(copied.head) is variant.format, "what a variant is")
    return replace(variant, path=target)


def _is_size(width: int, height: int) -> bool:
    return 0 < width <= _SIDE_PX and 0 < height <= _SIDE_PX


def _is_amount(number: float | None) -> bool:
    return number is None or (math.isfinite(number) and number >= 0)


def _require(holds: Any, what: str) -> None:
    if not holds:
        raise Untrue(f"the answer lies about {what}")
