"""Presets and the fingerprint that names what they make."""

from dataclasses import replace

import pytest

from infra.errors import ErrorCode, PermanentError
from tasks.imaging import fingerprint
from tasks.imaging.fingerprint import policy_fingerprint
from tasks.imaging.preset import Encoding, preset_named
from tasks.imaging.sniff import ImageFormat

WEB = preset_named("web")


def test_the_web_preset_makes_four_widths_in_two_formats() -> None:
    assert WEB.widths == (1600, 800, 400, 200)
    assert [encoding.format for encoding in WEB.encodings] == [ImageFormat.WEBP, ImageFormat.JPEG]


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(PermanentError, match="'print'") as caught:
        preset_named("print")
    assert caught.value.code == ErrorCode.UNKNOWN_PRESET


def test_a_fingerprint_is_short_and_stable() -> None:
    assert policy_fingerprint(WEB) == policy_fingerprint(replace(WEB))
    assert len(policy_fingerprint(WEB)) == 16
    int(policy_fingerprint(WEB), 16)


@pytest.mark.parametrize(
    "changed",
    [
        replace(WEB, revision=2),
        replace(WEB, widths=(1600, 800)),
        replace(WEB, background=(0, 0, 0)),
        replace(WEB, encodings=(Encoding(ImageFormat.JPEG, quality=81),)),
    ],
)
def test_another_policy_has_another_fingerprint(changed: object) -> None:
    assert policy_fingerprint(changed) != policy_fingerprint(WEB)  # type: ignore[arg-type]  # parametrized


def test_another_pipeline_or_encoder_has_another_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = policy_fingerprint(WEB)
    monkeypatch.setattr(fingerprint, "PIPELINE_REVISION", fingerprint.PIPELINE_REVISION + 1)
    revised = policy_fingerprint(WEB)
    monkeypatch.setattr("PIL.features.version", lambda name: f"another {name}")
    assert len({before, revised, policy_fingerprint(WEB)}) == 3
