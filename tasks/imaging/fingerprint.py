"""Name the policy that made a variant: preset, pipeline and encoder versions.

Equal fingerprints promise equal bytes for equal sources, so the fingerprint is part of every
variant's address. It must not know where variants are kept.
"""

import json
from dataclasses import asdict
from hashlib import sha256

import PIL
from PIL import features

from tasks.imaging.preset import Preset

PIPELINE_REVISION = 1  # raise it when the steps change what comes out
_HEX_DIGITS = 16  # 64 bits: one policy among a few hundred, not one object among billions


def policy_fingerprint(preset: Preset) -> str:
    """Return 16 hexadecimal digits that change when anything that shapes the bytes changes."""
    policy = {
        "preset": asdict(preset),
        "pipeline": PIPELINE_REVISION,
        "pillow": PIL.__version__,
        "jpeg": features.version("libjpeg_turbo") or features.version("jpg"),
        "webp": features.version("webp"),
    }
    return sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:_HEX_DIGITS]
