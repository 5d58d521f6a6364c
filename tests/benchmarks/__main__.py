"""`make bench`: start a private stack, measure, print a table with ratios."""

import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from infra.settings import StackSettings
from infra.stack.account import erase
from infra.stack.part import Progress
from infra.stack.ports import free_port
from infra.stack.progress import describe
from infra.stack.stack import Stack
from tests.benchmarks.bulk import measure_bulk
from tests.benchmarks.imports import measure_imports
from tests.benchmarks.latency import measure_latency
from tests.benchmarks.orchestration import measure_orchestration
from tests.benchmarks.planning import measure_planning
from tests.benchmarks.quality import measure_quality
from tests.benchmarks.throughput import measure_throughput


def main() -> None:
    """Run every benchmark."""
    console = Console(highlight=False)
    measure_quality(console)
    directory = Path(tempfile.mkdtemp(prefix="product-images-bench-"))
    try:
        with Stack(_settings(directory), partial(_report, console)) as stack:
            measure_imports(stack, console)
            measure_planning(stack, console)
            measure_orchestration(stack, console)
            measure_throughput(stack, console)
            measure_bulk(stack, console)
            measure_latency(stack, console)
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
