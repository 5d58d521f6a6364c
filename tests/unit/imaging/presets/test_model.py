"""The presets of the package, and what names a policy."""

import pickle
from dataclasses import asdict, replace
from typing import Any

import pytest

from infra.contract.errors import ErrorCode, PermanentError
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets import fingerprint
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.fingerprint import policy_fingerprint, policy_revision
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
    When,
)

WEB = packaged_presets().named("web")

EDITS: dict[str, Any] = {
    "name": "shop",
    "revision": WEB.revision + 1,
    "boxes": (Box(width=1600),),
    "encodings": (Encoding(ImageFormat.JPEG, FixedQuality(81)),),
    "fit": Fit.PAD,
    "background": (0, 0, 0),
    "trim": Trim(),
    "sharpen": 0.1,
    "keep_copyright": True,
    "focus": (0.5, 0.4),
    "animation": Animated(10, 2),
    "drop_larger": not WEB.drop_larger,
}


def test_the_web_preset_makes_four_widths_and_webp_only_where_it_wins() -> None:
    assert WEB.boxes == tuple(Box(width=width) for width in (1600, 800, 400, 200))
    assert {encoding.format: encoding.when for encoding in WEB.encodings} == {
        ImageFormat.AVIF: When.ALWAYS,
        ImageFormat.WEBP: When.WINS,
        ImageFormat.JPEG: When.ALWAYS,
    }
    assert not WEB.drop_larger, "a page names both formats"


def test_the_marketplace_preset_makes_a_white_square() -> None:
    preset = packaged_presets().named("marketplace")
    assert preset.boxes == (Box(2000, 2000),)
    assert (preset.fit, preset.background) == (Fit.PAD, (255, 255, 255))
    assert preset.trim is not None
    assert [encoding.format for encoding in preset.encodings] == [ImageFormat.JPEG]


def test_the_thumbnail_preset_cuts_two_squares() -> None:
    preset = packaged_presets().named("thumbnail")
    assert (preset.fit, preset.boxes) == (Fit.COVER, (Box(320, 320), Box(160, 160)))
    assert [each.format for each in preset.encodings] == [ImageFormat.WEBP, ImageFormat.JPEG]


def test_an_unknown_preset_is_refused_by_name_with_those_that_are_known() -> None:
    with pytest.raises(PermanentError, match=r"'print'.* marketplace, thumbnail, web") as caught:
        packaged_presets().named("print")
    assert caught.value.code == ErrorCode.UNKNOWN_PRESET


@pytest.mark.parametrize("name", list(packaged_presets()))
def test_a_preset_crosses_to_a_pixel_process(name: str) -> None:
    preset = packaged_presets().named(name)
    assert pickle.loads(pickle.dumps(preset)) == preset


def test_a_box_without_any_side_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="width, a height, or both"):
        Box()


@pytest.mark.parametrize("named", [policy_fingerprint, policy_revision])
def test_a_policys_name_is_short_and_stable(named: Any) -> None:
    assert named(WEB) == named(replace(WEB))
    assert len(named(WEB)) == 16
    int(named(WEB), 16)


def test_every_part_of_a_preset_is_edited_below() -> None:
    assert set(EDITS) == set(asdict(WEB))


@pytest.mark.parametrize(
    ("name", "revision", "address"),
    [
        ("marketplace", "2eca1e669792b422", "2540d91b0d750d32"),
        ("thumbnail", "b93011bc02864cb1", "9bc06dc7fa4d6c94"),
        ("web", "152f0343b3d5ba67", "4483c94f89b97d2d"),
    ],
)
def test_stored_addresses_outlive_a_change_of_how_presets_are_read(
    name: str, revision: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = packaged_presets().named(name)
    monkeypatch.setattr(fingerprint, "PIPELINE_REVISION", 7)
    monkeypatch.setattr("PIL.__version__", "12.0.0")
    monkeypatch.setattr("PIL.features.version", lambda name: f"a version of {name}")
    monkeypatch.setattr(fingerprint, "heif_version", lambda: "1.20")
    assert (policy_revision(preset), policy_fingerprint(preset)) == (revision, address)


@pytest.mark.parametrize("part", EDITS)
def test_an_edit_shows_even_when_nobody_raised_the_revision(part: str) -> None:
    edited: Preset = replace(WEB, **{part: EDITS[part]})
    assert policy_fingerprint(edited) != policy_fingerprint(WEB)
    assert policy_revision(edited) != policy_revision(WEB)


def test_kinds_of_quality_with_equal_numbers_differ() -> None:
    qualities = (FixedQuality(80), TargetQuality(80, 40, 95, 1), ByteBudget(80, 40, 95))
    policies = {
        policy_fingerprint(replace(WEB, encodings=(Encoding(ImageFormat.WEBP, quality),)))
        for quality in qualities
    }
    assert len(policies) == 3


def test_another_pipeline_makes_what_there_is_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    before = policy_fingerprint(WEB), policy_revision(WEB)
    monkeypatch.setattr(fingerprint, "PIPELINE_REVISION", fingerprint.PIPELINE_REVISION + 1)
    assert policy_fingerprint(WEB) != before[0]
    assert policy_revision(WEB) != before[1]


def test_another_encoder_gives_another_address_and_makes_nothing_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = policy_fingerprint(WEB), policy_revision(WEB)
    monkeypatch.setattr("PIL.features.version", lambda name: f"another {name}")
    assert policy_fingerprint(WEB) != before[0]
    assert policy_revision(WEB) == before[1]


def test_another_heic_decoder_gives_another_address_and_makes_nothing_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = policy_fingerprint(WEB), policy_revision(WEB)
    monkeypatch.setattr(fingerprint, "heif_version", lambda: "another")
    assert policy_fingerprint(WEB) != before[0]
    assert policy_revision(WEB) == before[1]


def test_a_preset_that_keeps_no_animations_is_named_as_before_there_were_any() -> None:
    assert asdict(WEB)["animation"] == {}
    limits = asdict(replace(WEB, animation=Animated()))["animation"]
    assert set(limits) == {"max_frames", "max_seconds", "max_megapixels"}


def test_an_encoder_that_a_preset_does_not_use_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jpeg = replace(WEB, encodings=(Encoding(ImageFormat.JPEG, FixedQuality(80)),))
    versions = dict.fromkeys(("libjpeg_turbo", "webp"), "1")
    monkeypatch.setattr("PIL.features.version", versions.get)
    before = policy_fingerprint(jpeg), policy_fingerprint(WEB)
    versions["webp"] = "2"
    assert policy_fingerprint(jpeg) == before[0]
    assert policy_fingerprint(WEB) != before[1]


def test_a_focal_point_of_an_image_changes_what_is_cropped_and_no_other_address() -> None:
    thumbnail, point = packaged_presets().named("thumbnail"), (0.25, 1.0)

    focused = thumbnail.around(point)

    assert focused == replace(thumbnail, focus=point)
    assert policy_fingerprint(focused) != policy_fingerprint(thumbnail)
    assert thumbnail.around(None) is thumbnail
    assert WEB.around(point) is WEB  # the whole image is shown
