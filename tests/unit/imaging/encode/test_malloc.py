"""What a pixel process frees is there for its next picture."""

import subprocess
import sys

# Holds some blocks and frees them, again and again; prints how many of the kernel's pages it took.
TAKING = """
import resource, sys
from tasks.pixels.malloc import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for turn in range(21):
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(3_000_000) for _ in range(10)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 20 * 10 * 3_000_000 // 4096


def pages_taken(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", TAKING, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_freed_memory_is_kept_for_the_next_blocks() -> None:
    assert pages_taken("left alone") > PAGES * 0.9
    assert pages_taken("kept") < PAGES * 0.1
