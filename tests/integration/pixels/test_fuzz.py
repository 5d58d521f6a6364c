"""Damaged pictures by the thousand meet the pixel processes, and none leaves a trace."""

import os
from collections import Counter
from pathlib import Path

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed
from infra.settings.sections import PixelSettings
from tasks.pixels.pool import PixelPool
from tests.amount import amount
from tests.integration.pixels.fuzzing import MOVED, SHOWN, sources, try_damaged

INPUTS, BATCH = amount(10_000), 50
DEADLINE_SECONDS = 300.0  # for one batch, on a machine that does other things as well
KNOWN = {
    SHOWN,
    MOVED,
    ErrorCode.UNSUPPORTED_FORMAT,
    ErrorCode.TOO_MANY_PIXELS,
    ErrorCode.TOO_MANY_FRAMES,
    ErrorCode.TRUNCATED,
    ErrorCode.CORRUPT,
    ErrorCode.OUT_OF_MEMORY,
}


def test_damaged_pictures_end_with_a_known_code_and_kill_nothing() -> None:
    files, codes, lost = sources(), Counter[str](), list[tuple[int, str]]()
    with PixelPool(PixelSettings(processes=2), modules=(try_damaged.__module__,)) as pool:
        calls = {
            seed: pool.submit(try_damaged, Path(), files, seed, BATCH)
            for seed in range(INPUTS // BATCH)
        }
        for seed, call in calls.items():
            try:
                codes.update(call.result(DEADLINE_SECONDS))
            except (ImageRefused, PixelsFailed) as error:
                lost.append((seed, error.code))
        assert pool.submit(os.getpid).result(DEADLINE_SECONDS)
    assert lost == []
    assert sum(codes.values()) == INPUTS
    assert set(codes) <= KNOWN
    for code in (SHOWN, MOVED, ErrorCode.TRUNCATED, ErrorCode.CORRUPT, ErrorCode.TOO_MANY_PIXELS):
        assert codes[code] > INPUTS // 200, f"the damage is too one-sided: {codes}"
