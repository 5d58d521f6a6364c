"""`make bench`: start a private stack, measure, print a table with ratios."""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from infra.settings.sections import StackSettings
from infra.stack.account import erase
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from infra.stack.supervisor.part import Progress
from infra.stack.supervisor.progress import describe
from tests.benchmarks.bulk import measure_bulk
from tests.benchmarks.busy_machine import measure_busy_machine
from tests.benchmarks.imports import measure_imports
from tests.benchmarks.latency import measure_latency
from tests.benchmarks.orchestration import measure_orchestration
from tests.benchmarks.picture.quality import measure_quality
from tests.benchmarks.planning import measure_planning
from tests.benchmarks.throughput import measure_throughput

Measure = Callable[[Stack, Console], None]

_ON_A_STACK: dict[str, Measure] = {
    "imports": measure_imports,
    "planning": measure_planning,
    "orchestration": measure_orchestration,
    "throughput": measure_throughput,
    "bulk": measure_bulk,
    "latency": measure_latency,
    "busy-machine": measure_busy_machine,
}


def main() -> None:
    """Run every benchmark, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    every = ("quality", *_ON_A_STACK)
    parser.add_argument("names", nargs="*", choices=every, metavar="NAME", help=", ".join(every))
    names = parser.parse_args().names or every
    console = Console(highlight=False)
    if "quality" in names:
        measure_quality(console)
    wanted = [measure for name, measure in _ON_A_STACK.items() if name in names]
    if wanted:
        _measure_on_a_stack(console, wanted)


def _measure_on_a_stack(console: Console, wanted: Sequence[Measure]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="product-images-bench-"))
    try:
        with Stack(_settings(directory), partial(_report, console)) as stack:
            for measure in wanted:
                measure(stack, console)
    finally:
        erase(directory)


def _settings(directory: Path) -> StackSettings:
    return StackSettings(
        stack_directory=directory,
        api_port=free_port(),
        prefect_port=free_port(),
        fetch_allowed_private_hosts="127.0.0.1",
    )


def _report(console: Console, progress: Progress) -> None:
    console.print(describe(progress), style="dim", markup=False)


if __name__ == "__main__":
    main()
