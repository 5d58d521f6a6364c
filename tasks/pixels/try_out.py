"""Makes what presets would make of a file, and stores nothing: `python -m tasks.pixels.try_out`.

The API, which loads no decoder itself, runs it as a process of its own: SOURCE FOLDER PRESET…. The
variants are left in the folder, and JSON about them is written to standard output.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.contract.errors import ProductImagesError
from infra.logs import configure_logs
from infra.settings.sections import DecoderSettings, PixelSettings, PresetSettings
from tasks.imaging.presets.catalogue import load_presets
from tasks.imaging.presets.model import Preset
from tasks.pixels.decoder_check import require_safe_decoders
from tasks.pixels.pool import PixelPool


def main(arguments: Sequence[str]) -> None:
    """Write one result for each preset, in the order given; a refusal is one, too."""
    configure_logs()
    source, folder, *names = arguments
    presets = load_presets(PresetSettings.load().file)
    decoders = require_safe_decoders(DecoderSettings.load())
    with PixelPool(PixelSettings.load(processes=1), decoders) as pool:
        results = [
            _made(pool, Path(source), presets.named(name), into=Path(folder) / str(number))
            for number, name in enumerate(names)
        ]
    json.dump(results, sys.stdout, default=str)


def _made(pool: PixelPool, source: Path, preset: Preset, *, into: Path) -> dict[str, Any]:
    into.mkdir()
    begun = time.monotonic()
    try:
        rendition = asyncio.run(pool.render(source, into, preset))
    except ProductImagesError as exc:
        error = {"code": exc.code, "detail": exc.detail, "retryable": exc.retryable}
        return {"preset": preset.name, "error": error}
    made = asdict(rendition)
    return {
        "preset": preset.name,
        "seconds": round(time.monotonic() - begun, 3),
        "source": made["source"],
        "page": made["page"],
        "variants": made["variants"],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
