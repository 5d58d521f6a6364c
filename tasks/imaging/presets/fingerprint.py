"""Name the policy that made a variant: preset, pipeline and the versions of its libraries.

Equal fingerprints promise equal bytes for equal sources, so the fingerprint is part of every
variant's address. It must not know where variants are kept.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256

import PIL
from PIL import features

from tasks.imaging.decode.heif import heif_version
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import Preset

PIPELINE_REVISION = 7  # raise it when the steps change what comes out
_PRESETS_KEPT = 128  # a policy is asked for several times for each image
_HEX_DIGITS = 16  # 64 bits: one policy among a few hundred, not one object among billions

# Pillow's names of the libraries that write each format, the first that is there.
_ENCODERS = {
    ImageFormat.JPEG: ("mozjpeg", "libjpeg_turbo", "jpg"),
    ImageFormat.WEBP: ("webp",),
    ImageFormat.AVIF: ("avif",),
    ImageFormat.PNG: ("zlib_ng", "zlib"),
}


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What a fingerprint stands for; `encoders` are versions by format, and Pillow's own."""

    fingerprint: str
    preset: str
    revision: str
    pipeline: int
    encoders: dict[str, str]


def policy_facts(preset: Preset) -> PolicyFacts:
    """Return the policy that this process makes a preset's variants by."""
    return PolicyFacts(
        fingerprint=policy_fingerprint(preset),
        preset=preset.name,
        revision=policy_revision(preset),
        pipeline=PIPELINE_REVISION,
        encoders={"pillow": PIL.__version__, "heif": heif_version(), **_encoders(preset)},
    )


def policy_revision(preset: Preset) -> str:
    """Return 16 hexadecimal digits that change when a variant is out of date.

    That is when the preset says something else, whether its `revision` was raised or not, or when
    the pipeline's own revision was. A newer encoder does not make what an older one wrote wrong.
    """
    return _digest(_policy(preset, PIPELINE_REVISION))


def policy_fingerprint(preset: Preset) -> str:
    """Return 16 hexadecimal digits that change when anything that shapes the bytes changes.

    That includes the decoders: Pillow's come with it, HEIC has one of its own.
    """
    return _fingerprint(
        preset,
        pipeline=PIPELINE_REVISION,
        pillow=PIL.__version__,
        heif=heif_version(),
        encoders=tuple(_encoders(preset).items()),
    )


@lru_cache(maxsize=_PRESETS_KEPT)
def _fingerprint(
    preset: Preset, *, pipeline: int, pillow: str, heif: str, encoders: tuple[tuple[str, str], ...]
) -> str:
    versions = {"pillow": pillow, "heif": heif, "encoders": dict(encoders)}
    return _digest({**_policy(preset, pipeline), **versions})


def _policy(preset: Preset, pipeline: int) -> dict[str, object]:
    return {"preset": asdict(preset), "pipeline": pipeline}


def _encoders(preset: Preset) -> dict[str, str]:
    return {each.format.value: _encoder(each.format) for each in preset.encodings}


def _encoder(image_format: ImageFormat) -> str:
    found = (features.version(name) for name in _ENCODERS[image_format])
    return next((version for version in found if version), "")


def _digest(policy: dict[str, object]) -> str:
    return sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:_HEX_DIGITS]
