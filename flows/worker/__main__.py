"""Runs a worker: `python -m flows.worker`.

Light on purpose: what only looks at this module does not wait for Prefect.
"""

import sys


def main() -> None:
    """Work until SIGTERM or Ctrl-C."""
    from flows.worker.lifecycle import run_worker  # with Prefect, which takes seconds

    sys.exit(run_worker())


if __name__ == "__main__":
    main()
