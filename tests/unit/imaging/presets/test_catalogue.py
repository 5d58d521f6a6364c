"""Files of presets: what is read, what is taken for granted, and who wins."""

from pathlib import Path

import pytest

from infra.settings.sections import PresetSettings, SettingsError
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.catalogue import PACKAGED_FILE, load_presets, packaged_presets
from tasks.imaging.presets.model import (
    Animated,
    Box,
    ByteBudget,
    Encoding,
    Fit,
    FixedQuality,
    Preset,
    TargetQuality,
    Trim,
)
from tasks.presets import read_presets
from tests.unit.imaging.support.presets_files import SHORTEST, broken, written

EVERY_KEY = """
version = 1

[presets.shop-window]
revision = 7
boxes = ["640x", "1200x900", "x300"]
background = "#F0e0d0"
trim = { tolerance = 20, margin = 0.1 }
sharpen = 0.4
keep_copyright = true
animation = { max_frames = 50, max_seconds = 7.5, max_megapixels = 20 }
drop_larger = false

[presets.shop-window.formats]
avif = { quality = { max_bytes = 90_000, low = 30, high = 80 }, effort = 6 }
webp = { quality = { score = 72.5, tolerance = 0.5, low = 55, high = 90 }, effort = 0 }
png = { effort = 9 }
jpeg = { quality = 85 }
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    assert load_presets(written(tmp_path, EVERY_KEY)).named("shop-window") == Preset(
        name="shop-window",
        revision=7,
        boxes=(Box(1200, 900), Box(width=640), Box(height=300)),
        encodings=(
            Encoding(ImageFormat.AVIF, ByteBudget(90_000, 30, 80), effort=6),
            Encoding(ImageFormat.WEBP, TargetQuality(72.5, 55, 90, 0.5), effort=0),
            Encoding(ImageFormat.PNG, FixedQuality(100), effort=9),
            Encoding(ImageFormat.JPEG, FixedQuality(85)),
        ),
        background=(240, 224, 208),
        trim=Trim(20, 0.1),
        sharpen=0.4,
        keep_copyright=True,
        animation=Animated(50, 7.5, 20),
        drop_larger=False,
    )


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    assert load_presets(written(tmp_path, SHORTEST)).named("plain") == Preset(
        name="plain",
        revision=1,
        boxes=(Box(width=900), Box(width=100)),
        encodings=(Encoding(ImageFormat.JPEG, FixedQuality(80)),),
    )


def test_the_focal_point_is_read(tmp_path: Path) -> None:
    text = broken(
        'boxes = ["9x9"]\nfit = "cover"\nfocus = [0, 0.25]', instead_of="widths = [100, 900]"
    )
    preset = load_presets(written(tmp_path, text)).named("plain")
    assert (preset.fit, preset.focus) == (Fit.COVER, (0.0, 0.25))


def test_a_lossless_file_for_graphics_can_be_ruled_out(tmp_path: Path) -> None:
    line = "formats.webp = { quality = 70, lossless_graphics = false }"
    webp = load_presets(written(tmp_path, broken(line))).named("plain").encodings[1]
    assert webp == Encoding(ImageFormat.WEBP, FixedQuality(70), lossless_graphics=False)


def test_own_presets_stand_beside_the_packages_and_win(tmp_path: Path) -> None:
    text = SHORTEST + SHORTEST.replace("plain", "web").replace("version = 1", "")
    presets = load_presets(written(tmp_path, text))
    assert list(presets) == ["marketplace", "plain", "thumbnail", "web"]
    assert presets.named("web").boxes == (Box(width=900), Box(width=100))
    assert presets.named("thumbnail") == packaged_presets().named("thumbnail")


def test_at_start_the_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^PRESETS_FILE is wrong:\n.*/absent.toml cannot be"):
        read_presets(PresetSettings(file=tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"^PRESETS_FILE is wrong:\n.*mine.toml, line 7: "):
        read_presets(PresetSettings(file=written(tmp_path, broken("sharpen = 2"))))


def test_without_a_file_the_packages_presets_are_read() -> None:
    assert list(read_presets(PresetSettings(file=None))) == list(packaged_presets())


def test_the_file_of_the_package_is_an_example_that_can_be_copied(tmp_path: Path) -> None:
    copied = load_presets(written(tmp_path, PACKAGED_FILE.read_text(encoding="utf-8")))
    assert [copied.named(name) for name in copied] == [
        packaged_presets().named(name) for name in packaged_presets()
    ]
