"""A variant as the API shows it."""

from api.schemas.jobs import Variant
from tasks.views import VariantView

STORED = VariantView(
    name="w800-webp",
    object_key="variants/a/b/w800-webp.webp",
    format="webp",
    width=800,
    height=600,
    bytes=20_480,
    quality=78,
    score=75.3,
    frames=12,
)


def test_a_variant_tells_how_many_frames_it_has_and_so_does_its_markup() -> None:
    shown = Variant.of(STORED, "https://assets.example")
    assert shown.model_dump()["frames"] == 12
    assert shown.linked.frames == 12


def test_a_client_can_count_on_frames() -> None:
    assert "frames" in Variant.model_json_schema(mode="serialization")["required"]
