"""Every layout of the table of TIFFs in every byte order, in strips and tiles, packed or not."""

from pathlib import Path

import pytest

from tests.unit.imaging.decode.test_tiff_layouts import (
    assert_others_see,
    assert_refused,
    assert_shown,
)
from tests.unit.imaging.support.tiff_table import cases

CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_shown_as_it_is_meant_or_refused(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    if case.shown is None:
        assert_refused(tmp_path, case)
    else:
        assert_shown(tmp_path, case)


def test_other_decoders_see_the_same() -> None:
    assert_others_see(CASES)
