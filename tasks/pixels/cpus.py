"""How many CPUs this process may use: what a container limits below the machine's."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cpus(cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> int:
    """Return the CPUs that this process may use, at least one; a part of one counts whole.

    A container is bound to some CPUs (its affinity), or gets a quota of the time of all (`cpu.max`
    of control groups, version 2).
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # Linux
    bound = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota = min(_quotas(cgroups, own_cgroup), default=bound)
    return max(1, min(bound, math.ceil(quota)))


def _quotas(cgroups: Path, own_cgroup: Path) -> Iterator[float]:
    """Yield the quotas of this process's control group and of those around it, in CPUs."""
    with suppress(OSError):
        for line in own_cgroup.read_text().splitlines():
            number, _, place = line.split(":", 2)
            if number != "0":  # of the first version
                continue
            group = cgroups / place.strip("/")
            for each in (group, *group.parents):
                if each.is_relative_to(cgroups):
                    with suppress(OSError, ValueError):  # without a quota it says "max"
                        time, period = (each / "cpu.max").read_text().split()
                        yield int(time) / int(period)
