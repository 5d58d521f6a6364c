"""CPU seconds by part of the running system."""

from collections.abc import Callable

import psutil

from tests.world import World


def cpu_seconds(world: World) -> dict[str, float]:
    """Return the CPU seconds that each part has used; pixel processes count as one part."""
    used = {}
    for part, pid in world.stack.description.processes.items():
        process = psutil.Process(pid)
        used[part] = _seconds(process)
        children = _of_gone_children(process)
        children += sum(_seconds(child) for child in process.children(recursive=True))
        used["pixels" if part.startswith("worker") else f"{part} (children)"] = children
    return used


def cpu_used(world: World, work: Callable[[], None]) -> dict[str, float]:
    """Do the work; return the CPU seconds that each part has used meanwhile."""
    before = cpu_seconds(world)
    work()
    return {part: after - before.get(part, 0) for part, after in cpu_seconds(world).items()}


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0
    return float(times.user + times.system)


def _of_gone_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.children_user + times.children_system)
