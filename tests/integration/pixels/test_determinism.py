"""Equal sources give equal files, in whatever process."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from tests.pictures import photo

RENDER = """
import json, sys
from dataclasses import replace
from pathlib import Path
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.models import Limits
from tasks.imaging.presets.model import Encoding
from tasks.imaging.pipeline import render
from tasks.imaging.formats.detect import ImageFormat

web = packaged_presets().named("web")
encodings = (*web.encodings, replace(web.encodings[0], format=ImageFormat.AVIF, effort=None))
preset = replace(web, encodings=encodings)
made = render(Path(sys.argv[1]), Path(sys.argv[2]), preset, limits=Limits(max_pixels=10**7))
json.dump([made.fingerprint, [(each.name, each.sha256) for each in made.variants]], sys.stdout)
"""


def rendered_elsewhere(source: Path, directory: Path) -> object:
    """Render in a process of its own; numbers of hash seeds and addresses differ there."""
    directory.mkdir()
    command = [sys.executable, "-c", RENDER, source, directory]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: object = json.loads(done.stdout)
    return found


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(photo(900, 700, seed=3))
    first = rendered_elsewhere(source, tmp_path / "first")
    second = rendered_elsewhere(source, tmp_path / "second")
    assert first == second
    written = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (tmp_path / "first", tmp_path / "second")
    ]
    assert written[0] == written[1]
    assert len(written[0]) >= 6
