"""Every native library that decodes is at or above its floor, and one below stops the process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings.sections import DecoderSettings, SettingsError
from tasks.imaging.decode import decoder_versions
from tasks.imaging.decode.decoder_versions import (
    FLOORS,
    HEIC_FLOORS,
    Library,
    complaints,
    loaded_libraries,
)
from tasks.pixels.decoder_check import require_safe_decoders
from tests.commands import run
from tests.unit.imaging.support.pictures import encoded, photo

HEIC = DecoderSettings(heic_enabled=True)
NO_HEIC = DecoderSettings(heic_enabled=False)
NEVER_LOADED = {"libpng"}  # Pillow reads PNG by itself; libpng comes with fonts, which we never use

Floors = tuple[decoder_versions.Floor, ...]


def telling(floors: Floors, name: str, version: str) -> Floors:
    """Return the floors with one library that tells another version."""
    return tuple(
        replace(each, ask=lambda: version) if each.name == name else each for each in floors
    )


def test_what_is_installed_is_at_or_above_its_floor() -> None:
    libraries = loaded_libraries(heic=True)
    assert complaints(libraries) == []
    assert {each.floor.name for each in libraries} | NEVER_LOADED == {
        each.name for each in (*FLOORS, *HEIC_FLOORS)
    }
    assert all(decoder_versions._numbers(each.version) for each in libraries)


def test_libheif_is_asked_only_where_heic_is_enabled() -> None:
    names = {each.floor.name for each in loaded_libraries(heic=False)}
    assert names.isdisjoint(each.name for each in HEIC_FLOORS)
    assert require_safe_decoders(NO_HEIC) is NO_HEIC
    assert require_safe_decoders(HEIC) is HEIC


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: str(floor.name))
def test_a_library_below_its_floor_stops_the_process(
    monkeypatch: pytest.MonkeyPatch, floor: decoder_versions.Floor
) -> None:
    monkeypatch.setattr(decoder_versions, "_is_of_the_system", lambda path: False)
    monkeypatch.setattr(decoder_versions, "FLOORS", telling(FLOORS, floor.name, "0.9.9"))
    with pytest.raises(SettingsError, match=f"{floor.name} 0.9.9 is older than {floor.oldest}"):
        require_safe_decoders(NO_HEIC)


@pytest.mark.parametrize(
    ("name", "version"),
    [("libheif", "1.23.0"), ("libheif", "1.23.4"), ("libde265", "1.1.0"), ("libde265", "1.1.1")],
)
def test_a_heic_decoder_with_known_holes_stops_the_process_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str
) -> None:
    monkeypatch.setattr(decoder_versions, "HEIC_FLOORS", telling(HEIC_FLOORS, name, version))
    with pytest.raises(SettingsError, match=rf"{name} {version} .*set HEIC_ENABLED=false\."):
        require_safe_decoders(HEIC)
    assert require_safe_decoders(NO_HEIC) is NO_HEIC


@pytest.mark.parametrize("asked", ["heif_version", "hevc_version"])
def test_heic_without_its_decoder_stops_the_process(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    nothing: Callable[[], str] = str
    monkeypatch.setattr(decoder_versions, asked, nothing)
    with pytest.raises(SettingsError, match=r"HEIC_ENABLED is true, but .*HEIC_ENABLED=false"):
        require_safe_decoders(HEIC)


def test_numbers_are_compared_as_numbers() -> None:
    floor = replace(FLOORS[0], oldest="1.10.2")
    old = {each: Library(floor, each, from_system=False).is_too_old for each in VERSIONS}
    assert old == VERSIONS


VERSIONS = {
    "1.9.9": True,
    "1.10.1": True,
    "1.10.2": False,
    "1.10.2.1": False,
    "1.11": False,
    "1.10.2-0-gb546257": False,
    "libde265 2.0": False,
}


def test_an_old_library_of_the_operating_system_is_not_complained_about() -> None:
    assert complaints((Library(FLOORS[0], "0.1", from_system=True),)) == []
    assert complaints((Library(FLOORS[0], "0.1", from_system=False),)) != []
    assert decoder_versions._is_of_the_system("/lib/x86_64-linux-gnu/libz.so.1")
    assert not decoder_versions._is_of_the_system(
        str(Path(decoder_versions.features.__file__).parent / "x.so")
    )


@pytest.fixture
def without_heic(tmp_path: Path) -> Path:
    """A folder that hides the extra from processes that have it in PYTHONPATH."""
    (tmp_path / "pillow_heif.py").write_text("raise ImportError('hidden')")
    (tmp_path / "photo.jpg").write_bytes(encoded(photo(60, 40), "JPEG"))
    return tmp_path


def test_a_command_that_decodes_does_not_start_without_the_extra(without_heic: Path) -> None:
    done = run(
        without_heic, "inspect", "photo.jpg", PYTHONPATH=str(without_heic), HEIC_ENABLED="true"
    )
    assert done.status != 0
    assert "install the extra `heic`" in done.err
    assert "Traceback" not in done.err


def test_it_starts_without_the_extra_where_heic_is_off(without_heic: Path) -> None:
    done = run(without_heic, "inspect", "photo.jpg", "--json", PYTHONPATH=str(without_heic))
    assert done.status == 0
    assert "photo.jpg" in done.out
